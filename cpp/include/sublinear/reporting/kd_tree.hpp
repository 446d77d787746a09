/// @file
/// Half-space reporting with a tree of boxes.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// A tree whose nodes know the smallest axis-parallel box around their points. A box on one side of the hyperplane is
/// reported or passed over without looking at its points; others are descended into. Sixteen sibling boxes are bounded
/// together, and sixteen points of a leaf.
///
/// Cost for N points in d dimensions: build N log N; a query looks at the boxes the hyperplane cuts, few in low
/// dimensions (up to about 8), nearly all in high ones; a whole box reported costs its points' ids, counted costs 1.
/// move: the points given and one pass over what says which bounds are stale, with a rebuild when leaves have grown to
/// twice their extent. insert: by the logarithmic method, amortised log N rebuilt points for each. Memory:
/// N (d sizeof(T) + 17) bytes and (2 d + 1) sizeof(T) bytes a node, of which there are N / 15.
template <class T>
class SUBLINEAR_API KDTree final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points or options.
  explicit KDTree(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote.
  explicit KDTree(const FlatReader& reader);
  KDTree(KDTree&&) noexcept = default;             ///< moves cheaply
  KDTree& operator=(KDTree&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  KDTree(const KDTree&) = default;
};

}  // namespace sublinear
