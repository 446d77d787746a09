/// @file
/// Half-space reporting in the plane with convex layers.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// The convex layers of points in the plane, with fractional cascading (Chazelle, Guibas and Lee 1985). A query costs
/// O(log N + k) for k points reported: the farthest corner of each layer by one exact comparison of directions, then a
/// walk along the far side. Robust for collinear, repeated, subnormal and huge points: directions are compared exactly.
///
/// Cost for N points: build O(N log N), with 16 log2(N / 32) bytes of scratch memory for each point; insert: by the
/// logarithmic method, which multiplies the query by log N at worst; erase: marks, with a rebuild when half are gone;
/// move: as erase and insert, under the same id. Memory: about 45 bytes and 2 sizeof(T) for each point.
template <class T>
class SUBLINEAR_API ConvexLayers final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points and for
  /// another dimension than 2.
  explicit ConvexLayers(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote. Costs a build.
  explicit ConvexLayers(const FlatReader& reader);
  ConvexLayers(ConvexLayers&&) noexcept = default;             ///< moves cheaply
  ConvexLayers& operator=(ConvexLayers&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  ConvexLayers(const ConvexLayers&) = default;
};

}  // namespace sublinear
