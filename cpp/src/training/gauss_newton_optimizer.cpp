// The Gauss-Newton step as an optimizer; see gauss_newton.hpp for what it computes.
#include <string>

#include "training/gauss_newton.hpp"
#include "training/optimizers.hpp"

namespace sublinear {
namespace {

template <class T>
class GaussNewtonRun final : public DescentRun<T> {
 public:
  GaussNewtonRun(Index dimension, double damping) : DescentRun<T>(dimension), damping_(damping) {}

  [[nodiscard]] bool needs_fired() const noexcept override { return true; }

  // Replaces f - y by what the Gauss-Newton step has in its place, times the batch size that follows as a divisor.
  Work solve(const AttackedView<T>& batch, std::vector<double>& derivatives) override {
    const TwoLayerNetwork<T>& network = batch.network;
    std::vector<double> matrix =
        gauss_newton_matrix<T>(batch.points, batch.fired, network.output_weights(),
                               static_cast<double>(network.scale()), batch.train_biases, batch.threads);
    solve_gauss_newton(matrix, damping_, derivatives, batch.threads);
    for (double& each : derivatives) each *= static_cast<double>(batch.points.count);
    Work work;
    work.inner_products = batch.points.count * batch.points.count;
    return work;
  }

 private:
  double damping_;
};

template <class T>
class GaussNewton final : public Optimizer<T> {
 public:
  explicit GaussNewton(double damping) : damping_(damping) {}
  [[nodiscard]] const char* name() const noexcept override { return "gauss-newton"; }

  void check(const OptimizerProblem& problem) const override {
    require(problem.outputs == 1 && std::string(problem.loss.name()) == "squared",
            "Gauss-Newton steps are for the squared loss of networks with one output; give loss \"squared\" and such a "
            "network");
    require(!problem.weights_inputs, "Gauss-Newton steps take no input weights; leave them empty");
  }

  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<GaussNewtonRun<T>>(problem.dimension, damping_);
  }

 private:
  double damping_;
};

}  // namespace

template <class T>
std::shared_ptr<const Optimizer<T>> make_gauss_newton(const OptimizerOptions& options) {
  require(options.damping > 0 && std::isfinite(options.damping),
          "damping is not a finite number above 0; give one, such as 1e-6");
  return std::make_shared<GaussNewton<T>>(options.damping);
}

template std::shared_ptr<const Optimizer<float>> make_gauss_newton<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_gauss_newton<double>(const OptimizerOptions&);

}  // namespace sublinear
