/// @file
/// Half-space reporting with a tree of balls.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// A tree whose nodes know a ball around their points; the rest is as in `KDTree`. One inner product bounds a node, so
/// nodes cost half as much as boxes; balls bound points spread along an axis less tightly.
///
/// Costs as in `KDTree`. Memory: N (d sizeof(T) + 17) bytes and (d + 2) sizeof(T) bytes a node.
template <class T>
class SUBLINEAR_API BallTree final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points or options.
  explicit BallTree(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote.
  explicit BallTree(const FlatReader& reader);
  BallTree(BallTree&&) noexcept = default;             ///< moves cheaply
  BallTree& operator=(BallTree&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  BallTree(const BallTree&) = default;
};

}  // namespace sublinear
