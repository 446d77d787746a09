// The kernel `quantized_scan` of fused_scan.hpp for one instruction set: SUBLINEAR_QUANTIZED names it and is one of
// baseline, avx2, avx512vnni. All give the same integers, so the same proposals.
#if !defined(SUBLINEAR_QUANTIZED_baseline)
// gcc 12 takes the undefined operand of its own intrinsics for an uninitialised variable (gcc bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

#include "block_hits_inl.hpp"

namespace sublinear {
namespace {

constexpr Index kQueries = kPanel<float>;

SUBLINEAR_INLINE std::int32_t four_bytes(const std::int8_t* bytes) {
  std::int32_t four;
  memcpy(&four, bytes, 4);
  return four;
}

#if defined(SUBLINEAR_QUANTIZED_avx512vnni)

SUBLINEAR_INLINE unsigned not_below(const __m512* scores, const float* limits) {
  const unsigned low = _mm512_cmp_ps_mask(scores[0], _mm512_loadu_ps(limits), _CMP_NLT_UQ);
  const unsigned high = _mm512_cmp_ps_mask(scores[1], _mm512_loadu_ps(limits + 16), _CMP_NLT_UQ);
  return low | high << 16;
}

// sum += four products of unsigned x and signed row in each lane. Written out because gcc 12 moves the sums of the
// intrinsic from register to register.
SUBLINEAR_INLINE void add_four_products(__m512i& sum, __m512i x, __m512i row) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(row));
}

// Two vectors of queries and twelve points share the registers. Starting at -128 times the sum of the point takes away
// the 128 by which queries are unsigned.
template <int kPoints>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* rows, const std::int32_t* sums, const float* scales,
                                     Index stride, Index first, const std::uint8_t* packed, const float* low_limits,
                                     const float* high_limits, BlockHits hits) {
  __m512i sum[kPoints][2];
#pragma GCC unroll 12  // all sums are registers
  for (int p = 0; p < kPoints; ++p) sum[p][0] = sum[p][1] = _mm512_set1_epi32(-128 * sums[p]);
  for (Index j = 0; j < stride; j += 4) {
    const __m512i a = _mm512_loadu_si512(packed + j * kQueries), b = _mm512_loadu_si512(packed + j * kQueries + 64);
#pragma GCC unroll 12
    for (int p = 0; p < kPoints; ++p) {
      const __m512i four = _mm512_set1_epi32(four_bytes(rows + p * stride + j));
      add_four_products(sum[p][0], a, four);
      add_four_products(sum[p][1], b, four);
    }
  }
#pragma GCC unroll 12
  for (int p = 0; p < kPoints; ++p) {
    const __m512 scale = _mm512_set1_ps(scales[p]);
    const __m512 scores[2] = {_mm512_cvtepi32_ps(sum[p][0]) * scale, _mm512_cvtepi32_ps(sum[p][1]) * scale};
    const unsigned found = not_below(scores, low_limits);
    if (found != 0) note_hits(found, not_below(scores, high_limits), 0, first + p, hits);
  }
}

#elif defined(SUBLINEAR_QUANTIZED_avx2)

// Bytes widened to 16 bits and multiplied in pairs (vpmaddwd), which cannot saturate: a vector holds two halves of the
// sums of four queries.
template <int kPoints>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* rows, const std::int32_t* sums, const float* scales,
                                     Index stride, Index first, const std::uint8_t* packed, const float* low_limits,
                                     const float* high_limits, BlockHits hits) {
  constexpr int kVectors = 2;
  for (Index q = 0; q < kQueries; q += 4 * kVectors) {
    __m256i sum[kPoints][kVectors];
#pragma GCC unroll 12
    for (int p = 0; p < kPoints; ++p)
      for (int v = 0; v < kVectors; ++v) sum[p][v] = _mm256_setzero_si256();
    for (Index j = 0; j < stride; j += 4) {
      __m256i x[kVectors];
      for (int v = 0; v < kVectors; ++v)
        x[v] = _mm256_cvtepu8_epi16(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed + j * kQueries + 4 * q + 16 * v)));
#pragma GCC unroll 12
      for (int p = 0; p < kPoints; ++p) {
        const __m128i four = _mm_cvtepi8_epi16(_mm_cvtsi32_si128(four_bytes(rows + p * stride + j)));
        const __m256i row = _mm256_broadcastq_epi64(four);
        for (int v = 0; v < kVectors; ++v) sum[p][v] = _mm256_add_epi32(sum[p][v], _mm256_madd_epi16(x[v], row));
      }
    }
    const __m256 low = _mm256_loadu_ps(low_limits + q), high = _mm256_loadu_ps(high_limits + q);
#pragma GCC unroll 12
    for (int p = 0; p < kPoints; ++p) {
      // Queries 0 1 4 5 | 2 3 6 7 of the eight, then in order.
      const __m256i pairs = _mm256_hadd_epi32(sum[p][0], sum[p][1]);
      const __m256i whole = _mm256_permute4x64_epi64(pairs, 0xD8);
      const __m256 score =
          _mm256_cvtepi32_ps(_mm256_sub_epi32(whole, _mm256_set1_epi32(128 * sums[p]))) * _mm256_set1_ps(scales[p]);
      const auto found = static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(score, low, _CMP_NLT_UQ)));
      if (found == 0) continue;
      note_hits(found, static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(score, high, _CMP_NLT_UQ))), q, first + p,
                hits);
    }
  }
}

#else

template <int kPoints>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* rows, const std::int32_t* sums, const float* scales,
                                     Index stride, Index first, const std::uint8_t* packed, const float* low_limits,
                                     const float* high_limits, BlockHits hits) {
  for (int p = 0; p < kPoints; ++p) {
    std::int32_t sum[kQueries];
    for (Index q = 0; q < kQueries; ++q) sum[q] = -128 * sums[p];
    for (Index j = 0; j < stride; j += 4)
      for (Index q = 0; q < kQueries; ++q)
        for (Index i = 0; i < 4; ++i)
          sum[q] += static_cast<std::int32_t>(packed[j * kQueries + 4 * q + i]) * rows[p * stride + j + i];
    unsigned found = 0, sure = 0;
    for (Index q = 0; q < kQueries; ++q) {
      const float score = static_cast<float>(sum[q]) * scales[p];
      found |= (score < low_limits[q] ? 0U : 1U) << q;
      sure |= (score < high_limits[q] ? 0U : 1U) << q;
    }
    if (found != 0) note_hits(found, sure, 0, first + p, hits);
  }
}

#endif

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)
void SUBLINEAR_JOIN(quantized_scan_, SUBLINEAR_QUANTIZED)(const std::int8_t* rows, const std::int32_t* sums,
                                                          const float* scales, Index count, Index stride,
                                                          const std::uint8_t* packed, const float* low_limits,
                                                          const float* high_limits, BlockHits hits) {
#if defined(SUBLINEAR_QUANTIZED_avx512vnni)
  constexpr Index kTile = 12;
#else
  constexpr Index kTile = 4;
#endif
  Index p = 0;
  for (; p + kTile <= count; p += kTile)
    quantized_tile<kTile>(rows + p * stride, sums + p, scales + p, stride, p, packed, low_limits, high_limits, hits);
  for (; p < count; ++p)
    quantized_tile<1>(rows + p * stride, sums + p, scales + p, stride, p, packed, low_limits, high_limits, hits);
}
#undef SUBLINEAR_JOIN
#undef SUBLINEAR_JOIN_

}  // namespace sublinear
