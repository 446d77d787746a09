// Trains a two-layer network against an adversary that may move every input by 0.1, touching only the neurons that can
// fire, and prints the loss at the inputs and at the attacked inputs. Then trains once more with the full scan and
// checks that the weights are the same to the last bit.
#include <cstdio>
#include <cstdlib>
#include <sublinear/sublinear.hpp>

namespace {

// Unit vectors around three random directions; the label says around which.
struct Data {
  sublinear::RowMatrix<float> inputs;
  Eigen::VectorXi labels;

  Data(Eigen::Index count, Eigen::Index dimension) : inputs(count, dimension), labels(count) {
    sublinear::RandomStream random(7, sublinear::RandomPurpose::weights);
    const auto normal = [&] { return static_cast<float>(random.normal()); };
    const Eigen::MatrixXf centres = Eigen::MatrixXf::NullaryExpr(3, dimension, normal);
    for (Eigen::Index i = 0; i < count; ++i) {
      labels[i] = static_cast<int>(i % 3);
      inputs.row(i) = centres.row(labels[i]) + 0.9F * Eigen::RowVectorXf::NullaryExpr(dimension, normal);
      inputs.row(i).normalize();
    }
  }
};

sublinear::TwoLayerNetwork<float> train(const Data& data, const char* strategy, bool print) {
  sublinear::Initialization how;
  how.dimension = data.inputs.cols();
  how.width = 1024;
  how.outputs = 3;
  auto network = sublinear::random_network<float>(how);

  sublinear::PgdOptions attack;
  attack.radius = 0.1;
  sublinear::TrainerOptions<float> options;
  options.strategy = strategy;
  options.loss = sublinear::make_loss("cross-entropy");
  options.attack = sublinear::make_pgd<float>(attack);
  options.batch_size = 32;
  auto trainer = sublinear::make_trainer(network, data.inputs, data.labels, options);

  double clean = 0, robust = 0;
  sublinear::Work work;
  sublinear::fit(trainer, 8, sublinear::linear_rate(100, 0, 8), [&](const sublinear::StepReport& step) {
    clean += step.clean_loss * static_cast<double>(step.inputs);
    robust += step.robust_loss * static_cast<double>(step.inputs);
    work += step.work;
    if (!step.ends_epoch) return true;
    const double inputs = static_cast<double>(data.inputs.rows());
    if (print) std::printf("clean loss %.4f   robust loss %.4f\n", clean / inputs, robust / inputs);
    clean = robust = 0;
    return true;
  });
  std::printf("%-6s  %lld inner products\n", strategy, static_cast<long long>(work.inner_products));
  return network;
}

}  // namespace

int main() {
  const Data data(600, 32);
  const auto network = train(data, "margin", true), scanned = train(data, "dense", false);
  if (sublinear::weights_view(network) != sublinear::weights_view(scanned)) {
    std::fprintf(stderr, "the weights differ\n");
    return EXIT_FAILURE;
  }
  std::printf("the weights are the same\n");
  return EXIT_SUCCESS;
}
