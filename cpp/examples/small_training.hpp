// A small adversarial training, for examples of parts of the application's own: all ways of finding neurons have to end
// with the same weights.
#pragma once

#include <cstring>
#include <sublinear/sublinear.hpp>
#include <vector>

// Trains a network on random inputs, with the strategy that `options` choose.
inline sublinear::TwoLayerNetwork<float> train(sublinear::TrainerOptions<float> options) {
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
  options.loss = sublinear::make_loss("logistic");
  options.attack = sublinear::make_pgd<float>(attack);
  options.batch_size = 50;
  sublinear::Trainer<float> trainer(network, {inputs.data(), count, dimension}, labels.data(), options);
  sublinear::fit(trainer, 3, sublinear::constant_rate(5));
  return network;
}

// With the library's scan.
inline sublinear::TwoLayerNetwork<float> train_by_scan() {
  sublinear::TrainerOptions<float> options;
  options.strategy = "dense";
  return train(options);
}

inline bool same_weights(const sublinear::TwoLayerNetwork<float>& a, const sublinear::TwoLayerNetwork<float>& b) {
  const auto bytes = static_cast<std::size_t>(a.width() * a.dimension()) * sizeof(float);
  return std::memcmp(a.weights(), b.weights(), bytes) == 0;
}
