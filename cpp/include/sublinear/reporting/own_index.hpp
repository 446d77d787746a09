/// @file
/// Indexes of the application's own: by a name beside the library's, and from a structure that only proposes points.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

/// An index as tables and checks see it.
struct IndexInfo {
  std::string name = {};       ///< as `make_index` takes it: small letters, digits, '-', '_', '.'
  bool exact = true;           ///< whether it never misses a point; see `HalfSpaceIndex::exact`
  Index least_dimensions = 1;  ///< of the points it serves
  Index most_dimensions = std::numeric_limits<Index>::max();  ///< the same
};

/// Makes an index over points (which it copies; ids 0 ... count - 1).
template <class T>
using IndexMaker = std::function<std::unique_ptr<HalfSpaceIndex<T>>(Points<T> points, const IndexOptions& options)>;

/// The least that a structure offers to become an index: it proposes points. `make_proposed_index` does the rest: it
/// keeps the points, judges every proposal by the canonical product, knows who was erased, and answers what a structure
/// does not offer.
template <class T>
class SUBLINEAR_API Proposer {
 public:
  virtual ~Proposer() = default;

  /// Distinct ids per query, in any order: all whose product with the normal is above the threshold, and whatever
  /// others. Rounding is taken off before: the thresholds, numbers of T, are so low that a product in T, summed in any
  /// order, serves, compared by > or >=. Const: may run on several threads at the same time.
  virtual void propose(const T* normals, const double* thresholds, Index queries, int threads,
                       IdLists<Index>& out) const = 0;

  /// Adds points, which get the next ids. @return false where that is not offered: the structure is then made anew over
  /// all points, as with `move`. What it throws makes it anew, too.
  virtual bool insert(Points<T> points);
  /// Gives the points with these ids new coordinates, row by row. @return false where that is not offered.
  virtual bool move(const Index* ids, Index count, const T* points);
  /// These ids will not come again; they may still be proposed, and moved points be theirs.
  virtual void erase(const Index* ids, Index count);
  /// Bytes of memory held.
  [[nodiscard]] virtual std::size_t bytes() const noexcept { return 0; }
};

/// Makes a structure over at least one point (which it copies; ids 0 ... count - 1).
template <class T>
using ProposerFactory = std::function<std::unique_ptr<Proposer<T>>(Points<T> points)>;

/// An index over `points` whose answers a structure of the application's own proposes. Every answer is checked, and
/// where `info.exact` one query in 64, the first among them, is looked up by a scan, too: a point that is missing is an
/// error. Queries whose products may overflow, or with an infinite threshold, are answered by a scan. Cost beyond the
/// proposals: the points once more, a canonical product for each proposal, a scan for one query in 64.
/// @throws std::invalid_argument for bad points, a dimension that `info` does not serve, or a factory that makes
/// nothing; later, PluginError for an answer that is none.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<HalfSpaceIndex<T>> make_proposed_index(const IndexInfo& info,
                                                                                   Points<T> points,
                                                                                   const ProposerFactory<T>& factory);

/// From now on `make_index`, strategies and predictors know an index by `info.name`; its answers are checked. Any
/// thread may call it. @throws std::invalid_argument for a name that is taken or not of the letters above, or an empty
/// maker.
SUBLINEAR_API void register_index(const IndexInfo& info, IndexMaker<float> make_float, IndexMaker<double> make_double);

/// The same for a structure that proposes. Such indexes can be saved and loaded.
SUBLINEAR_API void register_proposer(const IndexInfo& info, ProposerFactory<float> make_float,
                                     ProposerFactory<double> make_double);

/// Forgets a registered index; those that were made live on. @throws std::invalid_argument if there is none.
SUBLINEAR_API void unregister_index(const std::string& name);

/// What is known of the index called `name`. @throws std::invalid_argument if there is none.
[[nodiscard]] SUBLINEAR_API IndexInfo index_info(const std::string& name);

}  // namespace sublinear
