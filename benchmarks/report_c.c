// Half-space reporting as fast as a BLAS allows: scores of a tile of points and queries by OpenBLAS, packed by AVX-512
// or AVX2 (simd.h) while they are in the cache. Compiled by compiled_c.py.
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "simd.h"

typedef void (*Sgemm)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t,
                      float, float *, int64_t);

// Packs the ids of the scores that reach the threshold, the first of which is `first`; returns how many. Reads up to
// LANES - 1 scores too many, and writes up to LANES ids too many.
static int64_t pack(const float *scores, int64_t count, float threshold, int32_t first, int32_t *reached) {
  const Vector limit = all_of(threshold);
  Ids ids = ids_from(first);
  int64_t found = 0, j = 0;
  for (; j + TOGETHER * LANES <= count; j += TOGETHER * LANES) {
    unsigned far[TOGETHER], any = 0;
    for (int k = 0; k < TOGETHER; ++k) any |= far[k] = not_less(load(scores + j + k * LANES), limit);
    if (TOGETHER > 1 && any == 0) {
      for (int k = 0; k < TOGETHER; ++k) ids = next_ids(ids);
      continue;
    }
    for (int k = 0; k < TOGETHER; ++k, ids = next_ids(ids)) {
      pack_ids(reached + found, far[k], ids);
      found += __builtin_popcount(far[k]);
    }
  }
  for (; j < count; j += LANES, ids = next_ids(ids)) {
    unsigned far = not_less(load(scores + j), limit);
    if (count - j < LANES) far &= (1U << (count - j)) - 1;
    pack_ids(reached + found, far, ids);
    found += __builtin_popcount(far);
  }
  return found;
}

// counts[q] ids in ids[q * room ...]; `room` is that of a query. Returns 0 where it is too small.
int report(void *sgemm, const float *points, int64_t count, int64_t d, const float *queries, int64_t query_count,
           float threshold, int32_t threads, int64_t room, int32_t *ids, int64_t *counts) {
  // Scores of a tile take 2 MB, or 512 kB, which is fastest on an AMD EPYC (Zen 3) with that much of L2.
  enum { QUERY_TILE = 250, POINT_TILE = LANES == 16 ? 2048 : 512 };
  int fits = 1;
#pragma omp parallel num_threads(threads)
  {
    float *scores = malloc(sizeof(float) * (QUERY_TILE * POINT_TILE + LANES));
#pragma omp for schedule(dynamic, 1)
    for (int64_t first = 0; first < query_count; first += QUERY_TILE) {
      const int64_t size = first + QUERY_TILE < query_count ? QUERY_TILE : query_count - first;
      memset(counts + first, 0, (size_t)size * 8);
      for (int64_t p = 0; p < count; p += POINT_TILE) {
        const int64_t width = p + POINT_TILE < count ? POINT_TILE : count - p;
        ((Sgemm)sgemm)(101, 111, 112, size, width, d, 1.f, queries + first * d, d, points + p * d, d, 0.f, scores, width);
        for (int64_t q = 0; q < size; ++q) {
          int64_t *found = counts + first + q;
          if (*found + width + LANES > room) {
#pragma omp atomic write
            fits = 0;
            continue;
          }
          *found += pack(scores + q * width, width, threshold, (int32_t)p, ids + (first + q) * room + *found);
        }
      }
    }
    free(scores);
  }
  return fits;
}
