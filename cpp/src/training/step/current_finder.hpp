// Phases 2 and 7 of a step: the strategy is asked for candidates, and told which rows moved.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "training/row_facts.hpp"
#include "training/step/overflow_guard.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// The rows that a step moved, ascending, and how far.
struct MovedRows {
  std::vector<NeuronId> rows = {};
  std::vector<Displacement> by = {};
};

// The strategy's structure and what is known of all rows, for the weights as they are. A call of the structure that
// fails may have stopped half-way: then it is dropped, and built again when it is needed.
template <class T>
class CurrentFinder {
 public:
  // Builds the structure.
  CurrentFinder(const TrainingTask<T>& task, OverflowGuard<T>& guard);

  // Builds the structure again if others changed the weights, or if it was dropped.
  void refresh();
  // Within a call nobody may change them: the lists of candidates are those of the weights that the structure knows.
  // Throws std::logic_error.
  void require_unchanged() const;

  // The structure. Throws std::logic_error where there is none.
  [[nodiscard]] const NeuronFinder<T>& get() const;
  // As those of NeuronFinder; need `refresh`.
  [[nodiscard]] bool exact() const noexcept { return finder_->exact(); }
  [[nodiscard]] bool proposes_all();
  Work visit(const Index* inputs, Index count, CandidateLists& storage, std::vector<CandidateView<T>>& views);
  Work candidates(const Index* inputs, Index count, CandidateLists& out);

  // What attacks know of all rows; a step that moves rows says so here.
  [[nodiscard]] RowFacts<T>& facts() noexcept { return facts_; }
  // The step is done: nothing that the structure or the progress throws undoes it. Want of memory drops the structure,
  // what the progress throws is kept for the next step; what an index or a strategy of the application's own throws is
  // thrown.
  Work tell_moved(const MovedRows& moved);

  // Throws what came too late to stop the step before.
  void throw_late();
  void forget_late() noexcept { stopped_late_ = nullptr; }

 private:
  void build();
  template <class Call>
  auto ask(const Call& call);

  const TrainingTask<T>& task_;
  OverflowGuard<T>& guard_;
  std::unique_ptr<NeuronFinder<T>> finder_;  // null: it has to be built again
  std::uint64_t version_ = 0;                // the version of the weights that the finder knows
  RowFacts<T> facts_;
  std::exception_ptr stopped_late_;  // what the progress threw when the weights had moved
};

}  // namespace sublinear
