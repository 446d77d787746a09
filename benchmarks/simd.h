// The few vector instructions that the C peers are written in, for AVX-512 and for AVX2 with FMA: sixteen or eight
// floats at a time. Compiled with -march=native by compiled_c.py.
#pragma once
#include <immintrin.h>
#include <stdint.h>

#if defined(__AVX512F__)

enum { LANES = 16, TOGETHER = 1 };
typedef __m512 Vector;
typedef __m512i Ids;  // of LANES neighbours

static inline Vector zeros(void) { return _mm512_setzero_ps(); }
static inline Vector all_of(float x) { return _mm512_set1_ps(x); }
static inline Vector load(const float *from) { return _mm512_loadu_ps(from); }
static inline void store(float *to, Vector v) { _mm512_storeu_ps(to, v); }
static inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
static inline Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
static inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline float sum_of(Vector v) { return _mm512_reduce_add_ps(v); }

// A bit for each lane.
static inline unsigned above_zero(Vector v) { return _mm512_cmp_ps_mask(v, zeros(), _CMP_GT_OQ); }
static inline unsigned not_less(Vector a, Vector b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }

// c + a b in the lanes where a > 0, c in the others.
static inline Vector add_above_zero(Vector a, Vector b, Vector c) {
  return _mm512_mask3_fmadd_ps(a, b, c, (__mmask16)above_zero(a));
}

// The ids from `first` on, and those after.
static inline Ids ids_from(int32_t first) {
  return _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                          _mm512_set1_epi32(first));
}
static inline Ids next_ids(Ids ids) { return _mm512_add_epi32(ids, _mm512_set1_epi32(LANES)); }

// Those whose bit is set, side by side; what lies behind them, up to LANES, is overwritten too.
static inline void pack_ids(int32_t *to, unsigned bits, Ids ids) {
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)bits, ids));
}
static inline void pack_floats(float *to, unsigned bits, Vector v) {
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps((__mmask16)bits, v));
}

#elif defined(__AVX2__) && defined(__FMA__)

// TOGETHER: how many vectors are worth a test whether there is anything to pack in any of them.
enum { LANES = 8, TOGETHER = 4 };
typedef __m256 Vector;
typedef __m256i Ids;  // of LANES neighbours: the first of them in each lane

static inline Vector zeros(void) { return _mm256_setzero_ps(); }
static inline Vector all_of(float x) { return _mm256_set1_ps(x); }
static inline Vector load(const float *from) { return _mm256_loadu_ps(from); }
static inline void store(float *to, Vector v) { _mm256_storeu_ps(to, v); }
static inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
static inline Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
static inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
static inline float sum_of(Vector v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline unsigned above_zero(Vector v) {
  return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(v, zeros(), _CMP_GT_OQ));
}
static inline unsigned not_less(Vector a, Vector b) {
  return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ));
}

static inline Vector add_above_zero(Vector a, Vector b, Vector c) { return multiply_add(_mm256_max_ps(a, zeros()), b, c); }

static inline Ids ids_from(int32_t first) { return _mm256_set1_epi32(first); }
static inline Ids next_ids(Ids ids) { return _mm256_add_epi32(ids, _mm256_set1_epi32(LANES)); }

// The numbers of the bits that are set, a byte each, by all the bits.
static uint64_t set_bits[256];
__attribute__((constructor)) static void find_set_bits(void) {
  for (unsigned bits = 0; bits < 256; ++bits)
    for (unsigned left = bits, k = 0; left != 0; left &= left - 1, ++k)
      set_bits[bits] |= (uint64_t)__builtin_ctz(left) << 8 * k;
}
static inline __m256i lanes_of(unsigned bits) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&set_bits[bits]));
}

static inline void pack_ids(int32_t *to, unsigned bits, Ids ids) {
  _mm256_storeu_si256((__m256i *)to, _mm256_add_epi32(ids, lanes_of(bits)));
}
static inline void pack_floats(float *to, unsigned bits, Vector v) {
  _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(v, lanes_of(bits)));
}

#else
#error "the C peers need AVX-512, or AVX2 with FMA"
#endif
