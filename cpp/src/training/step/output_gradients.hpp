// Phase 4 of a step: what each input of the batch pulls with at each output.
#pragma once

#include "training/step/batch_attack.hpp"
#include "training/step/overflow_guard.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// Writes to `out`, batch x c, the losses' gradients times rate, scale, the input's weight and 1 / batch: what a weight
// moves by, but for a_r and x~. Returns what that adds to weights and biases at most.
template <class T>
Growth scale_gradients(const TrainingTask<T>& task, const Batch& batch, const AttackedBatch<T>& attacked, double rate,
                       AlignedVector<T>& out);

}  // namespace sublinear
