// Small training problems for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "sublinear/kernels/random.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear::testing {

// Unit inputs in clusters, one cluster per class, and labels that the named loss knows.
template <class T>
struct Problem {
  Index n, d, outputs;
  std::vector<T> inputs;
  std::vector<double> labels;

  Problem(Index count, Index dimension, const std::string& loss, std::uint64_t seed = 3)
      : n(count), d(dimension), outputs(loss == "cross-entropy" ? 3 : 1), inputs(static_cast<std::size_t>(n * d)) {
    const Index classes = outputs == 1 ? 2 : outputs;
    RandomStream random(seed, RandomPurpose::weights, {7});
    std::vector<double> centres(static_cast<std::size_t>(classes * d));
    for (double& v : centres) v = random.normal();
    for (Index i = 0; i < n; ++i) {
      const Index own = i % classes;
      std::vector<double> x(static_cast<std::size_t>(d));
      double squares = 0;
      for (Index j = 0; j < d; ++j) {
        double& v = x[static_cast<std::size_t>(j)];
        v = centres[static_cast<std::size_t>(own * d + j)] + 0.7 * random.normal();
        squares += v * v;
      }
      for (Index j = 0; j < d; ++j)
        inputs[static_cast<std::size_t>(i * d + j)] =
            static_cast<T>(x[static_cast<std::size_t>(j)] / std::sqrt(squares));
      labels.push_back(outputs > 1 ? static_cast<double>(own) : (own == 0 ? -1.0 : 1.0));
    }
  }

  [[nodiscard]] Points<T> points() const { return {inputs.data(), n, d}; }

  [[nodiscard]] TwoLayerNetwork<T> network(Index width, const std::string& init = "ntk", bool coupled = false,
                                           double kappa = -1) const {
    Initialization how;
    how.name = init;
    how.dimension = d;
    how.width = width;
    how.outputs = outputs;
    how.seed = 11;
    how.coupled = coupled;
    how.kappa = kappa;
    return random_network<T>(how);
  }
};

template <class T>
bool same_weights(const TwoLayerNetwork<T>& a, const TwoLayerNetwork<T>& b) {
  return a.width() == b.width() && a.dimension() == b.dimension() &&
         std::memcmp(a.weights(), b.weights(), static_cast<std::size_t>(a.width() * a.dimension()) * sizeof(T)) == 0;
}

template <class T>
bool same_biases(const TwoLayerNetwork<T>& a, const TwoLayerNetwork<T>& b) {
  return a.width() == b.width() &&
         std::memcmp(a.biases(), b.biases(), static_cast<std::size_t>(a.width()) * sizeof(T)) == 0;
}

template <class T>
double largest_change(const TwoLayerNetwork<T>& a, const TwoLayerNetwork<T>& b) {
  double largest = 0;
  for (Index k = 0; k < a.width() * a.dimension(); ++k)
    largest = std::max(largest, std::abs(static_cast<double>(a.weights()[k]) - static_cast<double>(b.weights()[k])));
  return largest;
}

// FNV-1a over the weights' bytes: a short name for their exact bits.
template <class T>
std::uint64_t fingerprint(const TwoLayerNetwork<T>& network) {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto* bytes = reinterpret_cast<const unsigned char*>(network.weights());
  for (std::size_t k = 0; k < static_cast<std::size_t>(network.width() * network.dimension()) * sizeof(T); ++k)
    hash = (hash ^ bytes[k]) * 1099511628211ULL;
  return hash;
}

inline PgdOptions pgd(double radius, int steps = 5, Norm norm = Norm::two) {
  PgdOptions options;
  options.radius = radius;
  options.steps = steps;
  options.norm = norm;
  return options;
}

}  // namespace sublinear::testing
