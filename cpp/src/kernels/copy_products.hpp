// Products of many 8-bit copies of rows with many 7-bit points: exact integers, the same at every level.
#pragma once

#include <cstdint>

#include "fused_scan.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Four components of a point that are not all zero: bytes 4 * quad ... 4 * quad + 3.
struct Quad {
  std::int32_t quad;
  std::int32_t bytes;
};

// out[p][r] = sum_j copy(r, j) * points[p][j] for the 16 * strips rows that lie in strips (fused_scan.hpp) of `stride`
// bytes a row, a multiple of 4, at most 2^16. Points have `stride` bytes of at most kMostOfPoint: so the sum of two
// products fits 16 bits.
inline constexpr int kMostOfPoint = 127;
using CopyProductsKernel = void(const std::int8_t* strips, Index strip_count, Index stride,
                                const std::uint8_t* const* points, Index count, std::int32_t* const* out);
CopyProductsKernel copy_products;

// The same for one point, of which `quads` are all that is not zero: costs a share of the work that is theirs.
using SparseCopyProductsKernel = void(const std::int8_t* strips, Index strip_count, Index stride, const Quad* quads,
                                      Index count, std::int32_t* out);
SparseCopyProductsKernel sparse_copy_products;

}  // namespace sublinear
