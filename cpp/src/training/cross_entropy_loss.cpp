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
  // The first of equal largest outputs is the class.
  [[nodiscard]] bool correct(const double* outputs, Index count, double label) const noexcept override {
    return std::max_element(outputs, outputs + count) - outputs == static_cast<Index>(label);
  }
  double evaluate(const double* outputs, Index count, double label, double* gradient) const noexcept override {
    const Index target = static_cast<Index>(label);
    const double largest = *std::max_element(outputs, outputs + count);
    double sum = 0;
    for (Index k = 0; k < count; ++k) {
      const double weight = exponential(outputs[k] - largest);
      if (gradient != nullptr) gradient[k] = weight;
      sum += weight;
    }
    if (gradient != nullptr) to_gradient(sum, target, count, gradient);
    return (largest + logarithm(sum)) - outputs[target];
  }
  void differentiate(const double* outputs, Index count, double label, double* gradient) const noexcept override {
    const double largest = *std::max_element(outputs, outputs + count);
    double sum = 0;
    for (Index k = 0; k < count; ++k) {
      gradient[k] = exponential(outputs[k] - largest);
      sum += gradient[k];
    }
    to_gradient(sum, static_cast<Index>(label), count, gradient);
  }

 private:
  static void to_gradient(double sum, Index target, Index count, double* gradient) {
    for (Index k = 0; k < count; ++k) gradient[k] = gradient[k] / sum - (k == target ? 1.0 : 0.0);
  }
};

}  // namespace

std::shared_ptr<const Loss> make_cross_entropy_loss() { return std::make_shared<CrossEntropyLoss>(); }

}  // namespace sublinear
