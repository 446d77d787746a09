// (f - y)^2 / 2 (Song-Yang-Zhang).
#include "training/losses.hpp"

namespace sublinear {
namespace {

class SquaredLoss final : public RegressionLoss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "squared"; }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    const double difference = outputs[0] - label;
    if (gradient != nullptr) gradient[0] = difference;
    return 0.5 * difference * difference;
  }
};

}  // namespace

std::shared_ptr<const Loss> make_squared_loss() { return std::make_shared<SquaredLoss>(); }

}  // namespace sublinear
