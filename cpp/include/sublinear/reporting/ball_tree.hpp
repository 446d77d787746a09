/// @file
/// Half-space reporting with a tree of balls.
#pragma once

#include "sublinear/reporting/forwarding_index.hpp"
#include "sublinear/reporting/tree_options.hpp"

namespace sublinear {

/// A binary tree whose nodes know a ball around their points; the rest is as in `KDTree`. One inner product bounds a
/// node, so nodes cost half as much as boxes; they bound points spread along an axis less tightly.
///
/// Costs as in `KDTree`. Memory: N (d sizeof(T) + 17) bytes and (d sizeof(T) + 56) bytes a node.
template <class T>
class BallTree final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points or options.
  explicit BallTree(Points<T> points, TreeOptions options = {});
};

}  // namespace sublinear
