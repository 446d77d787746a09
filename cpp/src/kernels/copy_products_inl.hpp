// The kernels of copy_products.hpp for one instruction set; included at the end of quantized_scan_inl.hpp, whose
// helpers they share.
#include "copy_products.hpp"

namespace sublinear {
namespace {

#if defined(SUBLINEAR_QUANTIZED_avx512vnni)

// The rows of a strip are the lanes of one register.
struct StripSums {
  __m512i lanes;
};
SUBLINEAR_INLINE void clear(StripSums& sums) { sums.lanes = _mm512_setzero_si512(); }
struct StripBytes {
  __m512i lanes;
};
SUBLINEAR_INLINE StripBytes strip_bytes(const std::int8_t* quad) { return {_mm512_loadu_si512(quad)}; }
SUBLINEAR_INLINE void add_quad(StripSums& sums, const StripBytes& copies, std::int32_t four) {
  add_four_products(sums.lanes, _mm512_set1_epi32(four), copies.lanes);
}
SUBLINEAR_INLINE void store_sums(const StripSums& sums, std::int32_t* out) { _mm512_storeu_si512(out, sums.lanes); }
constexpr int kPointsTogether = 8, kSparseStrips = 4;

#elif defined(SUBLINEAR_QUANTIZED_avx2)

struct StripSums {
  __m256i lanes[2];
};
SUBLINEAR_INLINE void clear(StripSums& sums) { sums.lanes[0] = sums.lanes[1] = _mm256_setzero_si256(); }
struct StripBytes {
  __m256i lanes[2];
};
SUBLINEAR_INLINE StripBytes strip_bytes(const std::int8_t* quad) {
  return {{_mm256_loadu_si256(reinterpret_cast<const __m256i*>(quad)),
           _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quad + 32))}};
}
SUBLINEAR_INLINE void add_quad(StripSums& sums, const StripBytes& copies, std::int32_t four) {
  const __m256i x = _mm256_set1_epi32(four), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 2
  for (int v = 0; v < 2; ++v)
    add_in_place(sums.lanes[v], _mm256_madd_epi16(_mm256_maddubs_epi16(x, copies.lanes[v]), ones));
}
SUBLINEAR_INLINE void store_sums(const StripSums& sums, std::int32_t* out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sums.lanes[0]);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), sums.lanes[1]);
}
constexpr int kPointsTogether = 4, kSparseStrips = 2;

#elif defined(SUBLINEAR_QUANTIZED_neon) || defined(SUBLINEAR_QUANTIZED_neondot)

struct StripSums {
  int32x4_t lanes[4];
};
SUBLINEAR_INLINE void clear(StripSums& sums) {
  for (int32x4_t& part : sums.lanes) part = vdupq_n_s32(0);
}
struct StripBytes {
  int8x16_t lanes[4];
};
SUBLINEAR_INLINE StripBytes strip_bytes(const std::int8_t* quad) {
  return {{vld1q_s8(quad), vld1q_s8(quad + 16), vld1q_s8(quad + 32), vld1q_s8(quad + 48)}};
}
SUBLINEAR_INLINE void add_quad(StripSums& sums, const StripBytes& copies, std::int32_t four) {
  const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four));  // at most kMostOfPoint: signed is unsigned
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) add_four_products(sums.lanes[v], x, copies.lanes[v]);
}
SUBLINEAR_INLINE void store_sums(const StripSums& sums, std::int32_t* out) {
  for (int v = 0; v < 4; ++v) vst1q_s32(out + 4 * v, sums.lanes[v]);
}
constexpr int kPointsTogether = 4, kSparseStrips = 4;

#else

struct StripSums {
  std::int32_t lanes[kStrip];
};
SUBLINEAR_INLINE void clear(StripSums& sums) { memset(&sums, 0, sizeof sums); }
struct StripBytes {
  const std::int8_t* quad;
};
SUBLINEAR_INLINE StripBytes strip_bytes(const std::int8_t* quad) { return {quad}; }
SUBLINEAR_INLINE void store_sums(const StripSums& sums, std::int32_t* out) { memcpy(out, sums.lanes, sizeof sums); }
constexpr int kPointsTogether = 2, kSparseStrips = 1;

#if defined(__SSE2__)
// Widened to 16 bits; sums of neighbours are added up by shuffles of pairs.
SUBLINEAR_INLINE void add_quad(StripSums& sums, const StripBytes& copies, std::int32_t four) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i wide = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), x = _mm_unpacklo_epi64(wide, wide);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(copies.quad + 16 * v));
    const __m128 low = _mm_castsi128_ps(_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, bytes), 8), x));
    const __m128 high = _mm_castsi128_ps(_mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, bytes), 8), x));
    __m128i* const to = reinterpret_cast<__m128i*>(sums.lanes + 4 * v);
    const __m128i even = _mm_castps_si128(_mm_shuffle_ps(low, high, 0x88)),
                  odd = _mm_castps_si128(_mm_shuffle_ps(low, high, 0xDD));
    _mm_storeu_si128(to, _mm_add_epi32(_mm_loadu_si128(to), _mm_add_epi32(even, odd)));
  }
}
#else
SUBLINEAR_INLINE void add_quad(StripSums& sums, const StripBytes& copies, std::int32_t four) {
  std::uint8_t x[4];
  memcpy(x, &four, 4);
  for (int r = 0; r < kStrip; ++r)
    for (int k = 0; k < 4; ++k) sums.lanes[r] += std::int32_t{copies.quad[4 * r + k]} * std::int32_t{x[k]};
}
#endif

#endif

template <int kPoints>
SUBLINEAR_INLINE void products_of_strip(const std::int8_t* strip, Index stride, const std::uint8_t* const* points,
                                        std::int32_t* const* out, Index at) {
  StripSums sums[kPoints];
#pragma GCC unroll 8
  for (int p = 0; p < kPoints; ++p) clear(sums[p]);
  for (Index j = 0; j < stride; j += 4) {
    const StripBytes copies = strip_bytes(strip + j * kStrip);
#pragma GCC unroll 8
    for (int p = 0; p < kPoints; ++p) add_quad(sums[p], copies, four_bytes(points[p] + j));
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPoints; ++p) store_sums(sums[p], out[p] + at);
}

template <int kStrips>
SUBLINEAR_INLINE void sparse_products_of_strips(const std::int8_t* strips, Index stride, const Quad* quads, Index count,
                                                std::int32_t* out) {
  StripSums sums[kStrips];
#pragma GCC unroll 4
  for (int s = 0; s < kStrips; ++s) clear(sums[s]);
  for (Index k = 0; k < count; ++k) {
    const std::int8_t* const at = strips + Index{quads[k].quad} * (4 * kStrip);
#pragma GCC unroll 4
    for (int s = 0; s < kStrips; ++s) add_quad(sums[s], strip_bytes(at + s * stride * kStrip), quads[k].bytes);
  }
#pragma GCC unroll 4
  for (int s = 0; s < kStrips; ++s) store_sums(sums[s], out + s * kStrip);
}

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)

// A strip stays in the first-level cache while all points pass by.
void SUBLINEAR_JOIN(copy_products_, SUBLINEAR_QUANTIZED)(const std::int8_t* strips, Index strip_count, Index stride,
                                                         const std::uint8_t* const* points, Index count,
                                                         std::int32_t* const* out) {
  for (Index s = 0; s < strip_count; ++s) {
    const std::int8_t* const strip = strips + s * stride * kStrip;
    Index p = 0;
    for (; p + kPointsTogether <= count; p += kPointsTogether)
      products_of_strip<kPointsTogether>(strip, stride, points + p, out + p, s * kStrip);
    for (; p + 2 <= count; p += 2) products_of_strip<2>(strip, stride, points + p, out + p, s * kStrip);
    for (; p < count; ++p) products_of_strip<1>(strip, stride, points + p, out + p, s * kStrip);
  }
}

void SUBLINEAR_JOIN(sparse_copy_products_, SUBLINEAR_QUANTIZED)(const std::int8_t* strips, Index strip_count,
                                                                Index stride, const Quad* quads, Index count,
                                                                std::int32_t* out) {
  Index s = 0;
  for (; s + kSparseStrips <= strip_count; s += kSparseStrips)
    sparse_products_of_strips<kSparseStrips>(strips + s * stride * kStrip, stride, quads, count, out + s * kStrip);
  for (; s < strip_count; ++s)
    sparse_products_of_strips<1>(strips + s * stride * kStrip, stride, quads, count, out + s * kStrip);
}
#undef SUBLINEAR_JOIN
#undef SUBLINEAR_JOIN_

}  // namespace sublinear
