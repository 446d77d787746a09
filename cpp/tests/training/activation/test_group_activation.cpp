// A group of inputs on its way must be told of every neuron what a look at its row says.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "training/activation/group_activation.hpp"
#include "training/problem.hpp"
#include "training/row_facts.hpp"
#include "training/walks.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// Inputs that walk together.
template <class T>
struct Walkers {
  Index d;
  std::vector<std::vector<T>> at;

  Walkers(Index count, Index dimension, bool integers, std::uint64_t seed) : d(dimension) {
    RandomStream random(seed, RandomPurpose::attack);
    for (Index i = 0; i < count; ++i) {
      std::vector<T> x(static_cast<std::size_t>(d));
      for (T& v : x) {
        v = static_cast<T>(integers ? static_cast<double>(random.below(5)) - 2 : random.normal());
        if (i % 3 == 1) v = std::max(v, T(0));                              // nowhere negative
        if (i % 3 == 2 && random.below(4) != 0) v = std::min(v, T(0)) * 0;  // mostly zeros
      }
      at.push_back(x);
    }
  }

  [[nodiscard]] std::vector<const T*> points() const {
    std::vector<const T*> all;
    for (const auto& x : at) all.push_back(x.data());
    return all;
  }
};

template <class T>
void check_walks(const TwoLayerNetwork<T>& network, bool integers, double length, std::uint64_t seed) {
  const Index d = network.dimension(), count = 7;
  RowFacts<T> facts(network, 1);
  facts.keep_strips(network.weights(), 1);
  Walkers<T> walkers(count, d, integers, seed);
  GroupActivation<T> group;
  group.start(network, facts.view(), walkers.points().data(), count, 8 * length, false);
  std::vector<std::vector<NeuronId>> before;
  for (Index i = 0; i < count; ++i) {
    before.push_back(group.fired(i));
    REQUIRE(before.back() == fires_at(network, walkers.at[static_cast<std::size_t>(i)]));
  }
  RandomStream random(seed + 1, RandomPurpose::attack);
  std::vector<std::vector<T>> directions;
  for (Index i = 0; i < count; ++i) {
    auto& direction = directions.emplace_back();
    for (Index j = 0; j < d; ++j) direction.push_back(static_cast<T>(random.normal()));
  }
  for (int step = 0; step < 12; ++step) {
    std::vector<Index> which;
    std::vector<const T*> points;
    for (Index i = 0; i < count; ++i) {
      if (random.below(5) == 0) continue;
      auto& x = walkers.at[static_cast<std::size_t>(i)];
      const double along = step < 6 ? length : -length / 4;
      for (std::size_t j = 0; j < x.size() && random.below(9) != 0; ++j) {
        const double move =
            along * (static_cast<double>(directions[static_cast<std::size_t>(i)][j]) + 0.2 * random.normal());
        x[j] += static_cast<T>(integers ? std::round(move) : move);
      }
      which.push_back(i);
      points.push_back(x.data());
    }
    group.move(which.data(), points.data(), static_cast<Index>(which.size()));
    for (const Index i : which) {
      const auto now = fires_at(network, walkers.at[static_cast<std::size_t>(i)]);
      std::vector<NeuronId> changed;
      std::set_symmetric_difference(now.begin(), now.end(), before[static_cast<std::size_t>(i)].begin(),
                                    before[static_cast<std::size_t>(i)].end(), std::back_inserter(changed));
      REQUIRE(group.fired(i) == now);
      REQUIRE(group.changed(i) == changed);
      for (const NeuronId r : changed) REQUIRE(group.fires(i, r) == std::binary_search(now.begin(), now.end(), r));
      before[static_cast<std::size_t>(i)] = now;
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a group sees the neurons that fire at every point of its walks", T, float, double) {
  for (const Index d : {1, 9, 70}) {
    const auto gaussian = Problem<T>(4, d, "logistic").network(300, "gao", false, 0.8);
    const auto integers = integer_network<T>(513, d, 4);
    for (const double length : {1e-30, 1e-7, 1e-3, 0.02, 0.3, 2.0, 50.0, 1e10})
      for (std::uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(d);
        CAPTURE(length);
        CAPTURE(seed);
        check_walks(gaussian, false, length, seed);
        check_walks(integers, true, length, seed);
      }
  }
}

TEST_CASE_TEMPLATE("rows and inputs of any magnitude are judged in a group as one by one", T, float, double) {
  const Index width = 300, d = 9;
  const T large = std::numeric_limits<T>::max(), small = std::numeric_limits<T>::min();
  RandomStream random(5, RandomPurpose::weights);
  std::vector<T> weights(static_cast<std::size_t>(width * d)), outputs(static_cast<std::size_t>(width), T(1)),
      biases(static_cast<std::size_t>(width));
  const T sizes[] = {small * T(1e-3), small, T(1e-20), T(1), std::sqrt(large), large / 32};
  for (Index k = 0; k < width * d; ++k)
    weights[static_cast<std::size_t>(k)] = sizes[(k / d) % 6] * static_cast<T>(random.normal());
  const TwoLayerNetwork<T> network({weights.data(), width, d}, outputs.data(), 1, biases.data(), T(0), 1,
                                   Activation::shifted);
  RowFacts<T> facts(network, 1);
  facts.keep_strips(network.weights(), 1);
  for (const T size : sizes) {
    std::vector<std::vector<T>> inputs;
    std::vector<const T*> points;
    for (int i = 0; i < 8; ++i) {
      auto& x = inputs.emplace_back();
      for (Index j = 0; j < d; ++j) x.push_back(size * static_cast<T>(random.normal()));
    }
    for (const auto& x : inputs) points.push_back(x.data());
    GroupActivation<T> group;
    group.start(network, facts.view(), points.data(), 8, static_cast<double>(size), true);
    const Index all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int step = 0; step < 6; ++step) {
      for (std::size_t i = 0; i < 8; ++i) {
        CAPTURE(size);
        REQUIRE(group.fired(static_cast<Index>(i)) == fires_at(network, inputs[i]));
        for (T& v : inputs[i]) v += size * static_cast<T>(0.3 * random.normal());
      }
      group.move(all, points.data(), 8);
    }
  }
}

TEST_CASE_TEMPLATE("a group keeps the canonical products of the neurons that fire", T, float, double) {
  const Problem<T> problem(20, 12, "logistic");
  const auto network = problem.network(700);
  RowFacts<T> facts(network, 1);
  facts.keep_strips(network.weights(), 1);
  std::vector<const T*> points;
  for (Index i = 0; i < problem.n; ++i) points.push_back(problem.inputs.data() + i * problem.d);
  GroupActivation<T> group;
  group.start(network, facts.view(), points.data(), problem.n, 0, true);
  for (Index i = 0; i < problem.n; ++i) {
    const auto& fired = group.fired(i);
    REQUIRE(fired.size() == group.products(i).size());
    REQUIRE(!fired.empty());
    for (std::size_t k = 0; k < fired.size(); ++k)
      CHECK(group.products(i)[k] ==
            inner_product(network.weights() + fired[k] * problem.d, points[static_cast<std::size_t>(i)], problem.d));
  }
}
