#include "sublinear/training/loss.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sublinear/kernels/elementary.hpp"

namespace sublinear {
namespace {

// What losses of a single output that take any finite number share.
class RegressionLoss : public Loss {
 public:
  [[nodiscard]] bool serves(Index outputs) const noexcept override { return outputs == 1; }
  [[nodiscard]] const char* outputs_text() const noexcept override { return "1 output"; }
  [[nodiscard]] bool knows(double label, Index) const noexcept override { return std::isfinite(label); }
  [[nodiscard]] const char* label_text() const noexcept override { return "finite numbers"; }
  [[nodiscard]] bool classifies() const noexcept override { return false; }
  [[nodiscard]] bool correct(const double*, Index, double) const noexcept override { return false; }
};

class AbsoluteLoss final : public RegressionLoss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "absolute"; }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    const double difference = outputs[0] - label;
    if (gradient != nullptr) gradient[0] = difference > 0 ? 1 : (difference < 0 ? -1 : 0);
    return std::abs(difference);
  }
};

class SquaredLoss final : public RegressionLoss {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "squared"; }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    const double difference = outputs[0] - label;
    if (gradient != nullptr) gradient[0] = difference;
    return 0.5 * difference * difference;
  }
};

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
    return (outputs[0] >= 0) == (label > 0);
  }
  double evaluate(const double* outputs, Index, double label, double* gradient) const noexcept override {
    const double margin = label * outputs[0];
    if (gradient != nullptr) gradient[0] = -label * sigmoid(-margin);
    return softplus(-margin);
  }
};

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
    for (Index k = 0; k < count; ++k) sum += exponential(outputs[k] - largest);
    const double log_sum = largest + logarithm(sum);
    if (gradient != nullptr)
      for (Index k = 0; k < count; ++k)
        gradient[k] = exponential(outputs[k] - largest) / sum - (k == target ? 1.0 : 0.0);
    return log_sum - outputs[target];
  }
};

// Adding a loss: its class above and its line here.
const std::vector<std::shared_ptr<const Loss>>& registry() {
  static const std::vector<std::shared_ptr<const Loss>> losses{
      std::make_shared<AbsoluteLoss>(), std::make_shared<SquaredLoss>(), std::make_shared<LogisticLoss>(),
      std::make_shared<CrossEntropyLoss>()};
  return losses;
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& loss : registry()) list.emplace_back(loss->name());
    return list;
  }();
  return names;
}

std::shared_ptr<const Loss> make_loss(const std::string& name) {
  std::string known;
  for (const auto& loss : registry()) {
    if (name == loss->name()) return loss;
    known += (known.empty() ? "\"" : ", \"") + std::string(loss->name()) + "\"";
  }
  throw std::invalid_argument("loss is \"" + name + "\"; known are " + known);
}

}  // namespace sublinear
