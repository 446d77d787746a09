// Trains with an index of the application's own inside strategy "weights" and once more with the plain scan: the
// weights are the same to the last bit.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "longest_first.hpp"
#include "small_training.hpp"

int main() {
  sublinear::TrainerOptions<float> options;
  options.strategy = "weights";
  options.index_factory = [](sublinear::Points<float> points) { return std::make_unique<LongestFirst>(points); };
  if (!same_weights(train(options), train_by_scan())) {
    std::fprintf(stderr, "the weights differ\n");
    return EXIT_FAILURE;
  }
  std::printf("the weights are the same\n");
  return EXIT_SUCCESS;
}
