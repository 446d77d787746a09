// What a trainer was given: the network, the choices, and a copy of the data.
#pragma once

#include <vector>

#include "sublinear/training/trainer.hpp"
#include "training/linear_form.hpp"

namespace sublinear {

// Checked once, the same at every step. The network alone changes.
template <class T>
struct TrainingTask {
  // Throws std::invalid_argument for inputs, labels or options that do not fit each other or the network.
  TrainingTask(TwoLayerNetwork<T>& trained, Points<T> points, const double* targets, TrainerOptions<T> chosen);

  TwoLayerNetwork<T>& network;
  TrainerOptions<T> options;  // with the weights of inputs divided by their mean
  int threads;
  Index n, m, d, c, batch_size;
  AlignedVector<T> inputs;
  std::vector<double> labels;

  [[nodiscard]] Points<T> points() const noexcept { return {inputs.data(), n, d}; }
  [[nodiscard]] const T* input(Index i) const noexcept { return inputs.data() + i * d; }
  [[nodiscard]] double label(Index i) const noexcept { return labels.data()[i]; }
  // What an input counts.
  [[nodiscard]] double weight(Index i) const noexcept {
    return options.input_weights.empty() ? 1.0 : options.input_weights.data()[i];
  }
  [[nodiscard]] Ball ball() const noexcept { return options.attack->ball(); }
  // Whether attacks see the network through its linear form.
  [[nodiscard]] bool linear() const noexcept { return linear_form_is_cheaper(c, options.attack->gradients()); }

  // For the optimizer.
  [[nodiscard]] OptimizerProblem problem() const noexcept {
    return {m, d, c, options.train_biases, !options.input_weights.empty(), *options.loss};
  }

  // The network may have been moved away, or another have taken its place: std::logic_error where its sizes changed.
  void require_same_network() const;

 private:
  void take_weights();
};

}  // namespace sublinear
