// Reads a working set again and again on several threads, each its own; compiled by compiled_c.py.
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "simd.h"

// Bytes per second over all threads.
double read_bandwidth(int64_t bytes, int64_t rounds, int32_t threads) {
  double start = 0, end = 0;
  float total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
  {
    float *block = aligned_alloc(64, (size_t)bytes);
    memset(block, 0, (size_t)bytes);
    Vector sum[8];
    for (int k = 0; k < 8; ++k) sum[k] = zeros();
#pragma omp barrier
#pragma omp master
    start = omp_get_wtime();
#pragma omp barrier
    for (int64_t round = 0; round < rounds; ++round)
      for (int64_t j = 0; j + 8 * LANES <= bytes / 4; j += 8 * LANES)
        for (int k = 0; k < 8; ++k) sum[k] = add(sum[k], load(block + j + LANES * k));
#pragma omp barrier
#pragma omp master
    end = omp_get_wtime();
    for (int k = 0; k < 8; ++k) total += sum_of(sum[k]);
    free(block);
  }
  return total == 0 ? (double)bytes * (double)rounds * threads / (end - start) : 0;
}
