#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "sublinear/training/predictor.hpp"
#include "training/attack_driver.hpp"
#include "training/input_block.hpp"
#include "training/problem.hpp"
#include "training/row_facts.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
struct Attacked {
  std::vector<T> point;
  double clean_loss, robust_loss;
};

template <class T>
Attacked<T> attack(const Problem<T>& problem, const TwoLayerNetwork<T>& network, const PgdOptions& options, Index i,
                   std::uint64_t seed = 0) {
  std::vector<NeuronId> all(static_cast<std::size_t>(network.width()));
  std::iota(all.begin(), all.end(), 0);
  LocalNetwork<T> local;
  const RowFacts facts(network, 1);
  local.attach(network, facts, {{all.data(), network.width(), {}}});
  const auto loss = make_loss(problem.outputs == 1 ? "logistic" : "cross-entropy");
  const T* x = problem.inputs.data() + i * problem.d;
  const double label = problem.labels[static_cast<std::size_t>(i)];
  Attacked<T> result{std::vector<T>(static_cast<std::size_t>(problem.d)), 0, 0};
  local.evaluate(x);
  result.clean_loss = local.loss(*loss, label);
  const auto pgd = make_pgd<T>(options);
  drive_attack(*pgd, *pgd->make_run(problem.d), local, *loss, x, label, RandomStream(seed, RandomPurpose::attack),
               result.point.data());
  local.evaluate(result.point.data());
  result.robust_loss = local.loss(*loss, label);
  return result;
}

template <class T>
double distance(const T* a, const T* b, Index d, Norm norm) {
  double result = 0;
  for (Index j = 0; j < d; ++j) {
    const double step = std::abs(static_cast<double>(a[j]) - static_cast<double>(b[j]));
    result = norm == Norm::two ? result + step * step : std::max(result, step);
  }
  return norm == Norm::two ? std::sqrt(result) : result;
}

}  // namespace

TEST_CASE_TEMPLATE("every variant stays in its ball, raises the loss and fills the radius", T, float, double) {
  const Problem<T> problem(8, 20, "cross-entropy");
  const auto network = problem.network(256, "ntk", false, 0.7);
  for (const Norm norm : {Norm::two, Norm::infinity}) {
    for (const double radius : {1e-25, 0.05, 0.5}) {
      for (const bool random_start : {false, true}) {
        PgdOptions options = pgd(radius, 7, norm);
        options.random_start = random_start;
        options.restarts = random_start ? 3 : 1;
        double clean = 0, robust = 0;
        for (Index i = 0; i < problem.n; ++i) {
          const auto result = attack(problem, network, options, i);
          const T* x = problem.inputs.data() + i * problem.d;
          CHECK_NOTHROW(check_in_ball(x, result.point.data(), problem.d, {radius, norm}, network.threshold()));
          if (radius > 1e-3) CHECK(distance(x, result.point.data(), problem.d, norm) > 0.9 * radius);
          clean += result.clean_loss;
          robust += result.robust_loss;
        }
        if (radius > 1e-3) CHECK(robust > clean);
      }
    }
  }
}

TEST_CASE_TEMPLATE("one step of the full radius is the fast gradient sign method", T, float, double) {
  const Problem<T> problem(4, 10, "logistic");
  const auto network = problem.network(128, "ntk", false, 0.5);
  PgdOptions options = pgd(0.25, 1, Norm::infinity);
  options.step_size = 0.25;
  for (Index i = 0; i < problem.n; ++i) {
    const auto result = attack(problem, network, options, i);
    for (Index j = 0; j < problem.d; ++j) {
      const T x = problem.inputs[static_cast<std::size_t>(i * problem.d + j)];
      const T moved = result.point[static_cast<std::size_t>(j)];
      CHECK((moved == x + T(0.25) || moved == x - T(0.25)));
    }
  }
}

TEST_CASE_TEMPLATE("no steps and a zero gradient move nothing", T, float, double) {
  const Problem<T> problem(3, 10, "logistic");
  const auto silent = problem.network(64, "ntk", false, 50);  // nothing fires
  const auto network = problem.network(64, "ntk", false, 0.5);
  for (Index i = 0; i < problem.n; ++i) {
    const std::vector<T> x(problem.inputs.begin() + i * problem.d, problem.inputs.begin() + (i + 1) * problem.d);
    CHECK(attack(problem, silent, pgd(0.3), i).point == x);
    CHECK(attack(problem, network, pgd(0.3, 0), i).point == x);
    CHECK(attack(problem, network, pgd(0, 5), i).point == x);
  }
}

TEST_CASE_TEMPLATE("clip keeps attacked points in the box and refuses inputs outside it", T, float, double) {
  Problem<T> problem(6, 10, "logistic");
  for (T& v : problem.inputs) v = std::min(std::max(v, T(-0.25)), T(0.25));
  const auto network = problem.network(128, "ntk", false, 0.2);
  for (const Norm norm : {Norm::two, Norm::infinity}) {
    PgdOptions options = pgd(0.2, 6, norm);
    options.clip_low = -0.25;
    options.clip_high = 0.25;
    for (Index i = 0; i < problem.n; ++i) {
      const auto result = attack(problem, network, options, i);
      for (const T v : result.point) CHECK((v >= T(-0.25) && v <= T(0.25)));
      CHECK_NOTHROW(check_in_ball(problem.inputs.data() + i * problem.d, result.point.data(), problem.d, {0.2, norm},
                                  network.threshold()));
    }
    options.clip_high = 0.2;
    CHECK_THROWS_AS(make_pgd<T>(options)->check_inputs(problem.points()), std::invalid_argument);
  }
}

TEST_CASE("random starts are functions of the stream and restarts never lower the loss") {
  const Problem<double> problem(5, 10, "logistic");
  const auto network = problem.network(128, "ntk", false, 0.5);
  PgdOptions once = pgd(0.3, 2), often = pgd(0.3, 2);
  once.random_start = often.random_start = true;
  often.restarts = 6;
  for (Index i = 0; i < problem.n; ++i) {
    const auto one = attack(problem, network, once, i, 4);
    CHECK(one.point == attack(problem, network, once, i, 4).point);
    CHECK(one.point != attack(problem, network, once, i, 5).point);
    CHECK(attack(problem, network, often, i, 4).robust_loss >= one.robust_loss);
  }
}

TEST_CASE("several runs find what the run without noise finds, and what fewer do") {
  const Problem<double> problem(6, 10, "logistic");
  const auto network = problem.network(128, "ntk", false, 0.5);
  PgdOptions often = pgd(0.3, 3);
  often.random_start = true;
  for (Index i = 0; i < problem.n; ++i) {
    const double plain = attack(problem, network, pgd(0.3, 3), i).robust_loss;
    double before = attack(problem, network, often, i).robust_loss;
    for (often.restarts = 2; often.restarts < 6; ++often.restarts) {
      const double reached = attack(problem, network, often, i).robust_loss;
      CHECK(reached >= before);
      CHECK(reached >= plain * (1 - 1e-12));  // the linear form has come another way
      before = reached;
    }
    often.restarts = 1;
  }
}

namespace {

// Three ends, wherever it starts.
class FixedEnds final : public Attack<float> {
 public:
  [[nodiscard]] Ball ball() const noexcept override { return {20, Norm::two}; }
  [[nodiscard]] int runs() const noexcept override { return 3; }
  [[nodiscard]] std::unique_ptr<AttackRun<float>> make_run(Index) const override { return std::make_unique<Run>(); }

 private:
  struct Run final : AttackRun<float> {
    bool start(int k, const float* x, RandomStream&, float* point) override {
      constexpr float kEnds[3][3] = {{1, 0.9F, 0.9F}, {1, 1.01F, -5}, {1, 1.01F, -4}};
      for (int j = 0; j < 3; ++j) point[j] = x[j] + kEnds[k][j];
      return false;
    }
    bool next(AttackView<float>&, float*) override { return false; }
  };
};

}  // namespace

TEST_CASE("evaluation prefers a point that is classified wrongly to one of higher loss") {
  const float rows[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, x[] = {0, 0, 0};
  const float biases[] = {0, 0, 0};
  const TwoLayerNetwork<float> network({rows, 3, 3}, rows, 3, biases, -10, 1, Activation::jump);  // f(x) = x
  const Predictor<float> predictor(network, "", Norm::two, 1);
  const auto loss = make_loss("cross-entropy");
  float worst[3];
  double highest = 0;
  bool right = true;
  const double label = 0;
  predictor.attack({x, 1, 3}, &label, FixedEnds(), *loss, 0, 1, worst, &highest, &right);
  CHECK(!right);
  CHECK(worst[1] == 1.01F);  // of the two wrong ones that with the higher loss
  CHECK(worst[2] == -4.0F);
  CHECK(highest == doctest::Approx(std::log(3.0)));  // at x itself, which is classified rightly
}

TEST_CASE("options that make no attack are refused") {
  const auto refused = [](auto change) {
    PgdOptions options = pgd(0.1);
    change(options);
    CHECK_THROWS_AS(static_cast<void>(make_pgd<float>(options)), std::invalid_argument);
  };
  refused([](PgdOptions& o) { o.radius = -0.1; });
  refused([](PgdOptions& o) { o.radius = std::nan(""); });
  refused([](PgdOptions& o) { o.radius = HUGE_VAL; });
  refused([](PgdOptions& o) { o.steps = -1; });
  refused([](PgdOptions& o) { o.step_size = std::nan(""); });
  refused([](PgdOptions& o) { o.step_size = HUGE_VAL; });
  refused([](PgdOptions& o) { o.restarts = 0; });
  refused([](PgdOptions& o) { o.restarts = 2; });
  refused([](PgdOptions& o) { o.clip_low = 1, o.clip_high = 0; });
}

TEST_CASE("an attack that leaves its ball is an error of the attack") {
  const float x[] = {1, 0}, out[] = {1.1F, 0};
  CHECK_THROWS_AS(check_in_ball(x, out, 2, {0.09, Norm::two}, 0.0F), std::logic_error);
  CHECK_THROWS_AS(check_in_ball(x, out, 2, {0.09, Norm::infinity}, 0.0F), std::logic_error);
  CHECK_NOTHROW(check_in_ball(x, out, 2, {0.11, Norm::two}, 0.0F));
}
