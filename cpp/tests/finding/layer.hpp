// Layers of neurons with inputs, for the tests of the finding floor.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "finding/reach.hpp"
#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/random.hpp"

namespace sublinear {

// How numbers are drawn: integers make sums exact, so that many neurons fire exactly on the threshold.
enum class Numbers { gaussian, integers };

template <class T>
struct Layer {
  Index count, size, dimension;  // neurons, inputs, dimension
  Numbers numbers;
  RandomStream random;
  AlignedVector<T> weights, inputs;
  std::vector<T> biases;
  T threshold = 0;

  Layer(Index m, Index n, Index d, Numbers kind, std::uint64_t seed)
      : count(m), size(n), dimension(d), numbers(kind), random(seed, RandomPurpose::weights) {
    weights.resize(static_cast<std::size_t>(m * d));
    inputs.resize(static_cast<std::size_t>(n * d));
    biases.resize(static_cast<std::size_t>(m));
    for (T& w : weights) w = draw();
    for (T& x : inputs) x = numbers == Numbers::integers ? draw() : draw() / static_cast<T>(std::sqrt(d));
    for (T& b : biases) b = draw();
    for (Index r = 1; r < m; r += 5) copy_row(r - 1, r);  // exact duplicates, as coupled initialisations have
    threshold = numbers == Numbers::integers ? T(4) : T(1.5);
  }

  T draw() {
    return numbers == Numbers::integers ? static_cast<T>(random.below(7)) - 3 : static_cast<T>(random.normal());
  }
  void copy_row(Index from, Index to) {
    std::copy_n(weights.begin() + from * dimension, dimension, weights.begin() + to * dimension);
    biases[static_cast<std::size_t>(to)] = biases[static_cast<std::size_t>(from)];
  }
  [[nodiscard]] Neurons<T> neurons() const { return {weights.data(), biases.data(), count, dimension, threshold}; }
  [[nodiscard]] Points<T> points() const { return {inputs.data(), size, dimension}; }
  [[nodiscard]] bool fires(NeuronId r, const T* x) const {
    return inner_product(neurons().row(r), x, dimension) + biases[static_cast<std::size_t>(r)] >= threshold;
  }

  // `count` different numbers below `bound`, in random order or ascending.
  std::vector<Index> choose(Index some, Index bound, bool ascending) {
    std::vector<Index> all(static_cast<std::size_t>(bound));
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = static_cast<Index>(k);
    for (std::size_t k = 0; k < static_cast<std::size_t>(some); ++k)
      std::swap(all[k], all[k + random.below(all.size() - k)]);
    all.resize(static_cast<std::size_t>(some));
    if (ascending) std::sort(all.begin(), all.end());
    return all;
  }
};

// Rows that moved, as a trainer tells finders.
struct Moved {
  std::vector<NeuronId> rows;
  std::vector<Displacement> by;
};

// Moves `some` random rows by about `step` in each coordinate (integers: by +-1 with probability `step`), and their
// biases where `with_biases`.
template <class T>
Moved move_rows(Layer<T>& layer, Index some, double step, bool with_biases, Norm norm) {
  Moved moved;
  const Index d = layer.dimension;
  for (const Index r : layer.choose(some, layer.count, true)) {
    T* const row = layer.weights.data() + r * d;
    const std::vector<T> before(row, row + d);
    T& bias = layer.biases[static_cast<std::size_t>(r)];
    const T bias_before = bias;
    const auto change = [&]() -> T {
      if (layer.numbers == Numbers::gaussian) return static_cast<T>(step * layer.random.normal());
      return layer.random.uniform() < step ? static_cast<T>(layer.random.below(3)) - 1 : T(0);
    };
    for (Index j = 0; j < d; ++j) row[j] += change();
    if (with_biases) bias += change();
    moved.rows.push_back(static_cast<NeuronId>(r));
    moved.by.push_back({euclidean_distance_bound(row, before.data(), d),
                        dual_distance_bound(row, before.data(), d, norm),
                        std::abs(static_cast<double>(bias) - static_cast<double>(bias_before))});
  }
  return moved;
}

// The point of the ball around x that is best for neuron r, as far out as attacks may go before rounding to T.
template <class T>
std::vector<T> aligned_point(const Layer<T>& layer, const T* x, NeuronId r, Ball ball) {
  const Index d = layer.dimension;
  const T* w = layer.neurons().row(r);
  const double radius = ball.radius * (1 + static_cast<double>(2 * d + 60) * unit_roundoff<T>);
  double norm = 0;
  for (Index j = 0; j < d; ++j) norm += static_cast<double>(w[j]) * static_cast<double>(w[j]);
  norm = std::sqrt(norm);
  std::vector<T> point(x, x + d);
  if (norm == 0 || ball.radius == 0) return point;
  for (Index j = 0; j < d; ++j) {
    const double direction =
        ball.norm == Norm::two ? static_cast<double>(w[j]) / norm : (w[j] > 0 ? 1.0 : (w[j] < 0 ? -1.0 : 0.0));
    point[static_cast<std::size_t>(j)] = static_cast<T>(static_cast<double>(x[j]) + radius * direction);
  }
  return point;
}

// A random point of the ball, often on its boundary.
template <class T>
std::vector<T> random_point(Layer<T>& layer, const T* x, Ball ball) {
  const Index d = layer.dimension;
  std::vector<double> direction(static_cast<std::size_t>(d));
  double norm = 0;
  for (double& v : direction) {
    v = layer.random.normal();
    norm = ball.norm == Norm::two ? std::hypot(norm, v) : std::max(norm, std::abs(v));
  }
  const double length = layer.random.uniform() < 0.5 ? ball.radius : ball.radius * layer.random.uniform();
  std::vector<T> point(x, x + d);
  if (norm == 0 || ball.radius == 0) return point;
  for (std::size_t j = 0; j < direction.size(); ++j)
    point[j] = static_cast<T>(static_cast<double>(point[j]) + length * direction[j] / norm);
  return point;
}

}  // namespace sublinear
