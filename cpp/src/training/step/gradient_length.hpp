// How long the gradient of all rows, and of the biases where they are trained, is: for clipping it.
#pragma once

#include "training/step/row_gradients.hpp"

namespace sublinear {

// The root of the sum over ascending neurons, from +0 in double, of the squares of each one's gradient; G are the
// `gradients`. Counts in `work` what it cost to find which neurons fired where that is not known.
template <class T>
[[nodiscard]] double gradient_length(const TrainingTask<T>& task, const AttackedBatch<T>& attacked,
                                     const AlignedVector<T>& gradients, Work& work);

}  // namespace sublinear
