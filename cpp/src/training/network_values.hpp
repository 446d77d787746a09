// f at a point, its loss and that loss's gradients, from what is known of the neurons that fire there.
#pragma once

#include <vector>

#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "training/linear_form.hpp"

namespace sublinear {

// For one input at a time; scratch space of one thread. In a linear visit values come from a linear form that follows
// the neurons that change sides, otherwise they are summed afresh at each point: docs/determinism.md has both orders.
template <class T>
class NetworkValues {
 public:
  void attach(const TwoLayerNetwork<T>& network, bool linear);
  [[nodiscard]] bool linear() const noexcept { return linear_; }
  [[nodiscard]] LinearForm<T>& form() noexcept { return form_; }

  // In a linear visit: values at x, from the form as it is now.
  void take(const T* x);
  // In another: values from the neurons that fire, ascending, and their canonical products with the point.
  void take(const std::vector<NeuronId>& fired, const T* products);

  // f, after the last `take`; one number per output.
  [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }
  // The loss at the values; fills `output_gradient`.
  double loss(const Loss& loss, double label);
  [[nodiscard]] const std::vector<double>& output_gradient() const noexcept { return output_gradient_; }
  // Whether they have the class of the label; true for losses of numbers.
  [[nodiscard]] bool correct(const Loss& loss, double label) const {
    return !loss.classifies() || loss.correct(exact_values_.data(), network_->outputs(), label);
  }
  // In a linear visit: writes d loss / d x.
  void input_gradient(const Loss& loss, double label, T* gradient);
  // In another: the same, from the neurons that fire.
  void input_gradient(const Loss& loss, double label, const std::vector<NeuronId>& fired, T* gradient);

 private:
  void scale_values();
  void scale_gradient(const Loss& loss, double label);

  const TwoLayerNetwork<T>* network_ = nullptr;
  bool linear_ = false;
  LinearForm<T> form_;
  std::vector<T> coefficients_, values_, scaled_gradient_;
  std::vector<double> exact_values_;  // in double, as losses take them
  std::vector<double> output_gradient_;
};

}  // namespace sublinear
