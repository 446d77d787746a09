// What "data" and "wtree" share: stored lists of who can fire on what, and a scan for the inputs that do not fit.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "finding/finders.hpp"
#include "finding/incidence_lists.hpp"
#include "finding/scan.hpp"

namespace sublinear {

// Neurons asked together when lists are made: their answers, at worst all inputs, stay below 64 MiB.
[[nodiscard]] inline Index neurons_per_batch(Index inputs) {
  return std::clamp<Index>((Index{1} << 26) / (inputs * static_cast<Index>(sizeof(Index))), 1, 4096);
}

// A finder that asks each neuron for its inputs and keeps the answers in lists from both sides. What a neuron is asked
// is the strategy's own: `ask`.
template <class T>
class StoredListsFinder : public NeuronFinder<T> {
 public:
  // Answers from the lists, ascending; the neurons of dropped inputs are found by a scan.
  Work candidates(const Index* asked, Index count, int requested, CandidateLists& out) override {
    require_positions(asked, count, inputs_.count);
    const int threads = resolve_threads(requested);
    std::vector<std::vector<NeuronId>> found(static_cast<std::size_t>(count));
    std::vector<Index> scanned;
    for (Index k = 0; k < count; ++k)
      if (lists_.dropped(asked[k])) scanned.push_back(k);
    const auto position = [&](Index s) { return scanned[static_cast<std::size_t>(s)]; };
    Work work = scan_neurons(
        neurons_, limits_.data(), static_cast<Index>(scanned.size()), threads,
        [&](Index s) { return inputs_.row(asked[position(s)]); },
        [&](Index s, std::vector<NeuronId>& list, const std::vector<T>&) {
          found[static_cast<std::size_t>(position(s))] = std::move(list);
        });
    parallel_for(count, threads, kInputsTogether, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k) {
        if (lists_.dropped(asked[k])) continue;
        std::vector<NeuronId>& list = found[static_cast<std::size_t>(k)];
        lists_.append_neurons(asked[k], list);
        std::sort(list.begin(), list.end());
      }
    });
    work += join_lists(
        count, threads, out, [&](Index k) -> const auto& { return found[static_cast<std::size_t>(k)]; });
    return work;
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int requested) override {
    require_rows(rows, by, count, neurons_.count);
    const int threads = resolve_threads(requested);
    limits_.refresh(rows, count, threads);
    Work work = ask(rows, count, threads);
    work.rows_moved = count;
    return work;
  }

 protected:
  StoredListsFinder(const FinderArguments<T>& arguments, std::size_t list_bytes)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        limits_(neurons_, inputs_, arguments.ball, arguments.threads),
        lists_(neurons_.count, inputs_.count, list_bytes) {}

  // Finds the inputs of these neurons as they are now, and replaces what `lists_` has of them.
  virtual Work ask(const NeuronId* rows, Index count, int threads) = 0;

  // For the end of a constructor.
  void ask_all(int threads) {
    std::vector<NeuronId> all(static_cast<std::size_t>(neurons_.count));
    std::iota(all.begin(), all.end(), NeuronId{0});
    ask(all.data(), neurons_.count, threads);
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  RowLimits<T> limits_;
  IncidenceLists lists_;
};

}  // namespace sublinear
