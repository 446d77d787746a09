// The losses, one file each; declared here for the registry.
#pragma once

#include <cmath>
#include <memory>

#include "sublinear/training/loss.hpp"

namespace sublinear {

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

[[nodiscard]] std::shared_ptr<const Loss> make_absolute_loss();
[[nodiscard]] std::shared_ptr<const Loss> make_squared_loss();
[[nodiscard]] std::shared_ptr<const Loss> make_logistic_loss();
[[nodiscard]] std::shared_ptr<const Loss> make_cross_entropy_loss();

}  // namespace sublinear
