// Gauss-Newton steps against the formula with a dense Jacobian, solved by elimination.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/gauss_newton.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

std::size_t at(Index k) { return static_cast<std::size_t>(k); }

template <class T>
TrainerOptions<T> options_of(const std::string& strategy = "dense", double damping = 1e-3) {
  TrainerOptions<T> options;
  options.strategy = strategy;
  options.loss = make_loss("squared");
  options.attack = make_pgd<T>(pgd(0, 0));
  OptimizerOptions choices;
  choices.damping = damping;
  options.optimizer = make_optimizer<T>("gauss-newton", choices);
  options.threads = 2;
  return options;
}

// Gauss and Jordan's elimination with pivots: n is small.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
  const Index n = static_cast<Index>(b.size());
  for (Index k = 0; k < n; ++k) {
    Index best = k;
    for (Index i = k + 1; i < n; ++i)
      if (std::abs(a[at(i * n + k)]) > std::abs(a[at(best * n + k)])) best = i;
    for (Index j = 0; j < n; ++j) std::swap(a[at(k * n + j)], a[at(best * n + j)]);
    std::swap(b[at(k)], b[at(best)]);
    for (Index i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[at(i * n + k)] / a[at(k * n + k)];
      for (Index j = k; j < n; ++j) a[at(i * n + j)] -= factor * a[at(k * n + j)];
      b[at(i)] -= factor * b[at(k)];
    }
  }
  for (Index k = 0; k < n; ++k) b[at(k)] /= a[at(k * n + k)];
  return b;
}

// J, n x (m d) or n x (m (d + 1)) with the biases' columns last, row-major.
template <class T>
std::vector<double> jacobian(const Problem<T>& problem, const TwoLayerNetwork<T>& network, bool biases) {
  const Index m = network.width(), d = problem.d, columns = m * d + (biases ? m : 0);
  std::vector<double> rows(at(problem.n * columns), 0);
  for (Index i = 0; i < problem.n; ++i)
    for (Index r = 0; r < m; ++r) {
      const T* x = problem.points().row(i);
      if (!(inner_product(network.weights() + r * d, x, d) + network.biases()[r] >= network.threshold())) continue;
      const double a = static_cast<double>(network.scale()) * static_cast<double>(network.output_weights()[r]);
      for (Index j = 0; j < d; ++j) rows[at(i * columns + r * d + j)] = a * static_cast<double>(x[j]);
      if (biases) rows[at(i * columns + m * d + r)] = a;
    }
  return rows;
}

}  // namespace

TEST_CASE_TEMPLATE("a Gauss-Newton step is that of the dense Jacobian", T, float, double) {
  const Problem<T> problem(12, 5, "squared");
  const Index n = problem.n, m = 200, d = problem.d;
  const double rate = 0.5, tolerance = sizeof(T) == 4 ? 2e-4 : 1e-9;
  for (const bool biases : {false, true})
    for (const double damping : {1e-2, 1.0}) {
      CAPTURE(biases);
      CAPTURE(damping);
      auto network = problem.network(m, "gao");
      const auto start = network.clone();
      std::vector<T> f(at(n));
      Predictor<T>(network, "", Norm::two, 1).decision_function(problem.points(), 1, f.data());
      const std::vector<double> rows = jacobian(problem, network, biases);
      const Index columns = static_cast<Index>(rows.size()) / n;
      std::vector<double> gram(at(n * n)), residuals(at(n));
      double trace = 0;
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j)
          gram[at(i * n + j)] = inner_product(rows.data() + i * columns, rows.data() + j * columns, columns);
        trace += gram[at(i * n + i)];
        residuals[at(i)] = static_cast<double>(f[at(i)]) - problem.labels[at(i)];
      }
      REQUIRE(trace > 0);
      for (Index i = 0; i < n; ++i) gram[at(i * n + i)] += damping * trace / static_cast<double>(n);
      const std::vector<double> g = solve(gram, residuals);
      std::vector<double> step(at(columns), 0);
      for (Index i = 0; i < n; ++i)
        for (Index k = 0; k < columns; ++k) step[at(k)] -= rate * rows[at(i * columns + k)] * g[at(i)];

      auto options = options_of<T>("margin", damping);
      options.train_biases = biases;
      Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
      const StepReport report = trainer.step(rate);
      CHECK(report.ends_epoch);
      double largest = 0, worst = 0;
      for (Index k = 0; k < columns; ++k) {
        const bool weight = k < m * d;
        const T* after = weight ? network.weights() + k : network.biases() + (k - m * d);
        const T* before = weight ? start.weights() + k : start.biases() + (k - m * d);
        largest = std::max(largest, std::abs(step[at(k)]));
        worst = std::max(worst, std::abs(static_cast<double>(*after) - static_cast<double>(*before) - step[at(k)]));
      }
      CHECK(largest > 0);
      CHECK(worst < tolerance * std::max(1.0, largest));
      CHECK(same_biases(network, start) == !biases);
    }
}

TEST_CASE_TEMPLATE("Gauss-Newton steps have the same bits with every strategy and number of threads", T, float,
                   double) {
  const Problem<T> problem(30, 6, "squared");
  const auto trained = [&](const std::string& strategy, int threads, Index batch_size) {
    auto network = problem.network(120);
    auto options = options_of<T>(strategy);
    options.threads = threads;
    options.batch_size = batch_size;
    options.attack = make_pgd<T>(pgd(0.05, 2));
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
    fit<T>(trainer, 3, constant_rate(0.5));
    return network;
  };
  for (const Index batch_size : {0, 8}) {
    const auto expected = trained("dense", 1, batch_size);
    for (const StrategyInfo& each : strategies()) {
      CAPTURE(each.name);
      if (each.exact) CHECK(same_weights(trained(each.name, 2, batch_size), expected));
    }
  }
}

TEST_CASE("systems above the size that is factored are solved by iteration, to the same residual") {
  // Of full rank and well conditioned: a diagonal, and a rank that the sketch can see.
  const Index n = kLargestFactor + 10, rank = 3;
  RandomStream random(1, RandomPurpose::weights);
  std::vector<double> factors(at(n * rank)), right(at(n)), matrix(at(n * n), 0);
  for (double& v : factors) v = random.normal();
  for (double& v : right) v = random.normal();
  double trace = 0;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j)
      for (Index k = 0; k < rank; ++k) matrix[at(i * n + j)] += factors[at(i * rank + k)] * factors[at(j * rank + k)];
    matrix[at(i * n + i)] += 1;
    trace += matrix[at(i * n + i)];
  }
  const double damping = 0.1, shift = damping * trace / static_cast<double>(n);
  std::vector<double> solution(right), work(matrix);
  solve_gauss_newton(work, damping, solution, 2);
  double squares = 0, left = 0;
  for (Index i = 0; i < n; ++i) {
    double sum = shift * solution[at(i)] - right[at(i)];
    for (Index j = 0; j < n; ++j) sum += matrix[at(i * n + j)] * solution[at(j)];
    left += sum * sum;
    squares += right[at(i)] * right[at(i)];
  }
  CHECK(std::sqrt(left) < 1e-9 * std::sqrt(squares));
}

TEST_CASE("Gauss-Newton is refused where it is not defined, and what cannot be solved changes nothing") {
  const Problem<double> problem(10, 4, "squared"), classes(10, 4, "cross-entropy");
  auto network = problem.network(40);
  const auto refused = [&](const char* why, auto change) {
    auto options = options_of<double>();
    change(options);
    CHECK_THROWS_WITH_AS(Trainer<double>(network, problem.points(), problem.labels.data(), options),
                         doctest::Contains(why), std::invalid_argument);
  };
  refused("squared", [](auto& o) { o.loss = make_loss("logistic"); });
  refused("input weights", [](auto& o) { o.input_weights.assign(10, 1.0); });
  for (const double damping : {0.0, -1.0, HUGE_VAL, std::nan("")})
    CHECK_THROWS_WITH_AS(options_of<double>("dense", damping), doctest::Contains("damping"), std::invalid_argument);

  // The matrix (1 2; 2 1) has an eigenvalue of -1: no pivot below a damping of 1 makes it positive definite.
  std::vector<double> indefinite{1, 2, 2, 1}, residuals{1, 1};
  CHECK_THROWS_WITH_AS(solve_gauss_newton(indefinite, 1e-3, residuals, 1), doctest::Contains("give a larger damping"),
                       DivergenceError);
  // Where no neuron fires there is no gradient: the step moves nothing.
  const double weight = -1, one = 1, label = 1;
  TwoLayerNetwork<double> silent({&weight, 1, 1}, &one, 1, nullptr, 0.5, 1, Activation::shifted);
  Trainer<double> trainer(silent, {&one, 1, 1}, &label, options_of<double>());
  CHECK(trainer.step(1).clean_loss == 0.5);
  CHECK(silent.weights()[0] == -1);
}
