// |f - y| (Gao et al. ask for a loss like it: convex, 1-Lipschitz, 0 at the label).
#include <cmath>

#include "training/losses.hpp"

namespace sublinear {
namespace {

class AbsoluteLoss final : public RegressionLoss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "absolute"; }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    const double difference = outputs[0] - label;
    if (gradient != nullptr) gradient[0] = difference > 0 ? 1 : (difference < 0 ? -1 : 0);
    return std::abs(difference);
  }
};

}  // namespace

std::shared_ptr<const Loss> make_absolute_loss() { return std::make_shared<AbsoluteLoss>(); }

}  // namespace sublinear
