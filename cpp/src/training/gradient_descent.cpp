// w <- w - rate * gradient.
#include "training/optimizers.hpp"

namespace sublinear {
namespace {

template <class T>
class GradientDescent final : public Optimizer<T> {
 public:
  explicit GradientDescent(double clip_norm) : clip_norm_(clip_norm) {}
  [[nodiscard]] const char* name() const noexcept override { return "gradient"; }
  [[nodiscard]] double clip_norm() const noexcept override { return clip_norm_; }
  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<DescentRun<T>>(problem.dimension);
  }

 private:
  double clip_norm_;
};

}  // namespace

template <class T>
std::shared_ptr<const Optimizer<T>> make_gradient_descent(const OptimizerOptions& options) {
  return std::make_shared<GradientDescent<T>>(options.clip_norm);
}

template std::shared_ptr<const Optimizer<float>> make_gradient_descent<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_gradient_descent<double>(const OptimizerOptions&);

}  // namespace sublinear
