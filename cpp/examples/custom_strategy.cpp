// Holds a strategy of the application's own to what strategies promise, registers it, and trains with it and with the
// library's scan: the weights are the same to the last bit.
#include "custom_strategy.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sublinear/sublinear.hpp>
#include <vector>

namespace {

sublinear::TwoLayerNetwork<float> train(const char* strategy) {
  constexpr sublinear::Index count = 300, dimension = 8;
  sublinear::RandomStream random(4, sublinear::RandomPurpose::weights);
  std::vector<float> inputs(count * dimension);
  for (float& v : inputs) v = 0.35F * static_cast<float>(random.normal());
  std::vector<double> labels;
  for (std::size_t i = 0; i < count; ++i) labels.push_back(inputs[i * dimension] > 0 ? 1 : -1);
  sublinear::Initialization how;
  how.dimension = dimension;
  how.width = 256;
  auto network = sublinear::random_network<float>(how);
  sublinear::PgdOptions attack;
  attack.radius = 0.05;
  sublinear::TrainerOptions<float> options;
  options.strategy = strategy;
  options.loss = sublinear::make_loss("logistic");
  options.attack = sublinear::make_pgd<float>(attack);
  options.batch_size = 50;
  sublinear::Trainer<float> trainer(network, {inputs.data(), count, dimension}, labels.data(), options);
  sublinear::fit(trainer, 3, sublinear::constant_rate(5));
  return network;
}

}  // namespace

int main() {
  sublinear::register_strategy({"limit-scan", "a limit for each neuron", "this example"}, make_limit_scan<float>,
                               make_limit_scan<double>);
  try {
    sublinear::check_strategy<float>("limit-scan");
    sublinear::check_strategy<double>("limit-scan");
  } catch (const sublinear::ConformanceError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
  const auto own = train("limit-scan"), scanned = train("dense");
  const auto bytes = static_cast<std::size_t>(own.width() * own.dimension()) * sizeof(float);
  if (std::memcmp(own.weights(), scanned.weights(), bytes) != 0) {
    std::fprintf(stderr, "the weights differ\n");
    return EXIT_FAILURE;
  }
  std::printf("it keeps its promises, and the weights are the same\n");
  return EXIT_SUCCESS;
}
