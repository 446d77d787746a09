/// @file
/// Half-space reporting: which points lie on the far side of a hyperplane, while points come, go and move.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"

namespace sublinear {

/// A dynamic set of points that answers half-space queries.
///
/// The predicate, for every structure: point p is reported iff `inner_product(p, normal) >= threshold`, **inclusive**,
/// where the inner product is the canonical one (kernels/inner_product.hpp) and the threshold is compared without
/// rounding. A threshold of -inf reports all, +inf none, NaN is refused. So every structure reports the same ids, bit
/// for bit of the decision; structures differ in speed and memory only.
///
/// Ids are 0, 1, 2, ... in the order of insertion and are never used again after `erase`. Coordinates are finite.
///
/// Errors: `std::invalid_argument` for values that are not finite, a dimension below 1, unknown or repeated ids, a
/// negative count or a NaN threshold; `std::bad_alloc`. A call that throws has changed nothing.
///
/// @note Thread safety: const member functions may run at the same time on any number of threads; a mutating one needs
/// the object for itself.
///
/// @tparam T float or double, the type of coordinates and of the canonical product.
template <class T>
class HalfSpaceIndex {
 public:
  virtual ~HalfSpaceIndex() = default;

  /// The name in the registry, such as "kd-tree".
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  /// Number of points that can be reported.
  [[nodiscard]] virtual Index size() const noexcept = 0;
  /// Number of coordinates of a point.
  [[nodiscard]] virtual Index dimension() const noexcept = 0;
  /// Bytes of memory held.
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;

  /// Adds points; they get the ids `first`, `first + 1`, ... in their order. @return first.
  virtual Index insert(Points<T> points) = 0;

  /// Removes the points with these (distinct) ids.
  virtual void erase(const Index* ids, Index count) = 0;

  /// Gives the points with these (distinct) ids new coordinates: row k of `points`, count x dimension, is for ids[k].
  virtual void move(const Index* ids, Index count, const T* points) = 0;

  /// Reports for each of the `queries` normals (queries x dimension, row-major) every id with
  /// `inner_product(p, normal) >= threshold` (inclusive), ascending.
  /// @param threads 0 = all processors; changes speed only.
  /// @return the counted work; `candidates` and `fired` are the points tested one by one and the points reported.
  virtual Work report(const T* normals, const double* thresholds, Index queries, int threads,
                      IdLists<Index>& out) const = 0;

  /// The number of ids `report` would give for each query (same inclusive predicate), without collecting them.
  virtual Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const = 0;
};

/// The names `make_index` knows, in the order in which tables show them.
[[nodiscard]] const std::vector<std::string>& index_names();

/// Makes the structure called `name` over `points` (ids 0 ... count - 1). An empty set is allowed (count 0, dimension
/// >= 1) and may be filled later.
/// @throws std::invalid_argument for an unknown name, a dimension the structure does not serve, or bad points.
template <class T>
[[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> make_index(const std::string& name, Points<T> points);

}  // namespace sublinear
