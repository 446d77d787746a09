// Trains with an index of the application's own inside strategy "weights" and once more with the plain scan: the
// weights are the same to the last bit.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sublinear/sublinear.hpp>
#include <vector>

#include "longest_first.hpp"

namespace {

sublinear::TwoLayerNetwork<float> train(const char* strategy, const sublinear::IndexFactory<float>& factory) {
  constexpr Index count = 300, dimension = 8;
  sublinear::RandomStream random(4, sublinear::RandomPurpose::weights);
  std::vector<float> inputs;
  std::vector<double> labels;
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < dimension; ++j) inputs.push_back(0.35F * static_cast<float>(random.normal()));
    labels.push_back(inputs[static_cast<std::size_t>(i * dimension)] > 0 ? 1 : -1);
  }
  sublinear::Initialization how;
  how.dimension = dimension;
  how.width = 256;
  auto network = sublinear::random_network<float>(how);
  sublinear::PgdOptions attack;
  attack.radius = 0.05;
  sublinear::TrainerOptions<float> options;
  options.strategy = strategy;
  options.index_factory = factory;
  options.loss = sublinear::make_loss("logistic");
  options.attack = sublinear::make_pgd<float>(attack);
  options.batch_size = 50;
  sublinear::Trainer<float> trainer(network, {inputs.data(), count, dimension}, labels.data(), options);
  sublinear::fit(trainer, 3, sublinear::constant_rate(5));
  return network;
}

}  // namespace

int main() {
  const auto own =
      train("weights", [](sublinear::Points<float> points) { return std::make_unique<LongestFirst>(points); });
  const auto scanned = train("dense", {});
  const auto bytes = static_cast<std::size_t>(own.width() * own.dimension()) * sizeof(float);
  if (std::memcmp(own.weights(), scanned.weights(), bytes) != 0) {
    std::fprintf(stderr, "the weights differ\n");
    return EXIT_FAILURE;
  }
  std::printf("the weights are the same\n");
  return EXIT_SUCCESS;
}
