// Scores of a block of points with a panel of queries, compared with thresholds while they are in registers: no score
// is ever written to memory.
//
// Scores here only propose. They are summed in ascending j with one or two roundings a term, as the instruction set has
// it, so like the canonical product they err by at most dot_error_factor(d) * ||p|| ||x|| + dot_underflow(d); whoever
// calls sets `low` and `high` that far apart that the canonical product decides what lies between.
#pragma once

#include <cstdint>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Queries in a panel: two cache lines of coordinates.
template <class T>
inline constexpr Index kPanel = 128 / static_cast<Index>(sizeof(T));

// Most points in a block.
inline constexpr Index kBlockPoints = 960;

// What a block proposes: offsets[q * kBlockPoints + k], k < counts[q], ascending; kUnsure is added to those that need
// the canonical product. `counts` start at what they are.
inline constexpr std::uint16_t kUnsure = 0x8000;
struct BlockHits {
  std::uint16_t* offsets;
  std::int32_t* counts;
};

// `packed` holds coordinate j of query q at packed[j * kPanel + q]. Proposes every point whose score is not below
// low[q]; those below high[q] are unsure. Nothing may overflow on the way.
template <class T>
void fused_scan(const T* rows, Index count, Index d, const T* packed, const T* low, const T* high, BlockHits hits);

// Points that lie side by side in 8 bits: byte j of point p of a strip is at (j / 4) * 4 * kStrip + 4 * p + j % 4.
inline constexpr Index kStrip = 16;

// The same for integers of 8 bits: strips of `count` points of `stride` bytes each (a multiple of 4, padded with
// zeros), the sum of each point's bytes and its scale, and `queries` rows (a multiple of kQuantizedQueries) of `stride`
// bytes, each 128 more than the integer it stands for. The score is scales[p] * <point p, query q>, in float: the same
// bits at every level. `sums` and `scales` have whole strips.
inline constexpr Index kQuantizedQueries = 8;
void quantized_scan(const std::int8_t* strips, const std::int32_t* sums, const float* scales, Index count, Index stride,
                    const std::uint8_t* rows, Index queries, const float* low, const float* high, BlockHits hits);

}  // namespace sublinear
