// Softmax cross-entropy of class indices.
#include <algorithm>
#include <cmath>

#include "sublinear/kernels/elementary.hpp"
#include "training/losses.hpp"

namespace sublinear {
namespace {

class CrossEntropyLoss final : public Loss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "cross-entropy"; }
  [[nodiscard]] bool serves(Index outputs) const noexcept override { return outputs >= 2; }
  [[nodiscard]] const char* outputs_text() const noexcept override { return "2 or more outputs"; }
  [[nodiscard]] bool knows(double label, Index outputs) const noexcept override {
    return label >= 0 && label < static_cast<double>(outputs) && label == std::floor(label);
  }
  [[nodiscard]] const char* label_text() const noexcept override { return "class indices 0 ... outputs - 1"; }
  [[nodiscard]] bool classifies() const noexcept override { return true; }
  // The first of equal largest outputs is the class; where one is NaN, there is none.
  [[nodiscard]] bool correct(const double* outputs, Index count, double label) const noexcept override {
    const double own = outputs[static_cast<Index>(label)];
    for (Index k = 0; k < count; ++k)
      if (!(k < static_cast<Index>(label) ? outputs[k] < own : outputs[k] <= own)) return false;
    return true;
  }
  double evaluate(const double* outputs, Index count, double label, double* gradient) const noexcept override {
    const double largest = *std::max_element(outputs, outputs + count);
    const double sum = sum_of_weights(outputs, count, largest, gradient);
    if (gradient != nullptr) to_gradient(sum, count, label, gradient);
    return (largest + logarithm(sum)) - outputs[static_cast<Index>(label)];
  }
  void differentiate(const double* outputs, Index count, double label, double* gradient) const noexcept override {
    const double largest = *std::max_element(outputs, outputs + count);
    to_gradient(sum_of_weights(outputs, count, largest, gradient), count, label, gradient);
  }

 private:
  // The softmax's weights, exp(f_k - largest), go to `weights` unless that is null.
  static double sum_of_weights(const double* outputs, Index count, double largest, double* weights) {
    double sum = 0;
    for (Index k = 0; k < count; ++k) {
      const double weight = exponential(outputs[k] - largest);
      if (weights != nullptr) weights[k] = weight;
      sum += weight;
    }
    return sum;
  }

  static void to_gradient(double sum, Index count, double label, double* weights) {
    const Index target = static_cast<Index>(label);
    for (Index k = 0; k < count; ++k) weights[k] = weights[k] / sum - (k == target ? 1.0 : 0.0);
  }
};

}  // namespace

std::shared_ptr<const Loss> make_cross_entropy_loss() { return std::make_shared<CrossEntropyLoss>(); }

}  // namespace sublinear
