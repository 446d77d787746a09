// log(1 + exp(-y f)) for labels -1 and +1.
#include "sublinear/kernels/elementary.hpp"
#include "training/losses.hpp"

namespace sublinear {
namespace {

class LogisticLoss final : public Loss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "logistic"; }
  [[nodiscard]] bool serves(Index outputs) const noexcept override { return outputs == 1; }
  [[nodiscard]] const char* outputs_text() const noexcept override { return "1 output"; }
  [[nodiscard]] bool knows(double label, Index) const noexcept override { return label == 1 || label == -1; }
  [[nodiscard]] const char* label_text() const noexcept override { return "-1 or +1"; }
  [[nodiscard]] bool classifies() const noexcept override { return true; }
  // An output of exactly 0 counts as the positive class.
  [[nodiscard]] bool correct(const double* outputs, Index, double label) const noexcept override {
    return label > 0 ? outputs[0] >= 0 : outputs[0] < 0;
  }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    double slope;
    const double value = softplus(-label * outputs[0], slope);
    if (gradient != nullptr) gradient[0] = -label * slope;
    return value;
  }
  void differentiate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    gradient[0] = -label * sigmoid(-label * outputs[0]);
  }
};

}  // namespace

std::shared_ptr<const Loss> make_logistic_loss() { return std::make_shared<LogisticLoss>(); }

}  // namespace sublinear
