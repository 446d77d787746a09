/// @file
/// Half-space reporting: which points lie on the far side of a hyperplane, while points come, go and move.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/reporting/index_options.hpp"

namespace sublinear {

class FlatReader;
class FlatWriter;

/// Choices of a report. Converts from a number of threads.
struct ReportOptions {
  /// The default limit: every id.
  static constexpr Index kNoLimit = std::numeric_limits<Index>::max();

  /// Not explicit, so that a call may give a number of threads alone.
  ReportOptions(int threads_ = 0, bool sorted_ = true, Index limit_ = kNoLimit) noexcept
      : threads(threads_), sorted(sorted_), limit(limit_) {}

  int threads;  ///< 0 = `resolve_threads(0)`; changes speed only
  bool sorted;  ///< ascending ids; else in the order in which the structure finds them, which saves the sorting
  Index limit;  ///< at least 0: a query stops once it has this many ids, the first the structure finds
};

/// The points farthest along each of several normals.
template <class T>
struct TopLists {
  IdLists<Index> lists = {};     ///< per query at most k ids, by falling product, equal products by ascending id
  std::vector<T> products = {};  ///< their canonical products, in the order of lists.ids
};

/// A dynamic set of points that answers half-space queries.
///
/// The predicate, for every structure: point p is reported iff `inner_product(p, normal) >= threshold`, **inclusive**,
/// where the inner product is the canonical one (kernels/inner_product.hpp) and the threshold is compared without
/// rounding. A threshold of -inf reports all points whose product is a number, +inf those whose product overflows
/// upwards, NaN is refused. So every structure reports the same ids, bit for bit of the decision; structures differ in
/// speed and memory only.
///
/// Ids are 0, 1, 2, ... in the order of insertion and are never used again after `erase`. Coordinates are finite.
///
/// Errors: `std::invalid_argument` for values that are not finite, a dimension below 1, unknown or repeated ids, a
/// negative count or a NaN threshold; `std::bad_alloc`. A call that throws has changed nothing.
///
/// @note Thread safety: const member functions may run at the same time on any number of threads; a mutating one needs
/// the object for itself. `Snapshots` (kernels/snapshots.hpp) or a `FairSharedMutex` keep readers and a writer apart.
///
/// @tparam T float or double, the type of coordinates and of the canonical product.
template <class T>
class SUBLINEAR_API HalfSpaceIndex {
 public:
  virtual ~HalfSpaceIndex() = default;

  /// The name in the registry, such as "kd-tree".
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  /// Whether no point that reaches a threshold is ever missed. Those of this library are; one of the application's own
  /// that is not makes the strategies approximate that have it inside.
  [[nodiscard]] virtual bool exact() const noexcept { return true; }
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
  /// `inner_product(p, normal) >= threshold` (inclusive).
  /// @return the counted work; `candidates` and `fired` are the points tested one by one and the points reported.
  virtual Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
                      IdLists<Index>& out) const = 0;

  /// The number of ids `report` would give for each query (same inclusive predicate), without collecting them.
  virtual Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const = 0;

  /// The k >= 0 points with the largest canonical products, per query: exact maximum inner product search. Points whose
  /// product is NaN (it overflowed both ways) are left out.
  /// @throws std::logic_error if an index of the application's own does not offer it.
  virtual Work top(const T* normals, Index queries, Index k, int threads, TopLists<T>& out) const;

  /// Huge results in pieces: the ids `report` would give are those of all pages 0 ... pages() - 1 together, in no
  /// particular order. A page has a bounded number of points (65 536 here), so memory stays bounded. Pages hold until
  /// the next mutating call. An index of the application's own has one page unless it says otherwise.
  [[nodiscard]] virtual Index pages() const noexcept { return 1; }
  /// Appends the ids of one page to `ids`.
  virtual Work report_page(const T* normal, double threshold, Index page, std::vector<Index>& ids) const;

  /// A copy of its own: same points, ids and ids to come, same answers, same counted work. Cost: the memory once more.
  /// @throws std::logic_error if an index of the application's own does not offer it, std::bad_alloc.
  [[nodiscard]] virtual std::unique_ptr<HalfSpaceIndex<T>> clone() const;

  /// Writes what `load_index` needs to make an index that answers alike. @throws std::logic_error if not offered.
  virtual void save(FlatWriter& writer) const;
};

/// Makes an index of the application's own over points (which it copies; ids 0 ... count - 1), for a strategy that has
/// an index inside. Such an index may report more than the predicate asks for, never less: a neuron that is reported
/// without need costs time, one that is missing changes what is trained. Ids ascend.
template <class T>
using IndexFactory = std::function<std::unique_ptr<HalfSpaceIndex<T>>(Points<T> points)>;

/// Gives the ids of one query to `take` piece by piece, in no particular order, with bounded memory; stops early when
/// `take` returns false. Same inclusive predicate as `report`.
template <class T>
SUBLINEAR_API Work stream(const HalfSpaceIndex<T>& index, const T* normal, double threshold,
                          const std::function<bool(const Index* ids, Index count)>& take);

/// The names `make_index` knows, in the order in which tables show them: those of this library, then those that
/// `register_index` added (own_index.hpp), in the order in which they came.
[[nodiscard]] SUBLINEAR_API std::vector<std::string> index_names();

/// Whether there is a structure called `name` and it serves points of this many dimensions.
[[nodiscard]] SUBLINEAR_API bool index_serves(const std::string& name, Index dimension);

/// The name that lets `make_index` choose, as `choose_index` does for many queries in a call.
inline constexpr const char* kAutomatic = "auto";

/// Makes the structure called `name` over `points` (ids 0 ... count - 1). An empty set is allowed (count 0, dimension
/// >= 1) and may be filled later.
/// @throws std::invalid_argument for an unknown name, a dimension the structure does not serve, or bad points.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<HalfSpaceIndex<T>> make_index(const std::string& name, Points<T> points,
                                                                          const IndexOptions& options = {});

}  // namespace sublinear
