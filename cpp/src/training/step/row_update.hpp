// Phase 6 of a step: the rows move.
#pragma once

#include <vector>

#include "training/fired_positions.hpp"
#include "training/step/batch_attack.hpp"
#include "training/step/current_finder.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// One step, neuron by neuron: the gradient of row r is the sum over the batch positions i at which it fired, ascending,
// of (sum over outputs k of G_ik a_rk) x~_i, that of its bias, where biases are trained, the sum of the same
// coefficients. The optimizer moves both.
//
// The constructor takes all the memory; nothing in `apply` throws once rows move, so that no step stops among them.
template <class T>
class RowUpdate {
 public:
  // G are the `gradients`, batch x c. All that is passed must outlive the update.
  RowUpdate(const TrainingTask<T>& task, const AttackedBatch<T>& attacked, const AlignedVector<T>& gradients,
            OptimizerRun<T>& optimizer);

  // Moves the rows, notes it in `facts`; returns which moved.
  MovedRows apply(RowFacts<T>& facts);
  // Of `apply`.
  [[nodiscard]] Work work() const noexcept;

 private:
  // Of a worker.
  struct Buffers {
    FiredPositions fired;
    AlignedVector<T> gradient, row, coefficients, products;
    std::vector<NeuronId> positions;
    Work work;
  };
  // The positions at which one neuron fired, ascending.
  struct Positions {
    const NeuronId* at;
    Index length;
  };

  void apply_range(Index begin, Index end, Buffers& own, RowFacts<T>& facts) noexcept;
  Positions find_positions(Index r, Buffers& own) noexcept;
  void combine(Index r, Positions fired, Buffers& own) noexcept;
  Displacement move_row(Index r, Positions fired, Buffers& own, RowFacts<T>& facts) noexcept;

  const TrainingTask<T>& task_;
  const AttackedBatch<T>& attacked_;
  const AlignedVector<T>& gradients_;
  OptimizerRun<T>& optimizer_;
  bool known_;  // where neurons fired
  T* weights_ = nullptr;
  T* biases_ = nullptr;  // null: they stay
  std::vector<Displacement> moves_;
  MovedRows moved_;
  std::vector<Buffers> buffers_;
};

}  // namespace sublinear
