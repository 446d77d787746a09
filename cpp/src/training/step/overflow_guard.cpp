#include "training/step/overflow_guard.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "finding/reach.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {

template <class T>
OverflowGuard<T>::OverflowGuard(const TrainingTask<T>& task) : task_(task) {
  for (Index i = 0; i < task.n; ++i)
    largest_input_ = std::max(largest_input_, absolute_sum_bound(task.input(i), task.d));
  largest_input_ += static_cast<double>(task.d) * task.ball().radius * (1 + kWiden);
}

template <class T>
void OverflowGuard<T>::measure() {
  const TwoLayerNetwork<T>& network = task_.network;
  largest_.weight = norm_bound(network.weights(), network.width() * task_.d, Norm::infinity);
  largest_.bias = norm_bound(network.biases(), network.width(), Norm::infinity);
}

template <class T>
void OverflowGuard<T>::measure_network() {
  measure();
  if (!fits(largest_.weight, largest_.bias)) throw std::invalid_argument(overflow_text());
}

template <class T>
void OverflowGuard<T>::allow(OptimizerRun<T>& optimizer, const Magnitudes& gradient, std::int64_t step, double rate) {
  if (grow(optimizer.growth(gradient, largest_))) return;
  measure();
  optimizer.measure();
  if (!grow(optimizer.growth(gradient, largest_)))
    throw DivergenceError("step " + std::to_string(step) + " with learning rate " + format_number(rate) +
                          " would make weights, or products of them with inputs, overflow; the network is as it was "
                          "before the step, train it with a lower learning rate");
}

template <class T>
bool OverflowGuard<T>::grow(const Magnitudes& growth) {
  const bool goes = fits(largest_.weight + growth.weight, largest_.bias + growth.bias);
  if (goes) largest_.weight += growth.weight, largest_.bias += growth.bias;
  return goes;
}

// Whether weights and biases of at most this size are far enough from overflow for every norm of a row and every
// pre-activation in a ball, and for what structures compute of them: there they would no longer agree.
template <class T>
bool OverflowGuard<T>::fits(double weight, double bias) const {
  const double limit = static_cast<double>(std::numeric_limits<T>::max()) / static_cast<double>(8 * (task_.d + 1));
  return weight <= limit && bias + std::abs(static_cast<double>(task_.network.threshold())) <= limit &&
         weight * largest_input_ <= limit;
}

template <class T>
std::string OverflowGuard<T>::overflow_text() const {
  return "weights reach " + format_number(largest_.weight) + " in size, biases " + format_number(largest_.bias) +
         ", the threshold is " + format_number(static_cast<double>(task_.network.threshold())) +
         ", and inputs reach a sum of " + format_number(largest_input_) +
         " over their components, attacked; products may overflow, give smaller numbers";
}

template class OverflowGuard<float>;
template class OverflowGuard<double>;

}  // namespace sublinear
