// Trains with a loss and an attack of the application's own. They work with every strategy, and the weights are the
// same with each.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <sublinear/sublinear.hpp>
#include <vector>

using sublinear::Index;
// max(0, 1 - y f)^2 for labels -1 and +1.
struct SquaredHinge final : sublinear::Loss {
  [[nodiscard]] const char* name() const noexcept override { return "squared-hinge"; }
  [[nodiscard]] bool serves(Index outputs) const noexcept override { return outputs == 1; }
  [[nodiscard]] const char* outputs_text() const noexcept override { return "1 output"; }
  [[nodiscard]] bool knows(double label, Index) const noexcept override { return label == 1 || label == -1; }
  [[nodiscard]] const char* label_text() const noexcept override { return "-1 and +1"; }
  [[nodiscard]] bool classifies() const noexcept override { return true; }
  [[nodiscard]] bool correct(const double* f, Index, double label) const noexcept override { return f[0] * label > 0; }
  double evaluate(const double* f, Index, double label, double* gradient) const noexcept override {
    const double slack = std::max(0.0, 1 - label * f[0]);
    if (gradient != nullptr) *gradient = -2 * label * slack;
    return slack * slack;
  }
};

// One step from the input to the sphere around it, along the gradient of the loss.
struct GradientStep final : sublinear::Attack<float> {
  double radius = 0.1;
  struct Run final : sublinear::AttackRun<float> {
    Run(double r, Index d) : radius(r), gradient(static_cast<std::size_t>(d)) {}
    bool start(int, const float* x, sublinear::RandomStream&, float* point) override {
      std::copy_n(x, gradient.size(), point);
      return true;
    }
    bool next(sublinear::AttackView<float>& here, float* point) override {
      here.input_gradient(gradient.data());
      const double squares = std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0);
      for (std::size_t j = 0; squares > 0 && j < gradient.size(); ++j)
        point[j] += static_cast<float>(radius * gradient[j] / std::sqrt(squares));
      return false;  // the run ends at the point
    }
    double radius;
    std::vector<float> gradient;
  };
  [[nodiscard]] sublinear::Ball ball() const noexcept override { return {radius, sublinear::Norm::two}; }
  [[nodiscard]] int gradients() const noexcept override { return 1; }
  [[nodiscard]] std::unique_ptr<sublinear::AttackRun<float>> make_run(Index d) const override {
    return std::make_unique<Run>(radius, d);
  }
};

int main() {
  sublinear::RandomStream random(4, sublinear::RandomPurpose::weights);
  std::vector<float> inputs(400 * 6);
  std::vector<double> labels;
  for (float& v : inputs) v = 0.4F * static_cast<float>(random.normal());
  for (std::size_t i = 0; i < 400; ++i) labels.push_back(inputs[6 * i] + inputs[6 * i + 1] > 0 ? 1 : -1);
  std::vector<std::vector<float>> trained;
  sublinear::Initialization how;
  how.dimension = 6, how.width = 256;
  sublinear::TrainerOptions<float> options;
  options.loss = std::make_shared<SquaredHinge>();
  options.attack = std::make_shared<GradientStep>();
  for (const char* strategy : {"margin", "dense"}) {
    auto network = sublinear::random_network<float>(how);
    options.strategy = strategy;
    sublinear::Trainer<float> trainer(network, {inputs.data(), 400, 6}, labels.data(), options);
    const double first = trainer.step(2).robust_loss;
    sublinear::fit(trainer, 20, sublinear::constant_rate(2));
    const double last = trainer.step(2).robust_loss;
    std::printf("%-6s  robust loss %.4f, then %.4f\n", strategy, first, last);
    trained.emplace_back(network.weights(), network.weights() + 6 * 256);
    if (!(last < first) || trained.back() != trained.front()) return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
