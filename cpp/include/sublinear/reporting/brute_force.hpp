/// @file
/// Half-space reporting by looking at every point.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// Looks at every point: the oracle, and the fastest structure in more than about 8 dimensions.
///
/// Cost for N points in d dimensions: query N d, several queries sharing each block of points while it is in the cache;
/// no N x Q matrix is formed. insert, move: the points given. erase: marks; every so often what is left is moved
/// together. Memory: N (d sizeof(T) + 17) bytes.
template <class T>
class SUBLINEAR_API BruteForce final : public ForwardingIndex<T> {
 public:
  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points.
  explicit BruteForce(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote.
  explicit BruteForce(const FlatReader& reader);
  BruteForce(BruteForce&&) noexcept = default;             ///< moves cheaply
  BruteForce& operator=(BruteForce&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  BruteForce(const BruteForce&) = default;
};

}  // namespace sublinear
