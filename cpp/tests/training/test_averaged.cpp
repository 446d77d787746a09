// Averages of weights over steps, beside every optimizer.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
TrainerOptions<T> options_with(double average, const std::string& optimizer = "gradient") {
  TrainerOptions<T> options;
  options.loss = make_loss("cross-entropy");
  PgdOptions pgd;
  pgd.radius = 0.05;
  pgd.steps = 2;
  options.attack = make_pgd<T>(pgd);
  options.optimizer = make_optimizer<T>(optimizer);
  options.average = average;
  options.batch_size = 8;
  options.train_biases = true;
  return options;
}

template <class T>
void append(std::vector<double>& out, const TwoLayerNetwork<T>& network) {
  out.insert(out.end(), network.weights(), network.weights() + network.width() * network.dimension());
  out.insert(out.end(), network.biases(), network.biases() + network.width());
}

template <class T>
std::vector<double> numbers_of(const TwoLayerNetwork<T>& network) {
  std::vector<double> numbers;
  append(numbers, network);
  return numbers;
}

}  // namespace

TEST_CASE_TEMPLATE("averages are those of the weights after each step", T, float, double) {
  const Problem<T> problem(64, 6, "cross-entropy");
  for (const char* optimizer : {"gradient", "momentum"})
    for (const double average : {0.8, 0.99, 1.0}) {
      CAPTURE(optimizer);
      CAPTURE(average);
      TwoLayerNetwork<T> network = problem.network(120), plain = problem.network(120);
      Trainer<T> trainer(network, problem.points(), problem.labels.data(), options_with<T>(average, optimizer));
      Trainer<T> without(plain, problem.points(), problem.labels.data(), options_with<T>(0, optimizer));
      CHECK(same_weights(trainer.averaged(), network));
      std::vector<double> expected;
      for (int step = 1; step <= 20; ++step) {
        static_cast<void>(trainer.step(1.0));
        static_cast<void>(without.step(1.0));
        const std::vector<double> now = numbers_of(network);
        const double kept = step == 1 ? 0 : average < 1 ? average : (step - 1.0) / step;
        if (step == 1) expected = now;
        for (std::size_t k = 0; k < now.size(); ++k) expected[k] = now[k] + kept * (expected[k] - now[k]);
        const std::vector<double> averages = numbers_of(trainer.averaged());
        double largest = 0;
        for (std::size_t k = 0; k < now.size(); ++k) largest = std::max(largest, std::abs(averages[k] - expected[k]));
        CHECK(largest < (sizeof(T) == 4 ? 2e-6 : 1e-14));
      }
      CHECK(same_weights(network, plain));
      CHECK(same_biases(network, plain));
      CHECK_FALSE(same_weights(trainer.averaged(), network));
      CHECK_THROWS_AS(static_cast<void>(without.averaged()), std::logic_error);
    }
}

TEST_CASE_TEMPLATE("averages have the same bits for every strategy, and after they were kept", T, float, double) {
  const Problem<T> problem(64, 6, "cross-entropy");
  const auto train = [&](const char* strategy, int threads, bool stop) {
    TwoLayerNetwork<T> network = problem.network(120);
    TrainerOptions<T> options = options_with<T>(0.9, "adam");
    options.strategy = strategy;
    options.threads = threads;
    auto trainer = std::make_unique<Trainer<T>>(network, problem.points(), problem.labels.data(), options);
    for (int step = 0; step < 16; ++step) {
      if (stop && step == 7) {
        const OptimizerState<T> state = trainer->optimizer_state();
        trainer = std::make_unique<Trainer<T>>(network, problem.points(), problem.labels.data(), options);
        trainer->set_steps_done(7);
        trainer->set_optimizer_state(state);
      }
      static_cast<void>(trainer->step(0.01));
    }
    return trainer->averaged();
  };
  const TwoLayerNetwork<T> expected = train("dense", 1, false);
  for (const char* strategy : {"margin", "weights"}) {
    CAPTURE(strategy);
    for (const bool stop : {false, true}) {
      const TwoLayerNetwork<T> average = train(strategy, 3, stop);
      CHECK(same_weights(average, expected));
      CHECK(same_biases(average, expected));
    }
  }
}

TEST_CASE("averages out of range and states without them are refused") {
  const Problem<double> problem(64, 6, "cross-entropy");
  TwoLayerNetwork<double> network = problem.network(120);
  for (const double average : {-0.1, 1.5, std::nan("")})
    CHECK_THROWS_WITH(Trainer<double>(network, problem.points(), problem.labels.data(), options_with<double>(average)),
                      doctest::Contains("average is not in (0, 1]"));
  Trainer<double> trainer(network, problem.points(), problem.labels.data(), options_with<double>(0.9));
  Trainer<double> without(network, problem.points(), problem.labels.data(), options_with<double>(0));
  static_cast<void>(trainer.step(1.0));
  CHECK_THROWS_AS(trainer.set_optimizer_state(without.optimizer_state()), std::invalid_argument);
  CHECK_THROWS_AS(without.set_optimizer_state(trainer.optimizer_state()), std::invalid_argument);
  OptimizerState<double> state = trainer.optimizer_state();
  state.numbers["averaged_until"][3] = 2;
  CHECK_THROWS_AS(trainer.set_optimizer_state(state), std::invalid_argument);
}
