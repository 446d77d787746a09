/// @file
/// Half-space reporting with a tree of boxes.
#pragma once

#include "sublinear/reporting/forwarding_index.hpp"
#include "sublinear/reporting/tree_options.hpp"

namespace sublinear {

/// A binary tree whose nodes know the smallest axis-parallel box around their points. A box on one side of the
/// hyperplane is reported or passed over without looking at its points; others are descended into.
///
/// Cost for N points: build N log N; a query looks at the boxes the hyperplane cuts, few in low dimensions (up to about
/// 8), nearly all in high ones; a whole box reported costs its points' ids, counted costs 1. move: the points given and
/// the boxes above them, with a rebuild when boxes have grown; insert: a buffer that queries scan, merged when it holds
/// an eighth of the points. Memory: N (d sizeof(T) + 17) bytes and (2 d + 8) * 8 bytes a node.
template <class T>
class KDTree final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points or options.
  explicit KDTree(Points<T> points, TreeOptions options = {});
};

}  // namespace sublinear
