// The kernel `quantized_scan` of fused_scan.hpp for one instruction set: SUBLINEAR_QUANTIZED names it and is one of
// baseline, avx2, avx512vnni. All give the same integers, so the same proposals.
#if defined(__SSE2__)
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

SUBLINEAR_INLINE std::int32_t four_bytes(const void* bytes) {
  std::int32_t four;
  memcpy(&four, bytes, 4);
  return four;
}

#if defined(SUBLINEAR_QUANTIZED_avx512vnni)

constexpr int kTileStrips = 3;  // with eight queries their sums fill the registers

// sum += four products of unsigned x and signed p in each lane. Written out because gcc 12 moves the sums of the
// intrinsic from register to register.
SUBLINEAR_INLINE void add_four_products(__m512i& sum, __m512i x, __m512i p) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(p));
}

// Starting at -128 times the sum of the point takes away the 128 by which queries are unsigned.
template <int kStrips>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* strips, const std::int32_t* sums, const float* scales,
                                     Index first, Index count, Index stride, const std::uint8_t* rows, Index query,
                                     const float* low, const float* high, BlockHits hits) {
  constexpr int kQueries = kQuantizedQueries;
  __m512i sum[kStrips][kQueries];
#pragma GCC unroll 3  // all sums are registers
  for (int s = 0; s < kStrips; ++s) {
    const __m512i start = _mm512_mullo_epi32(_mm512_loadu_si512(sums + s * kStrip), _mm512_set1_epi32(-128));
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) sum[s][q] = start;
  }
  for (Index j = 0; j < stride; j += 4) {
    __m512i points[kStrips];
#pragma GCC unroll 3
    for (int s = 0; s < kStrips; ++s) points[s] = _mm512_loadu_si512(strips + (s * stride + j) * kStrip);
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) {
      const __m512i x = _mm512_set1_epi32(four_bytes(rows + q * stride + j));
#pragma GCC unroll 3
      for (int s = 0; s < kStrips; ++s) add_four_products(sum[s][q], x, points[s]);
    }
  }
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512 scale[kStrips];
  __m512i offsets[kStrips];
  __mmask16 there[kStrips];
#pragma GCC unroll 3
  for (int s = 0; s < kStrips; ++s) {
    scale[s] = _mm512_loadu_ps(scales + s * kStrip);
    offsets[s] = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(first + s * kStrip)));
    there[s] = _mm512_cmplt_epi32_mask(offsets[s], _mm512_set1_epi32(static_cast<int>(count)));
  }
#pragma GCC unroll 8
  for (int q = 0; q < kQueries; ++q) {
    const __m512 least = _mm512_set1_ps(low[q]), surely = _mm512_set1_ps(high[q]);
    // At most as many as there are points before a strip, so that 16 more fit the query's row.
    std::int32_t noted = hits.counts[query + q];
    std::uint16_t* const to = hits.offsets + (query + q) * kBlockPoints;
#pragma GCC unroll 3
    for (int s = 0; s < kStrips; ++s) {
      const __m512 score = _mm512_cvtepi32_ps(sum[s][q]) * scale[s];
      const __mmask16 found = _mm512_mask_cmp_ps_mask(there[s], score, least, _CMP_NLT_UQ);
      const __mmask16 unsure = _mm512_cmp_ps_mask(score, surely, _CMP_NGE_UQ);
      const __m512i flagged = _mm512_mask_or_epi32(offsets[s], unsure, offsets[s], _mm512_set1_epi32(kUnsure));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + noted),
                          _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(found, flagged)));
      noted += __builtin_popcount(found);
    }
    hits.counts[query + q] = noted;
  }
}

#else

constexpr int kTileStrips = 1;

// Notes those of a strip whose score is not below low.
SUBLINEAR_INLINE void note_strip(const float* scores, Index first, Index count, Index query, float low, float high,
                                 BlockHits hits) {
  unsigned found = 0, sure = 0;
  for (Index p = 0; p < kStrip; ++p) {
    found |= (scores[p] < low ? 0U : 1U) << p;
    sure |= (scores[p] < high ? 0U : 1U) << p;
  }
  if (count - first < kStrip) found &= (1U << (count - first)) - 1;
  std::int32_t& noted = hits.counts[query];
  for (; found != 0; found &= found - 1) {
    const int p = __builtin_ctz(found);
    const unsigned flag = (sure >> p & 1U) != 0 ? 0U : unsigned{kUnsure};
    hits.offsets[query * kBlockPoints + noted++] = static_cast<std::uint16_t>(static_cast<unsigned>(first + p) | flag);
  }
}

// sums[q * kStrip + p] = <point p, row q + 128>.
#if defined(SUBLINEAR_QUANTIZED_avx2)
// Bytes widened to 16 bits and multiplied in pairs (vpmaddwd), which cannot saturate: each vector holds two halves of
// the sums of four points. Two queries share the widened points.
SUBLINEAR_INLINE void strip_sums(const std::int8_t* strip, const std::uint8_t* rows, Index stride, std::int32_t* sums) {
  constexpr int kTogether = 2;
  for (int first = 0; first < kQuantizedQueries; first += kTogether) {
    __m256i halves[kTogether][4];
#pragma GCC unroll 2
    for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) halves[q][v] = _mm256_setzero_si256();
    for (Index j = 0; j < stride; j += 4) {
      __m256i x[kTogether];
#pragma GCC unroll 2
      for (int q = 0; q < kTogether; ++q)
        x[q] =
            _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four_bytes(rows + (first + q) * stride + j))));
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const auto* bytes = reinterpret_cast<const __m128i*>(strip + j * kStrip + 16 * v);
        const __m256i points = _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes));
#pragma GCC unroll 2
        for (int q = 0; q < kTogether; ++q)
          halves[q][v] = _mm256_add_epi32(halves[q][v], _mm256_madd_epi16(points, x[q]));
      }
    }
    for (int q = 0; q < kTogether; ++q)
      for (int v = 0; v < 4; v += 2)  // points 0 1 4 5 | 2 3 6 7 of eight, then in order
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + (first + q) * kStrip + 4 * v),
                            _mm256_permute4x64_epi64(_mm256_hadd_epi32(halves[q][v], halves[q][v + 1]), 0xD8));
  }
}
#elif defined(__SSE2__)
// The same in the instructions every x86-64 has.
SUBLINEAR_INLINE void strip_sums(const std::int8_t* strip, const std::uint8_t* rows, Index stride, std::int32_t* sums) {
  const __m128i zero = _mm_setzero_si128();
  for (int q = 0; q < kQuantizedQueries; ++q) {
    __m128i halves[8];
    for (__m128i& half : halves) half = zero;
    for (Index j = 0; j < stride; j += 4) {
      const __m128i four = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four_bytes(rows + q * stride + j)), zero);
      const __m128i x = _mm_unpacklo_epi64(four, four);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(strip + j * kStrip + 16 * v));
        const __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, bytes), 8);
        const __m128i high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, bytes), 8);
        halves[2 * v] = _mm_add_epi32(halves[2 * v], _mm_madd_epi16(low, x));
        halves[2 * v + 1] = _mm_add_epi32(halves[2 * v + 1], _mm_madd_epi16(high, x));
      }
    }
    for (int v = 0; v < 4; ++v) {
      const __m128 a = _mm_castsi128_ps(halves[2 * v]), b = _mm_castsi128_ps(halves[2 * v + 1]);
      const __m128i even = _mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)),
                    odd = _mm_castps_si128(_mm_shuffle_ps(a, b, 0xDD));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + q * kStrip + 4 * v), _mm_add_epi32(even, odd));
    }
  }
}
#else
SUBLINEAR_INLINE void strip_sums(const std::int8_t* strip, const std::uint8_t* rows, Index stride, std::int32_t* sums) {
  for (Index q = 0; q < kQuantizedQueries; ++q)
    for (Index p = 0; p < kStrip; ++p) {
      std::int32_t sum = 0;
      for (Index j = 0; j < stride; ++j)
        sum += std::int32_t{strip[j / 4 * 4 * kStrip + 4 * p + j % 4]} * std::int32_t{rows[q * stride + j]};
      sums[q * kStrip + p] = sum;
    }
}
#endif

template <int kStrips>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* strip, const std::int32_t* point_sums, const float* scales,
                                     Index first, Index count, Index stride, const std::uint8_t* rows, Index query,
                                     const float* low, const float* high, BlockHits hits) {
  static_assert(kStrips == 1);
  std::int32_t sums[kQuantizedQueries * kStrip];
  strip_sums(strip, rows, stride, sums);
  for (Index q = 0; q < kQuantizedQueries; ++q) {
    float scores[kStrip];
    for (Index p = 0; p < kStrip; ++p)
      scores[p] = static_cast<float>(sums[q * kStrip + p] - 128 * point_sums[p]) * scales[p];
    note_strip(scores, first, count, query + q, low[q], high[q], hits);
  }
}

#endif

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)
void SUBLINEAR_JOIN(quantized_scan_, SUBLINEAR_QUANTIZED)(const std::int8_t* strips, const std::int32_t* sums,
                                                          const float* scales, Index count, Index stride,
                                                          const std::uint8_t* rows, Index queries, const float* low,
                                                          const float* high, BlockHits hits) {
  for (Index q = 0; q < queries; q += kQuantizedQueries) {
    Index p = 0;
    const std::uint8_t* const own = rows + q * stride;
    for (; p + kTileStrips * kStrip <= count; p += kTileStrips * kStrip)
      quantized_tile<kTileStrips>(strips + p * stride, sums + p, scales + p, p, count, stride, own, q, low + q,
                                  high + q, hits);
    for (; p < count; p += kStrip)
      quantized_tile<1>(strips + p * stride, sums + p, scales + p, p, count, stride, own, q, low + q, high + q, hits);
  }
}
#undef SUBLINEAR_JOIN
#undef SUBLINEAR_JOIN_

}  // namespace sublinear
