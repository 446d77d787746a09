// Groups of lanes, and how they are loaded, stored and summed up; part of kernels_inl.hpp.

template <class T>
struct Native {
  typedef T Vector __attribute__((vector_size(SUBLINEAR_VECTOR_BYTES)));
};

// One group of lanes: 64 bytes in as many native vectors as that takes.
template <class T>
struct Lanes {
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr int kWidth = SUBLINEAR_VECTOR_BYTES / sizeof(T);
  static constexpr int kParts = kLanes / kWidth;
  typename Native<T>::Vector part[kParts];
};

template <class T>
SUBLINEAR_INLINE Lanes<T> zero() {
  Lanes<T> lanes;
  for (int p = 0; p < Lanes<T>::kParts; ++p) lanes.part[p] = typename Native<T>::Vector{};
  return lanes;
}

template <class T>
SUBLINEAR_INLINE Lanes<T> load(const T* from) {
  Lanes<T> lanes;
  for (int p = 0; p < Lanes<T>::kParts; ++p)
    memcpy(&lanes.part[p], from + p * Lanes<T>::kWidth, SUBLINEAR_VECTOR_BYTES);
  return lanes;
}

// The first `count` elements, fewer than a group, and zeros.
#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE Lanes<float> load_some(const float* from, Index count) {
  return {{_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from)}};
}

SUBLINEAR_INLINE Lanes<double> load_some(const double* from, Index count) {
  return {{_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from)}};
}
#else
template <class T>
SUBLINEAR_INLINE Lanes<T> load_some(const T* from, Index count) {
  T padded[Lanes<T>::kLanes] = {};
  for (Index j = 0; j < count; ++j) padded[j] = from[j];
  return load(padded);
}
#endif

template <class T>
SUBLINEAR_INLINE void store(const Lanes<T>& lanes, T* to) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) memcpy(to + p * Lanes<T>::kWidth, &lanes.part[p], SUBLINEAR_VECTOR_BYTES);
}

// The first `count` of the lanes.
template <class T>
SUBLINEAR_INLINE void store_some(const Lanes<T>& lanes, T* to, Index count) {
  T all[Lanes<T>::kLanes];
  store(lanes, all);
  for (Index j = 0; j < count; ++j) to[j] = all[j];
}

#if defined(SUBLINEAR_NEON)
#include "neon_lanes_inl.hpp"
#endif

// Product and sum are rounded separately: the whole library is compiled with -ffp-contract=off.
template <class T>
SUBLINEAR_INLINE void add_product(Lanes<T>& sum, const Lanes<T>& a, const Lanes<T>& b) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) sum.part[p] = sum.part[p] + a.part[p] * b.part[p];
}

template <class T>
SUBLINEAR_INLINE void add_scaled(Lanes<T>& sum, T scale, const Lanes<T>& b) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) sum.part[p] = sum.part[p] + b.part[p] * scale;
}

#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE void fold_four(__m512 a, __m512 b, __m512 c, __m512 d, float* out) {
  const __m512 ab = _mm512_shuffle_f32x4(a, b, 0x44) + _mm512_shuffle_f32x4(a, b, 0xEE);
  const __m512 cd = _mm512_shuffle_f32x4(c, d, 0x44) + _mm512_shuffle_f32x4(c, d, 0xEE);
  __m512 rows = _mm512_shuffle_f32x4(ab, cd, 0x88) + _mm512_shuffle_f32x4(ab, cd, 0xDD);
  rows = rows + _mm512_permute_ps(rows, 0x4E);
  rows = rows + _mm512_permute_ps(rows, 0xB1);
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, rows)));
}

SUBLINEAR_INLINE void fold_four(__m512d a, __m512d b, __m512d c, __m512d d, double* out) {
  const __m512d ab = _mm512_shuffle_f64x2(a, b, 0x44) + _mm512_shuffle_f64x2(a, b, 0xEE);
  const __m512d cd = _mm512_shuffle_f64x2(c, d, 0x44) + _mm512_shuffle_f64x2(c, d, 0xEE);
  __m512d rows = _mm512_shuffle_f64x2(ab, cd, 0x88) + _mm512_shuffle_f64x2(ab, cd, 0xDD);
  rows = rows + _mm512_permute_pd(rows, 0x55);
  _mm256_storeu_pd(out, _mm512_castpd512_pd256(_mm512_maskz_compress_pd(0x55, rows)));
}
#endif

#if SUBLINEAR_VECTOR_BYTES == 32
// The four sums of the lanes of a ... d, in the order of `fold`.
SUBLINEAR_INLINE void fold_four(__m256 a, __m256 b, __m256 c, __m256 d, float* out) {
  const __m256 ab = _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
  const __m256 cd = _mm256_permute2f128_ps(c, d, 0x20) + _mm256_permute2f128_ps(c, d, 0x31);
  __m256 rows = _mm256_shuffle_ps(ab, cd, 0x44) + _mm256_shuffle_ps(ab, cd, 0xEE);  // a a c c b b d d
  rows = rows + _mm256_permute_ps(rows, 0xB1);
  _mm_storeu_ps(out, _mm_blend_ps(_mm256_castps256_ps128(rows), _mm256_extractf128_ps(rows, 1), 0xA));
}

SUBLINEAR_INLINE void fold_four(__m256d a, __m256d b, __m256d c, __m256d d, double* out) {
  const __m256d ab = _mm256_permute2f128_pd(a, b, 0x20) + _mm256_permute2f128_pd(a, b, 0x31);
  const __m256d cd = _mm256_permute2f128_pd(c, d, 0x20) + _mm256_permute2f128_pd(c, d, 0x31);
  const __m256d rows = _mm256_unpacklo_pd(ab, cd) + _mm256_unpackhi_pd(ab, cd);  // a c b d
  _mm256_storeu_pd(out, _mm256_permute4x64_pd(rows, 0xD8));
}
#endif

// A vector of kBytes as its lower and upper half.
template <class T, int kBytes>
struct Split {
  typedef T Whole __attribute__((vector_size(kBytes)));
  typedef T Half __attribute__((vector_size(kBytes / 2)));
  Half low, high;
  SUBLINEAR_INLINE explicit Split(Whole whole) {
    memcpy(&low, &whole, kBytes / 2);
    memcpy(&high, reinterpret_cast<const char*>(&whole) + kBytes / 2, kBytes / 2);
  }
};

// Halves the lanes until one is left: lane l + half is added to lane l.
template <class T, int kBytes>
SUBLINEAR_INLINE T fold_vector(typename Split<T, kBytes>::Whole whole) {
  if constexpr (kBytes > 16) {
    const Split<T, kBytes> split(whole);
    return fold_vector<T, kBytes / 2>(split.low + split.high);
  } else if constexpr (sizeof(T) == 8) {
    return whole[0] + whole[1];
  } else {
    return (whole[0] + whole[2]) + (whole[1] + whole[3]);
  }
}

template <class T>
SUBLINEAR_INLINE T fold(Lanes<T> lanes) {
  for (int parts = Lanes<T>::kParts / 2; parts >= 1; parts /= 2)
    for (int p = 0; p < parts; ++p) lanes.part[p] = lanes.part[p] + lanes.part[p + parts];
  return fold_vector<T, SUBLINEAR_VECTOR_BYTES>(lanes.part[0]);
}

template <int kRows, class T>
SUBLINEAR_INLINE void fold_rows(const Lanes<T>* sums, T* out) {
#if SUBLINEAR_VECTOR_BYTES >= 32 || defined(SUBLINEAR_NEON)
  // The same additions for four rows at once, lanes of several rows side by side in a register.
  if constexpr (kRows == 4) {
    const auto folded = [&](int k) {
      const auto& part = sums[k].part;
      if constexpr (Lanes<T>::kParts == 4) return (part[0] + part[2]) + (part[1] + part[3]);
      if constexpr (Lanes<T>::kParts == 2) return part[0] + part[1];
      return part[0];
    };
    fold_four(folded(0), folded(1), folded(2), folded(3), out);
    return;
  }
#endif
  for (int k = 0; k < kRows; ++k) out[k] = fold(sums[k]);
}

// Whether the processor has 32 registers for vectors, or 16.
#if SUBLINEAR_VECTOR_BYTES == 64 || defined(SUBLINEAR_NEON)
constexpr bool kManyRegisters = true;
#else
constexpr bool kManyRegisters = false;
#endif
