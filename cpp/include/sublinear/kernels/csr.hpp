/// @file
/// Lists of ids per query in compressed-sparse-row form.
#pragma once

#include <algorithm>
#include <vector>

#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/work.hpp"

namespace sublinear {

/// One list of ids per query, all in two arrays: the ids of query q are ids[offsets[q]] ... ids[offsets[q + 1] - 1].
template <class Id>
struct IdLists {
  std::vector<Index> offsets{0};  ///< size() + 1 positions, ascending, first 0
  std::vector<Id> ids;            ///< the lists one after the other

  /// How many lists: one per query.
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(offsets.size()) - 1; }
  /// How many ids list q has.
  [[nodiscard]] Index length(Index q) const noexcept { return offsets[at(q) + 1] - offsets[at(q)]; }
  /// The first id of list q; valid while the lists are not changed.
  [[nodiscard]] const Id* begin(Index q) const& noexcept { return ids.data() + offsets[at(q)]; }
  /// Behind the last id of list q.
  [[nodiscard]] const Id* end(Index q) const& noexcept { return ids.data() + offsets[at(q) + 1]; }
  const Id* begin(Index q) const&& = delete;
  const Id* end(Index q) const&& = delete;

 private:
  static std::size_t at(Index q) noexcept { return static_cast<std::size_t>(q); }
};

/// So few ids are joined before a second thread has woken up.
inline constexpr Index kIdsForOneThread = Index{1} << 16;

/// Fills `out` for queries 0 ... count - 1: `append(q, ids, worker)` appends the ids of query q to the vector it is
/// given and returns the work it did. Queries may run on several threads, `grain` successive ones on the same; the
/// lists and the summed work do not depend on how many. Memory: the result and one copy of it.
///
/// With `order`, a permutation of 0 ... count - 1, they are taken in that order: `append(v, ids, worker)` then stands
/// for query order[v].
template <class Id, class Append>
Work fill_lists(Index count, int threads, Index grain, IdLists<Id>& out, Append&& append,
                const Index* order = nullptr) {
  const auto query = [=](Index v) { return static_cast<std::size_t>(order == nullptr ? v : order[v]); };
  const Index ranges = (count + grain - 1) / grain;
  std::vector<std::vector<Id>> parts(static_cast<std::size_t>(ranges));
  std::vector<Work> works(static_cast<std::size_t>(ranges));
  out.offsets.assign(static_cast<std::size_t>(count) + 1, 0);
  parallel_for(count, threads, grain, [&](Index begin, Index end, int worker) {
    auto& part = parts[static_cast<std::size_t>(begin / grain)];
    auto& work = works[static_cast<std::size_t>(begin / grain)];
    for (Index v = begin; v < end; ++v) {
      const std::size_t before = part.size();
      work += append(v, part, worker);
      out.offsets[query(v) + 1] = static_cast<Index>(part.size() - before);
    }
  });
  for (std::size_t q = 0; q < static_cast<std::size_t>(count); ++q) out.offsets[q + 1] += out.offsets[q];
  out.ids.resize(static_cast<std::size_t>(out.offsets.back()));
  const bool few = out.offsets.back() < kIdsForOneThread;
  parallel_for(ranges, few ? 1 : threads, 16, [&](Index begin, Index end, int) {
    for (Index k = begin; k < end; ++k) {
      std::vector<Id>& part = parts[static_cast<std::size_t>(k)];
      auto from = part.begin();
      for (Index v = k * grain; v < std::min(count, (k + 1) * grain); ++v) {
        const auto to = from + out.length(static_cast<Index>(query(v)));
        std::copy(from, to, out.ids.begin() + out.offsets[query(v)]);
        from = to;
      }
      part = {};
    }
  });
  Work total;
  for (const Work& work : works) total += work;
  return total;
}

}  // namespace sublinear
