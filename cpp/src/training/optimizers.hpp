// The optimizers, one file each; declared here for the registry. Each checks the options that are its own.
#pragma once

#include <cmath>
#include <memory>
#include <stdexcept>

#include "sublinear/kernels/require.hpp"
#include "sublinear/training/optimizer.hpp"

namespace sublinear {

// What a run has that remembers nothing between steps.
template <class T>
class StatelessRun : public OptimizerRun<T> {
 public:
  void set_state(const OptimizerState<T>& state) override {
    require(state.values.empty() && state.numbers.empty(),
            "the state is that of another optimizer, this one has none; give one that it returned");
  }
};

// The step along the gradient that gradient descent takes, and Gauss-Newton along its own.
template <class T>
class DescentRun : public StatelessRun<T> {
 public:
  explicit DescentRun(Index dimension) : dimension_(dimension) {}
  [[nodiscard]] double gradient_factor(double rate) const noexcept override { return rate; }
  [[nodiscard]] Magnitudes growth(const Magnitudes& gradient, const Magnitudes&) override { return gradient; }
  void move(const NeuronStep<T>& step) noexcept override {
    for (Index j = 0; j < dimension_; ++j) step.weights[j] -= step.gradient[j];
    if (step.bias != nullptr) *step.bias -= step.bias_gradient;
  }

 private:
  Index dimension_;
};

template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_gradient_descent(const OptimizerOptions& options);
template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_gauss_newton(const OptimizerOptions& options);
template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_momentum(const OptimizerOptions& options);
template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_nesterov(const OptimizerOptions& options);
template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_adam(const OptimizerOptions& options);
template <class T>
[[nodiscard]] std::shared_ptr<const Optimizer<T>> make_adamw(const OptimizerOptions& options);

}  // namespace sublinear
