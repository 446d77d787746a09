#include "training/step/gradient_length.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/norm_bounds.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

template <class T>
double gradient_length(const TrainingTask<T>& task, const AttackedBatch<T>& attacked, const AlignedVector<T>& gradients,
                       Work& work) {
  std::vector<RowGradients<T>> workers;
  workers.reserve(static_cast<std::size_t>(task.threads));
  for (int worker = 0; worker < task.threads; ++worker) workers.emplace_back(task, attacked, gradients);
  std::vector<double> squares(static_cast<std::size_t>(task.m));
  const Index range = std::max<Index>(256, (task.m + 4 * task.threads - 1) / (4 * task.threads));
  parallel_for(task.m, task.threads, range, [&](Index begin, Index end, int worker) {
    RowGradients<T>& own = workers.data()[worker];
    own.start(begin, end);
    for (Index r = begin; r < end; ++r) {
      if (!own.go_to(r, task.network.weights() + r * task.d)) continue;
      const T* const gradient = own.gradient(r);
      double sum = sum_in_parts(task.d, [gradient](Index j) {
        const auto v = static_cast<double>(gradient[j]);
        return v * v;
      });
      if (task.options.train_biases) {
        const auto v = static_cast<double>(own.bias_gradient());
        sum += v * v;
      }
      squares.data()[r] = sum;
    }
  });
  double sum = 0;
  for (const double each : squares) sum += each;
  for (const RowGradients<T>& own : workers) work += own.work();
  return std::sqrt(sum);
}

template double gradient_length<float>(const TrainingTask<float>&, const AttackedBatch<float>&,
                                       const AlignedVector<float>&, Work&);
template double gradient_length<double>(const TrainingTask<double>&, const AttackedBatch<double>&,
                                        const AlignedVector<double>&, Work&);

}  // namespace sublinear
