// The kernel `quantized_scan` of fused_scan.hpp for one instruction set: SUBLINEAR_QUANTIZED names it and is one of
// baseline, avx2, avx512vnni, neon, neondot. All give the same integers, so the same proposals.
#if defined(__SSE2__)
// gcc 12 takes the undefined operand of its own intrinsics for an uninitialised variable (gcc bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
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

#elif defined(SUBLINEAR_QUANTIZED_avx2)

// A bit for each point of a block: whether its score is not below low, and not below high.
struct PointBits {
  std::uint8_t found[kBlockPoints / 8], sure[kBlockPoints / 8];
};
static_assert(kBlockPoints % 64 == 0);

SUBLINEAR_INLINE std::uint64_t eight_bytes(const void* bytes) {
  std::uint64_t eight;
  memcpy(&eight, bytes, 8);
  return eight;
}

// Notes what was found for a query. Most words have none, one or two bits, in no order that a processor could guess:
// two are written whether or not they are there, and only more than two need a branch. A word has room for 64.
SUBLINEAR_INLINE void note_points(const PointBits& bits, Index count, Index query, BlockHits hits) {
  std::uint16_t* const row = hits.offsets + query * kBlockPoints;
  std::uint16_t* to = row + hits.counts[query];
  for (Index first = 0; first < count; first += 64) {
    std::uint64_t found = eight_bytes(bits.found + first / 8);
    if (count - first < 64) found &= (std::uint64_t{1} << (count - first)) - 1;
    const std::uint64_t unsure = ~eight_bytes(bits.sure + first / 8);
    const auto note = [&](std::uint64_t left) {
      constexpr std::uint64_t kSome = std::uint64_t{1} << 63;  // so that there is a bit to find
      const int p = __builtin_ctzll(left | kSome);
      return static_cast<std::uint16_t>(static_cast<unsigned>(first + p) | static_cast<unsigned>(unsure >> p & 1)
                                                                               << 15);
    };
    const std::uint64_t rest = found & (found - 1);
    to[0] = note(found);
    to[1] = note(rest);
    to += (found != 0 ? 1 : 0) + (rest != 0 ? 1 : 0);
    for (std::uint64_t more = rest & (rest - 1); more != 0; more &= more - 1) *to++ = note(more);
  }
  hits.counts[query] = static_cast<std::int32_t>(to - row);
}
static_assert(kUnsure == 1 << 15);

// Written out because gcc 12 moves sums from register to register otherwise.
SUBLINEAR_INLINE void add_in_place(__m256i& sum, __m256i more) { asm("vpaddd %1, %0, %0" : "+x"(sum) : "x"(more)); }

// The sizes of the points times the queries with the signs of the points, in pairs (vpmaddubsw), which cannot saturate:
// 2 * 127 * 127 fits 16 bits. Four queries share the points and their sizes.
SUBLINEAR_INLINE void quantized_strip(const std::int8_t* strip, const float* scales, Index stride,
                                      const std::uint8_t* rows, const float* low, const float* high, Index first,
                                      PointBits* bits) {
  constexpr int kTogether = 4;
  const __m256i ones = _mm256_set1_epi16(1), sign_bits = _mm256_set1_epi8(-128);
  for (int query = 0; query < kQuantizedQueries; query += kTogether) {
    __m256i sum[kTogether][2];  // of eight points each
#pragma GCC unroll 4
    for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) sum[q][v] = _mm256_setzero_si256();
    for (Index j = 0; j < stride; j += 4) {
      __m256i points[2], sizes[2];
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        points[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(strip + j * kStrip + 32 * v));
        sizes[v] = _mm256_abs_epi8(points[v]);
      }
#pragma GCC unroll 4
      for (int q = 0; q < kTogether; ++q) {
        const __m256i row = _mm256_set1_epi32(four_bytes(rows + (query + q) * stride + j));
        const __m256i x = _mm256_xor_si256(row, sign_bits);  // takes away 128
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v)
          add_in_place(sum[q][v],
                       _mm256_madd_epi16(_mm256_maddubs_epi16(sizes[v], _mm256_sign_epi8(x, points[v])), ones));
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kTogether; ++q) {
      const __m256 least = _mm256_set1_ps(low[query + q]), surely = _mm256_set1_ps(high[query + q]);
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const __m256 score = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[q][v]), _mm256_loadu_ps(scales + 8 * v));
        const int found = _mm256_movemask_ps(_mm256_cmp_ps(score, least, _CMP_NLT_UQ));
        const int sure = _mm256_movemask_ps(_mm256_cmp_ps(score, surely, _CMP_NLT_UQ));
        bits[query + q].found[first / 8 + v] = static_cast<std::uint8_t>(found);
        bits[query + q].sure[first / 8 + v] = static_cast<std::uint8_t>(sure);
      }
    }
  }
}

SUBLINEAR_INLINE void scan_together(const std::int8_t* strips, const std::int32_t*, const float* scales, Index count,
                                    Index stride, const std::uint8_t* rows, Index query, const float* low,
                                    const float* high, BlockHits hits) {
  PointBits bits[kQuantizedQueries] = {};
  for (Index p = 0; p < count; p += kStrip)
    quantized_strip(strips + p * stride, scales + p, stride, rows, low, high, p, bits);
  for (Index q = 0; q < kQuantizedQueries; ++q) note_points(bits[q], count, query + q, hits);
}

#else

constexpr int kTileStrips = 1;

// Notes those of a strip whose bit says that their score is not below low; `sure`: not below high.
SUBLINEAR_INLINE void note_strip(unsigned found, unsigned sure, Index first, Index count, Index query, BlockHits hits) {
  if (count - first < kStrip) found &= (1U << (count - first)) - 1;
  std::int32_t& noted = hits.counts[query];
  for (; found != 0; found &= found - 1) {
    const int p = __builtin_ctz(found);
    const unsigned flag = (sure >> p & 1U) != 0 ? 0U : unsigned{kUnsure};
    hits.offsets[query * kBlockPoints + noted++] = static_cast<std::uint16_t>(static_cast<unsigned>(first + p) | flag);
  }
}

#if defined(SUBLINEAR_QUANTIZED_neon) || defined(SUBLINEAR_QUANTIZED_neondot)

// sum += the products of four coordinates of four points, each point's in its lane.
SUBLINEAR_INLINE void add_four_products(int32x4_t& sum, int8x16_t x, int8x16_t p) {
#if defined(SUBLINEAR_QUANTIZED_neondot)
  sum = vdotq_s32(sum, p, x);
#else  // pairs of products fit 16 bits: 2 * 127 * 128
  const int16x8_t low = vmull_s8(vget_low_s8(p), vget_low_s8(x)), high = vmull_high_s8(p, x);
  sum = vpadalq_s16(sum, vpaddq_s16(low, high));
#endif
}

// Four queries share the points; their sums and the points fill 20 registers.
template <int kStrips>
SUBLINEAR_INLINE void quantized_tile(const std::int8_t* strip, const std::int32_t*, const float* scales, Index first,
                                     Index count, Index stride, const std::uint8_t* rows, Index query, const float* low,
                                     const float* high, BlockHits hits) {
  static_assert(kStrips == 1);
  constexpr int kTogether = 4, kParts = 4;  // of four points each
  const int8x16_t sign_bits = vdupq_n_s8(-128);
  const uint32x4_t place = {1, 2, 4, 8};
  for (int block = 0; block < kQuantizedQueries; block += kTogether) {
    int32x4_t sum[kTogether][kParts];
    for (int q = 0; q < kTogether; ++q)
      for (int v = 0; v < kParts; ++v) sum[q][v] = vdupq_n_s32(0);
    for (Index j = 0; j < stride; j += 4) {
      int8x16_t points[kParts];
      for (int v = 0; v < kParts; ++v) points[v] = vld1q_s8(strip + j * kStrip + 16 * v);
      for (int q = 0; q < kTogether; ++q) {
        const int32x4_t row = vdupq_n_s32(four_bytes(rows + (block + q) * stride + j));
        const int8x16_t x = veorq_s8(vreinterpretq_s8_s32(row), sign_bits);  // takes away 128
        for (int v = 0; v < kParts; ++v) add_four_products(sum[q][v], x, points[v]);
      }
    }
    for (int q = 0; q < kTogether; ++q) {
      const float32x4_t least = vdupq_n_f32(low[block + q]), surely = vdupq_n_f32(high[block + q]);
      uint32x4_t below = vdupq_n_u32(0), unsure = below;
      for (int v = kParts - 1; v >= 0; --v) {  // the last part's bits are the highest
        const float32x4_t score = vmulq_f32(vcvtq_f32_s32(sum[q][v]), vld1q_f32(scales + 4 * v));
        below = vorrq_u32(vshlq_n_u32(below, 4), vandq_u32(vcltq_f32(score, least), place));
        unsure = vorrq_u32(vshlq_n_u32(unsure, 4), vandq_u32(vcltq_f32(score, surely), place));
      }
      note_strip(~vaddvq_u32(below) & 0xFFFFU, ~vaddvq_u32(unsure), first, count, query + block + q, hits);
    }
  }
}

#else

// sums[q * kStrip + p] = <point p, row q + 128>.
#if defined(__SSE2__)
// Bytes widened to 16 bits and multiplied in pairs (pmaddwd), which cannot saturate.
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
    unsigned found = 0, sure = 0;
    for (Index p = 0; p < kStrip; ++p) {
      const float score = static_cast<float>(sums[q * kStrip + p] - 128 * point_sums[p]) * scales[p];
      found |= (score < low[q] ? 0U : 1U) << p;
      sure |= (score < high[q] ? 0U : 1U) << p;
    }
    note_strip(found, sure, first, count, query + q, hits);
  }
}

#endif

#endif

#if !defined(SUBLINEAR_QUANTIZED_avx2)
SUBLINEAR_INLINE void scan_together(const std::int8_t* strips, const std::int32_t* sums, const float* scales,
                                    Index count, Index stride, const std::uint8_t* rows, Index query, const float* low,
                                    const float* high, BlockHits hits) {
  Index p = 0;
  for (; p + kTileStrips * kStrip <= count; p += kTileStrips * kStrip)
    quantized_tile<kTileStrips>(strips + p * stride, sums + p, scales + p, p, count, stride, rows, query, low, high,
                                hits);
  for (; p < count; p += kStrip)
    quantized_tile<1>(strips + p * stride, sums + p, scales + p, p, count, stride, rows, query, low, high, hits);
}
#endif

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)
void SUBLINEAR_JOIN(quantized_scan_, SUBLINEAR_QUANTIZED)(const std::int8_t* strips, const std::int32_t* sums,
                                                          const float* scales, Index count, Index stride,
                                                          const std::uint8_t* rows, Index queries, const float* low,
                                                          const float* high, BlockHits hits) {
  for (Index q = 0; q < queries; q += kQuantizedQueries)
    scan_together(strips, sums, scales, count, stride, rows + q * stride, q, low + q, high + q, hits);
}
#undef SUBLINEAR_JOIN
#undef SUBLINEAR_JOIN_

}  // namespace sublinear

// The other kernels on bytes share its helpers.
#include "copy_products_inl.hpp"
