#include "training/step/output_gradients.hpp"

#include <cmath>

#include "finding/reach.hpp"

namespace sublinear {

template <class T>
Magnitudes scale_gradients(const TrainingTask<T>& task, const Batch& batch, const AttackedBatch<T>& attacked,
                           double factor, AlignedVector<T>& out) {
  const Index count = batch.size(), c = task.c;
  const TwoLayerNetwork<T>& network = task.network;
  const double shared = factor * static_cast<double>(network.scale()) / static_cast<double>(count);
  out.resize(attacked.gradients.size());
  Magnitudes size;
  for (Index i = 0; i < count; ++i) {
    const double own = shared * task.weight(batch.input(i));
    double sum = 0;
    for (Index k = 0; k < c; ++k) {
      T& gradient = out.data()[i * c + k];
      gradient = static_cast<T>(attacked.gradients.data()[i * c + k] * own);
      sum += std::abs(static_cast<double>(gradient));
    }
    size.weight += sum * norm_bound(attacked.points.data() + i * task.d, task.d, Norm::infinity);
    if (task.options.train_biases) size.bias += sum;
  }
  const double largest_output = norm_bound(network.output_weights(), network.width() * c, Norm::infinity);
  size.weight *= largest_output * 1.01;
  size.bias *= largest_output * 1.01;
  return size;
}

template Magnitudes scale_gradients<float>(const TrainingTask<float>&, const Batch&, const AttackedBatch<float>&,
                                           double, AlignedVector<float>&);
template Magnitudes scale_gradients<double>(const TrainingTask<double>&, const Batch&, const AttackedBatch<double>&,
                                            double, AlignedVector<double>&);

}  // namespace sublinear
