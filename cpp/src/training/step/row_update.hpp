// Phase 6 of a step: the rows move.
#pragma once

#include <vector>

#include "training/step/batch_attack.hpp"
#include "training/step/current_finder.hpp"
#include "training/step/row_gradients.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// One step, neuron by neuron: the optimizer moves each row, and its bias where biases are trained, by its gradient.
//
// The constructor takes all the memory; nothing in `apply` throws once rows move, so that no step stops among them.
template <class T>
class RowUpdate {
 public:
  // G are the `gradients`, batch x c. All that is passed must outlive the update.
  RowUpdate(const TrainingTask<T>& task, const AttackedBatch<T>& attacked, const AlignedVector<T>& gradients,
            OptimizerRun<T>& optimizer);

  // For optimizers that want all rows at once: lets it decide where they go. May throw; nothing has moved then.
  void propose();
  // Moves the rows, notes it in `facts`; returns which moved.
  MovedRows apply(RowFacts<T>& facts);
  // Of `apply`.
  [[nodiscard]] Work work() const noexcept;

 private:
  // Of a worker: gradients, and a row as it was.
  struct Buffers {
    RowGradients<T> gradients;
    AlignedVector<T> row;
  };

  void apply_range(Index begin, Index end, Buffers& own, RowFacts<T>& facts) noexcept;
  Displacement move_row(Index r, Buffers& own, RowFacts<T>& facts) noexcept;

  const TrainingTask<T>& task_;
  OptimizerRun<T>& optimizer_;
  T* weights_ = nullptr;
  T* biases_ = nullptr;  // null: they stay
  std::vector<Displacement> moves_;
  MovedRows moved_;
  std::vector<Buffers> buffers_;
};

}  // namespace sublinear
