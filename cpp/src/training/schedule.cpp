#include <cmath>
#include <stdexcept>

#include "sublinear/kernels/require.hpp"
#include "sublinear/training/trainer.hpp"

namespace sublinear {

LearningRate constant_rate(double rate) {
  require(std::isfinite(rate) && rate >= 0, "rate is negative or not finite; give a finite number >= 0");
  return [rate](std::int64_t, std::int64_t) { return rate; };
}

LearningRate linear_rate(double first, double last, std::int64_t epochs) {
  require(std::isfinite(first) && first >= 0 && std::isfinite(last) && last >= 0,
          "a rate is negative or not finite; give finite numbers >= 0");
  require(epochs >= 1, "epochs is below 1; the rate needs at least one epoch to change over");
  return [first, last, epochs](std::int64_t step, std::int64_t steps_per_epoch) {
    const double share =
        static_cast<double>(step) / (static_cast<double>(epochs) * static_cast<double>(steps_per_epoch));
    return share >= 1 ? last : first + (last - first) * share;
  };
}

template <class T>
void fit(Trainer<T>& trainer, std::int64_t epochs, const LearningRate& rate, const StepCallback& after_step) {
  require(epochs >= 0, "epochs is negative; give a number >= 0");
  require(rate != nullptr, "rate is empty; give a learning rate, such as constant_rate(0.1)");
  const std::int64_t per_epoch = trainer.steps_per_epoch();
  for (std::int64_t left = epochs; left > 0;) {
    const StepReport report = trainer.step(rate(trainer.steps_done(), per_epoch));
    if (report.ends_epoch) --left;
    if (after_step && !after_step(report)) return;
  }
}

template void fit<float>(Trainer<float>&, std::int64_t, const LearningRate&, const StepCallback&);
template void fit<double>(Trainer<double>&, std::int64_t, const LearningRate&, const StepCallback&);

}  // namespace sublinear
