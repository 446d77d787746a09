// Phase 4 of a step: what each input of the batch pulls with at each output.
#pragma once

#include "training/step/batch_attack.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// Writes to `out`, batch x c, the losses' gradients times `factor`, scale, the input's weight and 1 / batch: what the
// gradient of a weight is made of, but for a_r and x~. Returns the size of those gradients at most.
template <class T>
Magnitudes scale_gradients(const TrainingTask<T>& task, const Batch& batch, const AttackedBatch<T>& attacked,
                           double factor, AlignedVector<T>& out);

}  // namespace sublinear
