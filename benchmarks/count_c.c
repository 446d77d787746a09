// Counting points beyond a hyperplane by looking at all of them: coordinate by coordinate, sixteen points at a time in
// AVX-512 or eight in AVX2 (simd.h), nothing stored. Compiled by compiled_c.py.
#include <stdint.h>

#include "simd.h"

// Coordinate j of point p is at columns[j * count + p]; `count` is a multiple of 64.
int64_t count_far(const float *columns, int64_t count, int64_t d, const float *normal, float threshold) {
  enum { BLOCK = 64, VECTORS = BLOCK / LANES };
  const Vector limit = all_of(threshold);
  int64_t found = 0;
  for (int64_t p = 0; p < count; p += BLOCK) {
    Vector sums[VECTORS];
    for (int k = 0; k < VECTORS; ++k) sums[k] = zeros();
    for (int64_t j = 0; j < d; ++j) {
      const Vector x = all_of(normal[j]);
      for (int k = 0; k < VECTORS; ++k) sums[k] = multiply_add(load(columns + j * count + p + LANES * k), x, sums[k]);
    }
    for (int k = 0; k < VECTORS; ++k) found += __builtin_popcount(not_less(sums[k], limit));
  }
  return found;
}

// Several queries one after the other, so that no time goes to calling.
void count_each(const float *columns, int64_t count, int64_t d, const float *normals, int64_t queries, float threshold,
                int64_t *counts) {
  for (int64_t q = 0; q < queries; ++q) counts[q] = count_far(columns, count, d, normals + q * d, threshold);
}
