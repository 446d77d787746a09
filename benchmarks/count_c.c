// Counting points beyond a hyperplane by looking at all of them: coordinate by coordinate, sixteen points at a time in
// AVX-512, nothing stored. Compiled by compiled_c.py.
#include <immintrin.h>
#include <stdint.h>

// Coordinate j of point p is at columns[j * count + p]; `count` is a multiple of 64.
int64_t count_far(const float *columns, int64_t count, int64_t d, const float *normal, float threshold) {
  const __m512 limit = _mm512_set1_ps(threshold);
  int64_t found = 0;
  for (int64_t p = 0; p < count; p += 64) {
    __m512 sums[4];
    for (int k = 0; k < 4; ++k) sums[k] = _mm512_setzero_ps();
    for (int64_t j = 0; j < d; ++j) {
      const __m512 x = _mm512_set1_ps(normal[j]);
      for (int k = 0; k < 4; ++k)
        sums[k] = _mm512_fmadd_ps(_mm512_loadu_ps(columns + j * count + p + 16 * k), x, sums[k]);
    }
    for (int k = 0; k < 4; ++k) found += __builtin_popcount(_mm512_cmp_ps_mask(sums[k], limit, _CMP_GE_OQ));
  }
  return found;
}

// Several queries one after the other, so that no time goes to calling.
void count_each(const float *columns, int64_t count, int64_t d, const float *normals, int64_t queries, float threshold,
                int64_t *counts) {
  for (int64_t q = 0; q < queries; ++q) counts[q] = count_far(columns, count, d, normals + q * d, threshold);
}
