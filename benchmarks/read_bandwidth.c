// Reads a working set again and again on several threads, each its own; compiled by compiled_c.py.
#include <immintrin.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Bytes per second over all threads.
double read_bandwidth(int64_t bytes, int64_t rounds, int32_t threads) {
  double start = 0, end = 0;
  float total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
  {
    float *block = aligned_alloc(64, (size_t)bytes);
    memset(block, 0, (size_t)bytes);
    __m512 sum[8];
    for (int k = 0; k < 8; ++k) sum[k] = _mm512_setzero_ps();
#pragma omp barrier
#pragma omp master
    start = omp_get_wtime();
#pragma omp barrier
    for (int64_t round = 0; round < rounds; ++round)
      for (int64_t j = 0; j + 128 <= bytes / 4; j += 128)
        for (int k = 0; k < 8; ++k) sum[k] = _mm512_add_ps(sum[k], _mm512_load_ps(block + j + 16 * k));
#pragma omp barrier
#pragma omp master
    end = omp_get_wtime();
    for (int k = 0; k < 8; ++k) total += _mm512_reduce_add_ps(sum[k]);
    free(block);
  }
  return total == 0 ? (double)bytes * (double)rounds * threads / (end - start) : 0;
}
