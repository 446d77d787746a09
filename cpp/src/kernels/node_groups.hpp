// Sixteen siblings of a tree at a time: where the products of all points below each of them can lie, compared with a
// threshold; and sixteen points at a time, by the canonical product.
//
// Siblings, and the points of a strip, lie side by side: value v of sibling s at [v * kSiblings + s].
#pragma once

#include <cstdint>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

inline constexpr Index kSiblings = 16;

// A query as bounds see it. A bound's own arithmetic and the canonical product err by at most
// relative * size * norm + absolute together, where no point below a node has a norm above its `size`.
template <class T>
struct BoundQuery {
  const T* normal;
  T norm;                // of the normal, rounded up
  T relative, absolute;  // rounded up
  T least;               // every product >= this is >= the threshold, and it is finite unless the threshold is +inf
  T most;                // every product < this is < the threshold
};

// One bit per sibling.
struct GroupSides {
  std::uint16_t inside;    // every point below is on the far side
  std::uint16_t possible;  // some point below may be; includes `inside`
};

// Values of a group, besides kSiblings sizes that end it: for boxes the lower and the upper end of each coordinate;
// for balls the coordinates of the centre and the radius; for simplices the coordinates of d + 1 vertices and how far
// points may lie outside.
[[nodiscard]] constexpr Index box_values(Index d) noexcept { return 2 * d + 1; }
[[nodiscard]] constexpr Index ball_values(Index d) noexcept { return d + 2; }
[[nodiscard]] constexpr Index simplex_values(Index d) noexcept { return d * (d + 1) + 2; }

// For each of the `count` groups of siblings, sides[k]; and, unless `highs` is null, highs[k * kSiblings + s]: no
// product of a point below is above it (NaN where nothing is known).
template <class T>
using GroupKernel = void(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                         GroupSides* sides, T* highs);
template <class T>
void bound_boxes(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                 GroupSides* sides, T* highs);
template <class T>
void bound_balls(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                 GroupSides* sides, T* highs);
template <class T>
void bound_simplices(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                     GroupSides* sides, T* highs);

// hits[k] has a bit for each point of strip which[k] whose canonical product with the normal is at least `limit`.
template <class T>
void strip_hits(const T* strips, Index d, const std::int32_t* which, Index count, const T* normal, T limit,
                std::uint16_t* hits);

// The canonical products of the points of one strip.
template <class T>
void strip_products(const T* strip, Index d, const T* normal, T* products);

}  // namespace sublinear
