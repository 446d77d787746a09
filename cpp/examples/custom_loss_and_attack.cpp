// Trains with a loss and an attack of the application's own. They work with every strategy, and the weights are the
// same with each.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
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

// Of eight random points of the sphere around the input, and the input itself, the one with the highest loss.
struct RandomSearch final : sublinear::Attack<float> {
  double radius = 0.1;

  struct Run final : sublinear::AttackRun<float> {
    explicit Run(double r, Index d) : radius(r), way(static_cast<std::size_t>(d)), best(static_cast<std::size_t>(d)) {}

    bool start(int, const float* input, sublinear::RandomStream& stream, float* point) override {
      x = input;
      random = &stream;
      asked = 0;
      std::copy_n(x, best.size(), point);
      return true;
    }
    bool next(sublinear::AttackView<float>& here, float* point) override {
      const double found = here.loss();
      if (asked++ == 0 || found > highest) std::copy_n(point, best.size(), best.begin()), highest = found;
      if (asked > 8) {
        std::copy(best.begin(), best.end(), point);
        return false;
      }
      double squares = 0;
      for (double& v : way) v = random->normal(), squares += v * v;
      for (std::size_t j = 0; j < way.size(); ++j)
        point[j] = static_cast<float>(x[j] + way[j] * radius / std::sqrt(squares));
      return true;
    }

    double radius, highest = 0;
    int asked = 0;
    const float* x = nullptr;
    sublinear::RandomStream* random = nullptr;
    std::vector<double> way;
    std::vector<float> best;
  };

  [[nodiscard]] sublinear::Ball ball() const noexcept override { return {radius, sublinear::Norm::two}; }
  [[nodiscard]] std::unique_ptr<sublinear::AttackRun<float>> make_run(Index d) const override {
    return std::make_unique<Run>(radius, d);
  }
};

int main() {
  sublinear::RandomStream random(4, sublinear::RandomPurpose::weights);
  std::vector<float> inputs(400 * 6);
  for (float& v : inputs) v = 0.4F * static_cast<float>(random.normal());
  std::vector<double> labels;
  for (std::size_t i = 0; i < 400; ++i) labels.push_back(inputs[6 * i] + inputs[6 * i + 1] > 0 ? 1 : -1);
  std::vector<std::vector<float>> trained;
  for (const char* strategy : {"margin", "dense"}) {
    sublinear::Initialization how;
    how.dimension = 6;
    how.width = 256;
    auto network = sublinear::random_network<float>(how);
    sublinear::TrainerOptions<float> options;
    options.strategy = strategy;
    options.loss = std::make_shared<SquaredHinge>();
    options.attack = std::make_shared<RandomSearch>();
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
