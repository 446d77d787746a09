#include "training/step/training_task.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "sublinear/kernels/require.hpp"
#include "training/input_block.hpp"

namespace sublinear {

template <class T>
TrainingTask<T>::TrainingTask(TwoLayerNetwork<T>& trained, Points<T> points, const double* targets,
                              TrainerOptions<T> chosen)
    : network(trained),
      options(std::move(chosen)),
      threads(resolve_threads(options.threads)),
      n(points.count),
      m(trained.width()),
      d(trained.dimension()),
      c(trained.outputs()),
      batch_size(options.batch_size == 0 ? n : std::min(options.batch_size, n)) {
  require(options.loss != nullptr, "loss is missing; give one made by make_loss");
  require(options.attack != nullptr, "attack is missing; give one, make_pgd with steps 0 for none");
  require(n >= 1, "there are no inputs; training needs at least one");
  if (n > std::numeric_limits<NeuronId>::max())
    throw std::length_error("there are " + std::to_string(n) + " inputs; a trainer takes fewer than 2^31");
  require(options.batch_size >= 0, "batch_size is negative; give a number of inputs, or 0 for all");
  require_inputs(points, d);
  check_labels(targets, n, *options.loss, c);
  options.attack->check_inputs(points);
  if (options.optimizer == nullptr) options.optimizer = make_optimizer<T>("gradient");
  if (options.average != 0) options.optimizer = make_averaged<T>(options.optimizer, options.average);
  options.optimizer->check(problem());
  inputs.assign(points.data, points.data + n * d);
  labels.assign(targets, targets + n);
  take_weights();
}

// Weights divided by their mean: equal ones change nothing.
template <class T>
void TrainingTask<T>::take_weights() {
  std::vector<double>& weights = options.input_weights;
  if (weights.empty()) return;
  if (static_cast<Index>(weights.size()) != n)
    throw std::invalid_argument("there are " + std::to_string(weights.size()) + " input weights and " +
                                std::to_string(n) + " inputs; give one for each");
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i]))
      throw std::invalid_argument("the weight of input " + std::to_string(i) + " is " + format_number(weights[i]) +
                                  "; give finite numbers >= 0");
    sum += weights[i];
  }
  if (!(sum > 0) || !std::isfinite(sum))
    throw std::invalid_argument("input weights sum to " + format_number(sum) + "; give at least one above 0");
  for (double& weight : weights) weight *= static_cast<double>(n) / sum;
}

template <class T>
void TrainingTask<T>::require_same_network() const {
  if (network.width() != m || network.dimension() != d || network.outputs() != c)
    throw std::logic_error(
        "the trainer's network was moved away, or one of other sizes took its place; make a trainer of the network "
        "where it is now");
}

template struct TrainingTask<float>;
template struct TrainingTask<double>;

}  // namespace sublinear
