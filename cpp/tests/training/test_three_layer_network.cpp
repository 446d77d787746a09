#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/errors.hpp"
#include "sublinear/training/three_layer_network.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
std::vector<T> hidden_weights(const ThreeLayerNetwork<T>& network) {
  std::vector<T> weights(static_cast<std::size_t>(network.hidden().outputs() * network.hidden().inputs()));
  network.hidden().write_dense(1, weights.data());
  return weights;
}

ThreeLayerInitialization how(Index dimension, Index width, bool coupled = false, double kappa = 0.8) {
  ThreeLayerInitialization initialization;
  initialization.dimension = dimension;
  initialization.width = width;
  initialization.seed = 6;
  initialization.coupled = coupled;
  initialization.kappa = kappa;
  return initialization;
}

}  // namespace

TEST_CASE_TEMPLATE("random three-layer networks have the scales of the paper", T, float, double) {
  const Index m = 400;
  const auto network = random_three_layer_network<T>(how(7, m, false, -1));
  const auto deviation = [](const T* values, Index count) {
    double squares = 0;
    for (Index k = 0; k < count; ++k) squares += static_cast<double>(values[k]) * static_cast<double>(values[k]);
    return std::sqrt(squares / static_cast<double>(count));
  };
  CHECK(deviation(network.first_weights(), m * 7) == doctest::Approx(1).epsilon(0.03));
  CHECK(deviation(hidden_weights(network).data(), m * m) == doctest::Approx(std::sqrt(2.0 / m)).epsilon(0.01));
  CHECK(std::abs(network.output_weights()[17]) == 1);
  CHECK(static_cast<double>(network.scale()) == doctest::Approx(1 / 20.0));
  const double kappa = std::sqrt(0.4 * std::log(400.0));
  CHECK(static_cast<double>(network.first_threshold()) == doctest::Approx(kappa));
  // E[max(g - b, 0)^2] in closed form.
  const double tail = 0.5 * std::erfc(kappa / std::sqrt(2.0));
  const double density = std::exp(-0.5 * kappa * kappa) / std::sqrt(2 * std::acos(-1.0));
  const double moment = (1 + kappa * kappa) * tail - kappa * density;
  CHECK(static_cast<double>(network.hidden_threshold()) == doctest::Approx(kappa * std::sqrt(2 * moment)));

  const Problem<T> problem(40, 7, "squared");
  IdLists<NeuronId> first, hidden;
  network.fired(problem.points(), 2, first, hidden);
  for (const auto* lists : {&first, &hidden}) {
    CHECK(lists->size() == 40);
    const double share = static_cast<double>(lists->offsets.back()) / (40.0 * m);
    CHECK(share > 0.5 * tail);
    CHECK(share < 2 * tail);
  }
}

TEST_CASE_TEMPLATE("a three-layer network is what its formula says", T, float, double) {
  // Small integers: every sum is exact. z_1 = (1, 3, -1), so h = (0, 2, -) at threshold 1; firing is inclusive.
  const T first[] = {1, 0, 1, 1, -1, 0}, weights[] = {1, 2, 9, 5, -1, 9, 7, 3, 9}, a[] = {2, 100, -3}, x[] = {1, 2};
  // z_2 = (4, -2, 6), thresholded at 4: (0, -, 2). f = 0.5 * (2 * 0 - 3 * 2).
  ThreeLayerNetwork<T> network({first, 3, 2}, LowRankLayer<T>({weights, 3, 3}), a, 1, 4, T(0.5));
  T f = 0;
  const LowRankWork work = network.decision_function({x, 1, 2}, 1, &f);
  CHECK(f == -3);
  CHECK(work.base == 2 * 3);
  CHECK(work.other == 3 * 2 + 2);
  IdLists<NeuronId> below, above;
  network.fired({x, 1, 2}, 1, below, above);
  CHECK(below.ids == std::vector<NeuronId>{0, 1});
  CHECK(above.ids == std::vector<NeuronId>{0, 2});

  // One step for y = 1: f - y = -4, u = -rate * scale * (f - y) * a = rate * (4, -, -6), v = (0, 2, -).
  const double y = 1;
  ThreeLayerTrainer<T> trainer(network, {x, 1, 2}, &y, {});
  CHECK(trainer.first_work().other == 6);
  const ThreeLayerReport report = trainer.step(0.5);
  CHECK(report.loss == 8);
  CHECK(report.ends_epoch);
  CHECK(report.inputs == 1);
  CHECK(report.fired_first == 2);
  CHECK(report.fired_hidden == 2);
  CHECK(report.rank == 1);
  CHECK(hidden_weights(network) == std::vector<T>{1, 6, 9, 5, -1, 9, 7, -3, 9});
  // Neuron 2 fires no longer: z_2 = (12, -2, -6).
  network.decision_function({x, 1, 2}, 1, &f);
  CHECK(f == 0.5 * 2 * 8);
}

TEST_CASE_TEMPLATE("training has the same bits at any number of threads", T, float, double) {
  const Problem<T> problem(30, 9, "squared");
  for (const Index batch : {0, 7}) {
    std::vector<std::vector<T>> trained;
    std::vector<LowRankWork> works;
    std::vector<double> losses;
    for (const int threads : {1, 2, 5}) {
      auto network = random_three_layer_network<T>(how(9, 150));
      ThreeLayerTrainer<T> trainer(network, problem.points(), problem.labels.data(), {batch, 3, threads});
      LowRankWork work;
      double loss = 0;
      std::int64_t epochs = 0;
      while (epochs < 6) {
        const ThreeLayerReport report = trainer.step(1.5);
        work += report.work;
        loss += report.loss;
        epochs += report.ends_epoch ? 1 : 0;
      }
      CHECK(trainer.steps_done() == 6 * trainer.steps_per_epoch());
      CHECK(network.hidden().flushes() > 0);
      std::vector<T> outputs(30);
      network.decision_function(problem.points(), threads, outputs.data());
      trained.push_back(hidden_weights(network));
      trained.back().insert(trained.back().end(), outputs.begin(), outputs.end());
      works.push_back(work);
      losses.push_back(loss);
    }
    CHECK(trained[0] == trained[1]);
    CHECK(trained[0] == trained[2]);
    CHECK(works[0] == works[1]);
    CHECK(works[0] == works[2]);
    CHECK(losses[0] == losses[1]);
    CHECK(losses[0] == losses[2]);
  }
}

TEST_CASE_TEMPLATE("a trained network goes on where it stopped; coupled ones start at 0", T, float, double) {
  const Problem<T> problem(20, 5, "squared");
  auto network = random_three_layer_network<T>(how(5, 100, true));
  std::vector<T> outputs(20);
  network.decision_function(problem.points(), 1, outputs.data());
  for (const T f : outputs) CHECK(f == 0);

  auto again = random_three_layer_network<T>(how(5, 100, true));
  ThreeLayerTrainer<T> whole(network, problem.points(), problem.labels.data(), {6, 9, 1});
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    const double loss = whole.step(1).loss;
    first += step < 4 ? loss / 4 : 0;
    last += step >= 56 ? loss / 4 : 0;
  }
  CHECK(first == doctest::Approx(0.5).epsilon(0.5));
  CHECK(last < 0.2 * first);
  for (int part = 0; part < 2; ++part) {
    ThreeLayerTrainer<T> trainer(again, problem.points(), problem.labels.data(), {6, 9, 1});
    trainer.set_steps_done(30 * part);
    for (int step = 0; step < 30; ++step) trainer.step(1);
  }
  CHECK(hidden_weights(network) == hidden_weights(again));
}

TEST_CASE("three-layer networks and trainers refuse what does not fit") {
  const double first[] = {1, 2, 3, 4}, weights[] = {1, 2}, a[] = {1}, bad[] = {std::nan("")}, y[] = {1};
  const auto make = [&](Points<double> w, const double* outputs, double tau, double scale) {
    return ThreeLayerNetwork<double>(w, LowRankLayer<double>({weights, 1, 2}), outputs, 0, tau, scale);
  };
  CHECK_THROWS_AS(make({first, 1, 2}, a, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({first, 2, 0}, a, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({first, 2, 2}, bad, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({first, 2, 2}, a, bad[0], 1), std::invalid_argument);
  CHECK_THROWS_AS(make({first, 2, 2}, a, 0, 0), std::invalid_argument);
  auto network = make({first, 2, 2}, a, 0, 1);
  double f = 0;
  CHECK_THROWS_AS(network.decision_function({first, 1, 3}, 1, &f), std::invalid_argument);
  using Trainer = ThreeLayerTrainer<double>;
  CHECK_THROWS_AS(Trainer(network, {first, 0, 2}, y, {}), std::invalid_argument);
  CHECK_THROWS_AS(Trainer(network, {first, 1, 3}, y, {}), std::invalid_argument);
  CHECK_THROWS_AS(Trainer(network, {first, 1, 2}, bad, {}), std::invalid_argument);
  CHECK_THROWS_AS(Trainer(network, {first, 1, 2}, y, {-1, 0, 1}), std::invalid_argument);
  Trainer trainer(network, {first, 1, 2}, y, {});
  CHECK_THROWS_AS(trainer.step(-1), std::invalid_argument);
  CHECK_THROWS_AS(trainer.set_steps_done(-1), std::invalid_argument);
  CHECK_THROWS_AS(trainer.step(1e308), DivergenceError);
  CHECK(trainer.steps_done() == 0);
  CHECK(network.hidden().rank() == 0);
  CHECK_THROWS_AS(static_cast<void>(random_three_layer_network<float>(how(5, 0))), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(random_three_layer_network<float>(how(0, 5))), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(random_three_layer_network<float>(how(5, 5, true))), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(random_three_layer_network<float>(how(5, 5, false, bad[0]))),
                  std::invalid_argument);
}
