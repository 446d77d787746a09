// Half-space reporting as fast as a BLAS allows: scores of a tile of points and queries by OpenBLAS, packed by AVX-512
// while they are in the cache. Compiled by compiled_c.py.
#include <immintrin.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Sgemm)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t,
                      float, float *, int64_t);

// counts[q] ids in ids[q * room ...]; `room` is that of a query. Returns 0 where it is too small.
int report(void *sgemm, const float *points, int64_t count, int64_t d, const float *queries, int64_t query_count,
           float threshold, int32_t threads, int64_t room, int32_t *ids, int64_t *counts) {
  enum { QUERY_TILE = 250, POINT_TILE = 2048 };
  int fits = 1;
#pragma omp parallel num_threads(threads)
  {
    float *scores = malloc(sizeof(float) * QUERY_TILE * POINT_TILE);
#pragma omp for schedule(dynamic, 1)
    for (int64_t first = 0; first < query_count; first += QUERY_TILE) {
      const int64_t size = first + QUERY_TILE < query_count ? QUERY_TILE : query_count - first;
      memset(counts + first, 0, (size_t)size * 8);
      for (int64_t p = 0; p < count; p += POINT_TILE) {
        const int64_t width = p + POINT_TILE < count ? POINT_TILE : count - p;
        ((Sgemm)sgemm)(101, 111, 112, size, width, d, 1.f, queries + first * d, d, points + p * d, d, 0.f, scores, width);
        const __m512 limit = _mm512_set1_ps(threshold);
        for (int64_t q = 0; q < size; ++q) {
          int64_t found = counts[first + q];
          if (found + width + 16 > room) {
#pragma omp atomic write
            fits = 0;
            continue;
          }
          int32_t *own = ids + (first + q) * room;
          const float *row = scores + q * width;
          __m512i id = _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                        _mm512_set1_epi32((int)p));
          for (int64_t j = 0; j < width; j += 16) {
            const __mmask16 there = width - j < 16 ? (__mmask16)((1U << (width - j)) - 1) : 0xFFFF;
            const __mmask16 far = _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, row + j), limit, _CMP_GE_OQ);
            _mm512_storeu_si512(own + found, _mm512_maskz_compress_epi32(far, id));
            found += __builtin_popcount(far);
            id = _mm512_add_epi32(id, _mm512_set1_epi32(16));
          }
          counts[first + q] = found;
        }
      }
    }
    free(scores);
  }
  return fits;
}
