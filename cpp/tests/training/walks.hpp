// Networks to walk about in, and who fires at a point of a walk by a look at every neuron.
#pragma once

#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear::testing {

template <class T>
std::vector<NeuronId> fires_at(const TwoLayerNetwork<T>& network, const std::vector<T>& x) {
  std::vector<NeuronId> fired;
  for (Index r = 0; r < network.width(); ++r) {
    const T product = inner_product(network.weights() + r * network.dimension(), x.data(), network.dimension());
    if (product + network.biases()[r] >= network.threshold()) fired.push_back(static_cast<NeuronId>(r));
  }
  return fired;
}

// A network of small integers: products, and how near they are to the threshold, are exact.
template <class T>
TwoLayerNetwork<T> integer_network(Index width, Index d, T threshold) {
  RandomStream random(3, RandomPurpose::weights);
  std::vector<T> weights(static_cast<std::size_t>(width * d)), biases(static_cast<std::size_t>(width)),
      outputs(static_cast<std::size_t>(width), T(1));
  for (T& w : weights) w = static_cast<T>(static_cast<double>(random.below(7)) - 3);
  for (T& b : biases) b = static_cast<T>(static_cast<double>(random.below(3)) - 1);
  return TwoLayerNetwork<T>({weights.data(), width, d}, outputs.data(), 1, biases.data(), threshold, 1,
                            Activation::shifted);
}

}  // namespace sublinear::testing
