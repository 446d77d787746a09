// What "data" and "wtree" share: stored lists of who can fire on what, and a scan for the inputs that do not fit.
#pragma once

#include <algorithm>
#include <vector>

#include "finding/incidence_lists.hpp"
#include "finding/scan.hpp"

namespace sublinear {

// Neurons asked together when lists are made: their answers, at worst all inputs, stay below 64 MiB.
[[nodiscard]] inline Index neurons_per_batch(Index inputs) {
  return std::clamp<Index>((Index{1} << 26) / (inputs * static_cast<Index>(sizeof(Index))), 1, 4096);
}

// Answers for the asked inputs from `lists`, ascending; the neurons of dropped inputs are found by a scan.
template <class T>
Work stored_candidates(const Neurons<T>& neurons, Points<T> inputs, const T* limits, const IncidenceLists& lists,
                       const Index* asked, Index count, int threads, CandidateLists& out) {
  std::vector<std::vector<NeuronId>> found(static_cast<std::size_t>(count));
  std::vector<Index> scanned;
  for (Index k = 0; k < count; ++k)
    if (lists.dropped(asked[k])) scanned.push_back(k);
  const auto position = [&](Index s) { return scanned[static_cast<std::size_t>(s)]; };
  Work work = scan_neurons(
      neurons, limits, static_cast<Index>(scanned.size()), threads,
      [&](Index s) { return inputs.row(asked[position(s)]); },
      [&](Index s, std::vector<NeuronId>& list) { found[static_cast<std::size_t>(position(s))] = std::move(list); });
  parallel_for(count, threads, kInputsTogether, [&](Index begin, Index end, int) {
    for (Index k = begin; k < end; ++k) {
      if (lists.dropped(asked[k])) continue;
      std::vector<NeuronId>& list = found[static_cast<std::size_t>(k)];
      lists.append_neurons(asked[k], list);
      std::sort(list.begin(), list.end());
    }
  });
  work += join_lists(
      count, threads, out, [&](Index k) -> const auto& { return found[static_cast<std::size_t>(k)]; });
  return work;
}

}  // namespace sublinear
