// Phase 5 of a step: it is refused before it makes numbers overflow.
#pragma once

#include <string>

#include "training/step/training_task.hpp"

namespace sublinear {

// Upper bounds on |w| and |bias|, raised by every step; measured again when they get near overflow.
template <class T>
class OverflowGuard {
 public:
  explicit OverflowGuard(const TrainingTask<T>& task);

  // Measures the network as it is now; throws std::invalid_argument where products may overflow.
  void measure_network();
  // Raises the bounds by what the optimizer's step adds with gradients of this size. Throws DivergenceError, with
  // nothing changed, where it may not.
  void allow(OptimizerRun<T>& optimizer, const Magnitudes& gradient, std::int64_t step, double rate);

 private:
  void measure();
  [[nodiscard]] bool grow(const Magnitudes& growth);
  [[nodiscard]] bool fits(double weight, double bias) const;
  [[nodiscard]] std::string overflow_text() const;

  const TrainingTask<T>& task_;
  Magnitudes largest_;
  double largest_input_ = 0;  // sum of |x_j| over the components of an attacked input, at most
};

}  // namespace sublinear
