/// @file
/// Half-space reporting with a simplicial partition tree.
#pragma once

#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// The theory's own structure, for comparison: a tree whose nodes know a simplex around their points, made so that
/// hyperplanes cross few of them (Matousek 1992, Chan 2012).
///
/// The construction here is a randomised one in their manner: the simplex of a node is cut in two through all but two
/// of its corners, where that halves the points; of the d (d + 1) / 2 ways to do so it takes the one whose halves a
/// sample of hyperplanes crosses least often, where a hyperplane counts twice as much for every cut that crossed it
/// before. Each simplex is then shrunk onto its points. Optimal crossing numbers are N^(1 - 1/d); what this one reaches
/// was measured and is in docs/reporting.md. It is the same for the same points.
///
/// Cost for N points in d dimensions (at most 16): build N log N times d^2; a query bounds the simplices that the
/// hyperplane crosses, at d (d + 1) multiplications each. Points that move are built in anew. Memory: N (d sizeof(T) +
/// 17) bytes and (d (d + 1) + 2) sizeof(T) bytes a node.
template <class T>
class SUBLINEAR_API PartitionTree final : public ForwardingIndex<T> {
 public:
  /// Points of more dimensions are refused: a simplex has a corner more than that, and bounds cost its square.
  static constexpr Index kMostDimensions = 16;

  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points or options,
  /// and for more than kMostDimensions dimensions.
  explicit PartitionTree(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote.
  explicit PartitionTree(const FlatReader& reader);
  PartitionTree(PartitionTree&&) noexcept = default;             ///< moves cheaply
  PartitionTree& operator=(PartitionTree&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  PartitionTree(const PartitionTree&) = default;
};

/// The crossing number of one hyperplane: how many of the leaves' simplices it meets, and how many leaves there are.
struct CrossingNumber {
  Index crossed = 0;  ///< leaves whose simplex meets the hyperplane
  Index leaves = 0;   ///< all leaves of the tree
};

/// Builds a partition tree over the points and counts, for each query, the leaves that the hyperplane
/// {p: <p, normal> = threshold} meets, for comparison with the theory's leaves^(1 - 1/d).
template <class T>
[[nodiscard]] SUBLINEAR_API std::vector<CrossingNumber> crossing_numbers(Points<T> points, const IndexOptions& options,
                                                                         const T* normals, const double* thresholds,
                                                                         Index queries);

}  // namespace sublinear
