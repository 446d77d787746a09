// Holds a strategy of the application's own to what strategies promise, registers it, and trains with it and with the
// library's scan: the weights are the same to the last bit.
#include "custom_strategy.hpp"

#include <cstdio>
#include <cstdlib>

#include "small_training.hpp"

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
  sublinear::TrainerOptions<float> options;
  options.strategy = "limit-scan";
  if (!same_weights(train(options), train_by_scan())) {
    std::fprintf(stderr, "the weights differ\n");
    return EXIT_FAILURE;
  }
  std::printf("it keeps its promises, and the weights are the same\n");
  return EXIT_SUCCESS;
}
