#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "training/local_network.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

TEST_CASE_TEMPLATE("initialisations have the scales of their papers", T, float, double) {
  Initialization how;
  how.dimension = 16;
  how.width = 4096;
  const double m = 4096, kappa = std::sqrt(0.4 * std::log(m));
  const auto deviation = [](const T* values, Index count) {
    double squares = 0;
    for (Index k = 0; k < count; ++k) squares += static_cast<double>(values[k]) * static_cast<double>(values[k]);
    return std::sqrt(squares / static_cast<double>(count));
  };
  const auto ntk = random_network<T>(how);
  CHECK(deviation(ntk.weights(), 16 * 4096) == doctest::Approx(1).epsilon(0.02));
  CHECK(deviation(ntk.biases(), 4096) == 0);
  CHECK(std::abs(ntk.output_weights()[5]) == 1);
  CHECK(static_cast<double>(ntk.scale()) == doctest::Approx(1 / 64.0));
  CHECK(static_cast<double>(ntk.threshold()) == doctest::Approx(kappa));
  CHECK(ntk.activation() == Activation::shifted);

  how.name = "gao";
  const auto gao = random_network<T>(how);
  CHECK(deviation(gao.weights(), 16 * 4096) == doctest::Approx(1 / 64.0).epsilon(0.02));
  CHECK(deviation(gao.biases(), 4096) == doctest::Approx(1 / 64.0).epsilon(0.05));
  CHECK(std::abs(static_cast<double>(gao.output_weights()[9])) == doctest::Approx(std::pow(m, -0.2)));
  CHECK(gao.scale() == 1);
  CHECK(static_cast<double>(gao.threshold()) == doctest::Approx(kappa * std::sqrt(2 / m)));
  CHECK(gao.activation() == Activation::jump);

  how.kappa = 1.5;
  how.activation = Initialization::ActivationChoice::shifted;
  how.bias = Initialization::Bias::zero;
  const auto changed = random_network<T>(how);
  CHECK(static_cast<double>(changed.threshold()) == doctest::Approx(1.5 / 64));
  CHECK(changed.activation() == Activation::shifted);
  CHECK(deviation(changed.biases(), 4096) == 0);
}

TEST_CASE_TEMPLATE("the other initialisations differ where their papers do", T, float, double) {
  Initialization how;
  how.dimension = 16;
  how.width = 4096;
  const double m = 4096;
  const auto ntk = random_network<T>(how);
  how.name = "gao";
  const auto gao = random_network<T>(how);
  how.name = "hu";
  const auto hu = random_network<T>(how);
  CHECK(same_weights(hu, ntk));
  CHECK(same_biases(hu, ntk));
  CHECK(static_cast<double>(hu.threshold()) == doctest::Approx(std::sqrt(0.48 * std::log(m))));
  CHECK(hu.scale() == ntk.scale());
  CHECK(hu.activation() == Activation::shifted);
  how.name = "zhang";
  const auto zhang = random_network<T>(how);
  CHECK(same_weights(zhang, gao));
  CHECK(same_biases(zhang, gao));
  CHECK(zhang.threshold() == 0);
  CHECK(zhang.scale() == 1);
  CHECK(zhang.activation() == Activation::shifted);
  CHECK(std::abs(static_cast<double>(zhang.output_weights()[9])) == doctest::Approx(std::pow(m, -1 / 3.0)));
  how.kappa = 1;
  CHECK(static_cast<double>(random_network<T>(how).threshold()) == doctest::Approx(std::sqrt(2 / m)));

  how.name = "ntk";
  how.kappa = 0;
  how.bias = Initialization::Bias::constant;
  how.bias_value = -1.25;
  const auto constant = random_network<T>(how);
  CHECK(same_weights(constant, ntk));
  CHECK(constant.threshold() == 0);
  CHECK(std::count(constant.biases(), constant.biases() + 4096, T(-1.25)) == 4096);
  how.bias = Initialization::Bias::zero;
  CHECK_THROWS_WITH_AS(static_cast<void>(random_network<T>(how)), doctest::Contains("bias_value"),
                       std::invalid_argument);
  how.bias = Initialization::Bias::constant;
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    how.bias_value = bad;
    CHECK_THROWS_WITH_AS(static_cast<void>(random_network<T>(how)), doctest::Contains("bias_value"),
                         std::invalid_argument);
  }
}

TEST_CASE_TEMPLATE("coupled networks start at exactly 0", T, float, double) {
  for (const std::string& init : initialization_names()) {
    const Problem<T> problem(9, 12, "cross-entropy");
    const auto network = problem.network(512, init, true, 0.5);
    std::vector<NeuronId> all(512);
    for (std::size_t r = 0; r < all.size(); ++r) all[r] = static_cast<NeuronId>(r);
    LocalNetwork<T> local;
    const RowFacts facts(network, 1);
    local.attach(network, facts, {{all.data(), 512, {}}});
    for (Index i = 0; i < problem.n; ++i) {
      local.evaluate(problem.inputs.data() + i * problem.d);
      CHECK(local.fired().size() > 50);
      for (const T value : local.values()) CHECK(value == 0);
    }
  }
}

TEST_CASE_TEMPLATE("a network restricted to its candidates is the network", T, float, double) {
  const Problem<T> problem(6, 21, "cross-entropy");
  const auto network = problem.network(300, "gao");
  std::vector<NeuronId> all(300), some;
  for (std::size_t r = 0; r < all.size(); ++r) all[r] = static_cast<NeuronId>(r);
  LocalNetwork<T> whole, part;
  const RowFacts facts(network, 1);
  const auto loss = make_loss("cross-entropy");
  for (Index i = 0; i < problem.n; ++i) {
    const T* x = problem.inputs.data() + i * problem.d;
    some.clear();
    for (const NeuronId r : all) {
      const T z = inner_product(network.weights() + r * problem.d, x, problem.d) + network.biases()[r];
      if (z >= network.threshold() - T(0.01)) some.push_back(r);
    }
    whole.attach(network, facts, {{all.data(), 300, {}}});
    CHECK(whole.dimension() == 21);
    CHECK(whole.outputs() == 3);
    part.attach(network, facts, {{some.data(), static_cast<Index>(some.size()), {}}});
    whole.evaluate(x);
    part.evaluate(x);
    CHECK(whole.fired() == part.fired());
    CHECK(whole.values() == part.values());
    CHECK(whole.loss(*loss, problem.labels[static_cast<std::size_t>(i)]) ==
          part.loss(*loss, problem.labels[static_cast<std::size_t>(i)]));
    std::vector<T> gradient(21), same(21);
    whole.input_gradient(*loss, problem.labels[static_cast<std::size_t>(i)], gradient.data());
    part.input_gradient(*loss, problem.labels[static_cast<std::size_t>(i)], same.data());
    CHECK(gradient == same);
    CHECK(part.take_work().inner_products == static_cast<std::int64_t>(some.size()));
    part.evaluate(x);
    CHECK(part.take_work().inner_products == 0);
  }
}

TEST_CASE("firing is inclusive: exactly on the threshold fires") {
  const float weights[] = {1, 2, 1, 1, 0, 3}, outputs[] = {1, 10, 100}, x[] = {1, 1};
  const NeuronId all[] = {0, 1, 2};
  for (const Activation activation : {Activation::shifted, Activation::jump}) {
    const TwoLayerNetwork<float> network({weights, 3, 2}, outputs, 1, nullptr, 3, 0.5F, activation);
    LocalNetwork<float> local;
    const RowFacts facts(network, 1);
    local.attach(network, facts, {{all, 3, {}}});
    local.evaluate(x);
    CHECK(local.fired() == std::vector<NeuronId>{0, 2});
    CHECK(local.values()[0] == (activation == Activation::jump ? 0.5F * (3 + 300) : 0.0F));
  }
}

TEST_CASE("a network refuses what it cannot be made of") {
  const double weights[] = {1, 2}, outputs[] = {1}, bad[] = {1, std::nan("")};
  const auto make = [&](Points<double> w, const double* a, Index c, double threshold, double scale) {
    return TwoLayerNetwork<double>(w, a, c, nullptr, threshold, scale, Activation::shifted);
  };
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(make({weights, 0, 2}, outputs, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, 1, 0}, outputs, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, 1, 2}, outputs, 0, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({bad, 1, 2}, outputs, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, 1, 2}, bad + 1, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, 1, 2}, outputs, 1, infinity, 1), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, 1, 2}, outputs, 1, 0, 0), std::invalid_argument);
  CHECK_THROWS_AS(make({weights, Index{1} << 31, 2}, outputs, 1, 0, 1), std::length_error);
  Initialization how;
  how.width = 3;
  how.dimension = 2;
  how.coupled = true;
  CHECK_THROWS_AS(static_cast<void>(random_network<float>(how)), std::invalid_argument);
  how.coupled = false;
  how.name = "he";
  CHECK_THROWS_WITH_AS(static_cast<void>(random_network<float>(how)),
                       "name is \"he\"; known are \"ntk\", \"hu\", \"gao\", \"zhang\"", std::invalid_argument);
}
