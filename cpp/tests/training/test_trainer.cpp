#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "floating_point_state.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
struct Setting {
  std::string strategy = "dense", loss = "logistic", init = "ntk", index;
  PgdOptions attack = pgd(0.1);
  Index width = 128, batch_size = 0;
  double rate = 5, kappa = -1;
  int epochs = 3, threads = 2;
  std::size_t max_bytes = 0;
  bool coupled = false, train_biases = false;

  [[nodiscard]] TrainerOptions<T> options() const {
    TrainerOptions<T> options;
    options.strategy = strategy;
    options.finder.max_bytes = max_bytes;
    options.finder.index = index;
    options.loss = make_loss(loss);
    options.attack = make_pgd<T>(attack);
    options.batch_size = batch_size;
    options.seed = 1;
    options.threads = threads;
    options.train_biases = train_biases;
    return options;
  }
};

template <class T>
struct Trained {
  TwoLayerNetwork<T> network;
  Work work;
  double first_loss = 0, last_loss = 0;
};

template <class T>
Trained<T> train(const Problem<T>& problem, const Setting<T>& setting) {
  Trained<T> result{problem.network(setting.width, setting.init, setting.coupled, setting.kappa), {}};
  Trainer<T> trainer(result.network, problem.points(), problem.labels.data(), setting.options());
  bool first = true;
  fit<T>(trainer, setting.epochs, constant_rate(setting.rate), [&](const StepReport& report) {
    if (first) result.first_loss = report.robust_loss;
    first = false;
    result.last_loss = report.robust_loss;
    result.work += report.work;
    return true;
  });
  return result;
}

// Trains until a step is refused, which must change nothing, or for 300; the network, and what the refusal said.
template <class T>
std::pair<TwoLayerNetwork<T>, std::string> diverge(const Problem<T>& problem, const Setting<T>& setting) {
  auto network = problem.network(setting.width, "ntk", false, 0.2);
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), setting.options());
  for (int k = 0; k < 300; ++k) {
    const auto before = network.clone();
    try {
      trainer.step(setting.rate);
    } catch (const DivergenceError& error) {
      CHECK(same_weights(network, before));
      CHECK(same_biases(network, before));
      CHECK(trainer.steps_done() == k);
      return {std::move(network), error.what()};
    }
  }
  return {std::move(network), ""};
}

}  // namespace

TEST_CASE_TEMPLATE("every strategy ends with the bits of dense, doing its own kind of work" *
                       doctest::test_suite("threads"),
                   T, float, double) {
  struct Case {
    const char *loss, *init;
    double rate;
    PgdOptions attack;
    Index batch_size;
    bool coupled;
  };
  PgdOptions random_start = pgd(0.1, 3);
  random_start.random_start = true;
  random_start.restarts = 2;
  PgdOptions fast = pgd(0.02, 1, Norm::infinity);
  fast.step_size = 0.02;
  const std::vector<Case> cases{{"logistic", "ntk", 30, pgd(0.1), 0, false},
                                {"cross-entropy", "ntk", 30, pgd(0.05), 7, true},
                                {"squared", "gao", 0.05, random_start, 16, false},
                                {"absolute", "gao", 0.05, fast, 0, true},
                                {"logistic", "ntk", 10, pgd(0.03, 4, Norm::infinity), 5, false},
                                {"cross-entropy", "gao", 0.5, pgd(0, 0), 9, false}};
  for (const Case& one : cases) {
    CAPTURE(one.loss);
    CAPTURE(one.init);
    CAPTURE(one.batch_size);
    const Problem<T> problem(40, 12, one.loss);
    Setting<T> setting;
    setting.loss = one.loss;
    setting.init = one.init;
    setting.rate = one.rate;
    setting.attack = one.attack;
    setting.batch_size = one.batch_size;
    setting.coupled = one.coupled;
    const Trained<T> dense = train(problem, setting);
    const auto start = problem.network(setting.width, one.init, one.coupled);
    REQUIRE(std::isfinite(dense.last_loss));
    REQUIRE(dense.last_loss < dense.first_loss);
    // Rows really move, and neurons change sides.
    REQUIRE(largest_change(start, dense.network) > 0.05 * std::abs(static_cast<double>(start.weights()[0])));
    CandidateLists before, after;
    Predictor<T>(start, "", Norm::two, 1).fired(problem.points(), 1, before);
    Predictor<T>(dense.network, "", Norm::two, 1).fired(problem.points(), 1, after);
    REQUIRE(before.ids != after.ids);
    for (const StrategyInfo& strategy : strategies()) {
      if (!strategy.exact) continue;
      CAPTURE(strategy.name);
      setting.strategy = strategy.name;
      for (const int threads : {1, 3}) {
        setting.threads = threads;
        const Trained<T> other = train(problem, setting);
        CHECK(same_weights(dense.network, other.network));
        CHECK(other.last_loss == dense.last_loss);
        CHECK(other.work.fired == dense.work.fired);
        CHECK(other.work.rows_moved == dense.work.rows_moved);
        CHECK(other.work.candidates >= other.work.fired);
        if (strategy.name == "weights" || strategy.name == "data" || strategy.name == "dtree" ||
            strategy.name == "wtree")
          CHECK(other.work.bounds > 0);
        if (strategy.name == "dense") CHECK(other.work == dense.work);
      }
    }
    for (const std::string& index : index_names()) {
      CAPTURE(index);
      if (!index_serves(index, 14)) continue;  // lifted by two coordinates
      setting.index = index;
      for (const char* strategy : {"weights", "data", "static"}) {
        setting.strategy = strategy;
        CHECK(same_weights(dense.network, train(problem, setting).network));
      }
    }
  }
}

TEST_CASE_TEMPLATE("trained biases have the bits of dense with every strategy", T, float, double) {
  struct Case {
    const char *loss, *init;
    double rate;
    PgdOptions attack;
    Index batch_size;
  };
  const std::vector<Case> cases{{"logistic", "ntk", 20, pgd(0.1), 0},
                                {"cross-entropy", "hu", 20, pgd(0.03, 4, Norm::infinity), 7},
                                {"squared", "gao", 0.05, pgd(0.1, 3), 16},
                                {"absolute", "zhang", 0.02, pgd(0, 0), 0}};
  for (const Case& one : cases) {
    CAPTURE(one.init);
    Problem<T> problem(40, 12, one.loss);
    // At an input of zeros weights have no gradient, and biases move alone.
    std::fill_n(problem.inputs.begin() + 3 * problem.d, problem.d, T(0));
    Setting<T> setting;
    setting.loss = one.loss;
    setting.init = one.init;
    setting.rate = one.rate;
    setting.attack = one.attack;
    setting.batch_size = one.batch_size;
    const auto start = problem.network(setting.width, one.init);
    const Trained<T> frozen = train(problem, setting);
    CHECK(same_biases(frozen.network, start));
    setting.train_biases = true;
    const Trained<T> dense = train(problem, setting);
    REQUIRE(dense.last_loss < dense.first_loss);
    REQUIRE_FALSE(same_biases(dense.network, start));
    REQUIRE_FALSE(same_weights(dense.network, frozen.network));
    for (const StrategyInfo& strategy : strategies()) {
      if (!strategy.exact) continue;
      CAPTURE(strategy.name);
      setting.strategy = strategy.name;
      for (const int threads : {1, 3})
        for (const std::size_t max_bytes : {std::size_t{0}, std::size_t{1500}}) {
          if (max_bytes != 0 && (strategy.name == "dtree" || strategy.name == "wtree")) continue;
          setting.threads = threads;
          setting.max_bytes = max_bytes;
          const Trained<T> other = train(problem, setting);
          CHECK(same_weights(dense.network, other.network));
          CHECK(same_biases(dense.network, other.network));
          CHECK(other.work.fired == dense.work.fired);
          CHECK(other.work.rows_moved == dense.work.rows_moved);
        }
    }
  }
}

TEST_CASE_TEMPLATE("biases that move alone are told to every strategy", T, float, double) {
  // All inputs are zero: only biases decide, and only they move. They fall through the threshold one after the other.
  Problem<T> problem(4, 6, "squared");
  std::fill(problem.inputs.begin(), problem.inputs.end(), T(0));
  problem.labels = {-5, -5, -5, -5};
  Initialization how;
  how.dimension = 6;
  how.width = 40;
  how.bias = Initialization::Bias::gaussian;
  how.kappa = 0;
  for (const StrategyInfo& strategy : strategies()) {
    if (!strategy.exact) continue;
    CAPTURE(strategy.name);
    auto network = random_network<T>(how);
    const auto start = network.clone();
    Setting<T> setting;
    setting.strategy = strategy.name;
    setting.loss = "squared";
    setting.attack = pgd(0.01, 0);
    setting.train_biases = true;
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), setting.options());
    std::vector<T> biases(start.biases(), start.biases() + 40);
    for (int step = 0; step < 12; ++step) {
      Index fire = 0;
      for (const T bias : biases) fire += bias >= 0 ? 1 : 0;
      const StepReport report = trainer.step(1);
      CHECK(report.work.fired == 4 * fire);
      CHECK(report.work.rows_moved <= fire);
      biases.assign(network.biases(), network.biases() + 40);
    }
    CHECK(same_weights(network, start));
    CHECK_FALSE(same_biases(network, start));
    CHECK(std::count_if(biases.begin(), biases.end(), [](T bias) { return bias >= 0; }) <
          std::count_if(start.biases(), start.biases() + 40, [](T bias) { return bias >= 0; }));
  }
}

TEST_CASE_TEMPLATE("zeros at the end of inputs and rows change no bit, though inputs are visited in another order", T,
                   float, double) {
  // Only the larger of the two networks is so large that its inputs are put in order (training/visiting_order.hpp).
  constexpr Index kSmall = 16, kLarge = 2048, kWidth = 2048;
  const auto widened = [](const T* rows, Index count) {
    std::vector<T> wide(static_cast<std::size_t>(count * kLarge));
    for (Index r = 0; r < count; ++r) std::copy(rows + r * kSmall, rows + (r + 1) * kSmall, wide.data() + r * kLarge);
    return wide;
  };
  const Problem<T> small(40, kSmall, "cross-entropy");
  Problem<T> large = small;
  large.d = kLarge;
  large.inputs = widened(small.inputs.data(), small.n);
  const TwoLayerNetwork<T> start = small.network(kWidth);
  const std::vector<T> rows = widened(start.weights(), kWidth);
  for (const Index batch_size : {0, 13}) {
    for (const char* strategy : {"dense", "margin"}) {
      Setting<T> setting;
      setting.strategy = strategy;
      setting.loss = "cross-entropy";
      setting.batch_size = batch_size;
      TwoLayerNetwork<T> one = start.clone();
      TwoLayerNetwork<T> other({rows.data(), kWidth, kLarge}, start.output_weights(), start.outputs(), start.biases(),
                               start.threshold(), start.scale(), start.activation());
      Trainer<T> trains_one(one, small.points(), small.labels.data(), setting.options());
      Trainer<T> trains_other(other, large.points(), large.labels.data(), setting.options());
      for (int step = 0; step < 4; ++step) {
        const StepReport report = trains_one.step(20), wide_report = trains_other.step(20);
        CHECK(report.robust_loss == wide_report.robust_loss);
        CHECK(report.work.fired == wide_report.work.fired);
      }
      REQUIRE(largest_change(one, start) > 0);
      const std::vector<T> expected = widened(one.weights(), kWidth);
      CHECK(std::equal(expected.begin(), expected.end(), other.weights()));
    }
  }
}

TEST_CASE_TEMPLATE("a step that would make a bias overflow is refused", T, float, double) {
  Problem<T> problem(10, 8, "squared");
  for (T& x : problem.inputs) x *= T(1e-30);  // weights hardly move
  for (double& label : problem.labels) label *= 1e20;
  Setting<T> setting;
  setting.loss = "squared";
  setting.train_biases = true;
  auto network = problem.network(64, "gao", false, 0);
  const auto before = network.clone();
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), setting.options());
  const double rate = std::sqrt(static_cast<double>(std::numeric_limits<T>::max())) * (sizeof(T) == 4 ? 1 : 1e140);
  CHECK_THROWS_AS(trainer.step(rate), DivergenceError);
  CHECK(same_biases(network, before));
  CHECK(same_weights(network, before));
  CHECK_NOTHROW(trainer.step(1e-25));
}

TEST_CASE_TEMPLATE("a tight memory limit changes work, not bits" * doctest::test_suite("threads"), T, float, double) {
  const Problem<T> problem(50, 9, "logistic");
  Setting<T> setting;
  setting.kappa = 0;  // half of all neurons fire
  const Trained<T> dense = train(problem, setting);
  for (const char* strategy : {"dense", "margin", "weights", "data"}) {
    CAPTURE(strategy);
    setting.strategy = strategy;
    setting.max_bytes = 0;
    const Trained<T> roomy = train(problem, setting);
    setting.max_bytes = 1500;  // neither the lists of candidates nor those of fired neurons fit
    const Trained<T> tight = train(problem, setting);
    CHECK(same_weights(dense.network, tight.network));
    CHECK(tight.work.inner_products > roomy.work.inner_products);
  }
  for (const char* strategy : {"dtree", "wtree"}) {
    setting.strategy = strategy;
    CHECK_THROWS_AS(train(problem, setting), MemoryLimitError);
  }
}

TEST_CASE_TEMPLATE("work does not depend on how much memory is free, as long as that is enough", T, float, double) {
  const Problem<T> problem(50, 9, "cross-entropy");
  Setting<T> setting;
  setting.loss = "cross-entropy";
  setting.batch_size = 16;
  for (const StrategyInfo& strategy : strategies()) {
    CAPTURE(strategy.name);
    setting.strategy = strategy.name;
    setting.max_bytes = 0;
    const Work free = train(problem, setting).work;
    setting.max_bytes = std::size_t{1} << 30;
    CHECK(train(problem, setting).work == free);
  }
}

TEST_CASE_TEMPLATE("stopping and going on gives the bits of one run, in any batch size" *
                       doctest::test_suite("threads"),
                   T, float, double) {
  const Problem<T> problem(23, 8, "logistic");
  for (const Index batch : {0, 5, 23, 100}) {
    for (const char* strategy : {"margin", "dense"}) {
      Setting<T> setting;
      setting.strategy = strategy;
      setting.batch_size = batch;
      setting.epochs = 4;
      setting.attack.random_start = true;
      setting.train_biases = batch == 5;
      const Trained<T> whole = train(problem, setting);
      // Half in one trainer, half in another that is told where the first one stopped.
      auto network = problem.network(setting.width);
      std::int64_t done;
      {
        Trainer<T> first(network, problem.points(), problem.labels.data(), setting.options());
        fit<T>(first, 1, constant_rate(setting.rate));
        first.step(setting.rate);  // into the second epoch
        done = first.steps_done();
      }
      Trainer<T> second(network, problem.points(), problem.labels.data(), setting.options());
      second.set_steps_done(done);
      while (second.steps_done() < 4 * second.steps_per_epoch()) second.step(setting.rate);
      CHECK(same_weights(whole.network, network));
      CHECK(same_biases(whole.network, network));
    }
  }
}

TEST_CASE("an epoch visits every input once, in an order of its own") {
  const Problem<float> problem(17, 6, "logistic");
  auto network = problem.network(32);
  Setting<float> setting;
  setting.batch_size = 4;
  Trainer<float> trainer(network, problem.points(), problem.labels.data(), setting.options());
  CHECK(trainer.steps_per_epoch() == 5);
  Index inputs = 0, steps = 0;
  fit<float>(trainer, 3, linear_rate(1, 0, 3), [&](const StepReport& report) {
    inputs += report.inputs;
    ++steps;
    CHECK(report.ends_epoch == (steps % 5 == 0));
    CHECK(report.inputs == (steps % 5 == 0 ? 1 : 4));
    return true;
  });
  CHECK(inputs == 3 * 17);
  CHECK(trainer.steps_done() == 15);
  fit<float>(trainer, 3, constant_rate(1), [](const StepReport&) { return false; });
  CHECK(trainer.steps_done() == 16);
}

TEST_CASE("rates follow their schedule") {
  const LearningRate linear = linear_rate(200, 0, 4);
  CHECK(linear(0, 10) == 200);
  CHECK(linear(20, 10) == 100);
  CHECK(linear(39, 10) == doctest::Approx(5));
  CHECK(linear(40, 10) == 0);
  CHECK(linear(400, 10) == 0);
  CHECK(constant_rate(3)(17, 5) == 3);
  CHECK_THROWS_AS(static_cast<void>(constant_rate(-1)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(linear_rate(1, HUGE_VAL, 3)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(linear_rate(1, 0, 0)), std::invalid_argument);
}

TEST_CASE_TEMPLATE("a step of rate 0 moves nothing, and weights changed by others are noticed", T, float, double) {
  const Problem<T> problem(20, 8, "logistic");
  for (const StrategyInfo& strategy : strategies()) {
    if (!strategy.exact) continue;
    CAPTURE(strategy.name);
    Setting<T> setting;
    setting.strategy = strategy.name;
    auto network = problem.network(64), reference = problem.network(64);
    setting.strategy = "dense";
    Trainer<T> expected(reference, problem.points(), problem.labels.data(), setting.options());
    setting.strategy = strategy.name;
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), setting.options());
    CHECK(trainer.step(0).work.rows_moved == 0);
    expected.step(0);
    CHECK(same_weights(network, problem.network(64)));
    for (auto* changed : {&network, &reference}) {
      T* weights = changed->change_weights();
      for (Index k = 0; k < 64 * problem.d; ++k) weights[k] = T(1.5) * weights[63 * problem.d] - weights[k];
    }
    for (int k = 0; k < 3; ++k) {
      trainer.step(2);
      expected.step(2);
    }
    CHECK(same_weights(network, reference));
    for (auto* changed : {&network, &reference}) {
      T* biases = changed->change_biases();
      for (Index r = 0; r < 64; r += 2) biases[r] += T(1);
    }
    for (int k = 0; k < 3; ++k) {
      trainer.step(2);
      expected.step(2);
    }
    CHECK(same_weights(network, reference));
    CHECK(!same_weights(network, problem.network(64)));
  }
}

TEST_CASE_TEMPLATE("a step that would overflow is refused and changes nothing", T, float, double) {
  Problem<T> problem(10, 8, "squared");
  for (double& label : problem.labels) label *= 1e20;
  Setting<T> setting;
  setting.loss = "squared";
  auto network = problem.network(64, "ntk", false, 0.2);
  const auto before = network.clone();
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), setting.options());
  CHECK_THROWS_AS(trainer.step(std::numeric_limits<double>::max()), DivergenceError);
  CHECK(same_weights(network, before));
  CHECK(trainer.steps_done() == 0);
  CHECK_NOTHROW(trainer.step(1e-25));
  // Rates at which squared loss blows up end in a refusal, not in weights that are not finite.
  bool refused = false;
  for (int k = 0; k < 2000 && !refused; ++k) {
    try {
      trainer.step(1e6);
    } catch (const DivergenceError&) {
      refused = true;
    }
  }
  CHECK(refused);
  for (Index k = 0; k < 64 * problem.d; ++k) REQUIRE(std::isfinite(network.weights()[k]));
}

TEST_CASE_TEMPLATE("every exact strategy diverges at the same step, with the same words, weights as before it", T,
                   float, double) {
  const Problem<T> problem(30, 4, "squared");
  const double most = static_cast<double>(std::numeric_limits<T>::max());
  std::vector<Setting<T>> settings(5);
  const double rates[] = {1e4, most / 1e12, most / 1e5, most / 1e4, std::sqrt(most) * 1e4};
  const char* const losses[] = {"squared", "squared", "logistic", "absolute", "absolute"};
  for (std::size_t k = 0; k < settings.size(); ++k) {
    settings[k].attack = pgd(0.1, 2, k % 2 == 0 ? Norm::two : Norm::infinity);
    settings[k].loss = losses[k];
    settings[k].rate = rates[k];
    settings[k].train_biases = k == 1 || k == 2 || k == 4;
    settings[k].width = 64;
  }
  for (Setting<T>& setting : settings) {
    CAPTURE(setting.loss);
    CAPTURE(setting.rate);
    setting.strategy = "dense";
    const auto [expected, words] = diverge(problem, setting);
    CHECK(words.empty() == (setting.loss != "squared"));  // the others' steps do not grow with the weights
    for (const StrategyInfo& strategy : strategies()) {
      if (!strategy.exact) continue;
      CAPTURE(strategy.name);
      setting.strategy = strategy.name;
      const auto found = diverge(problem, setting);
      CHECK(found.second == words);  // the step is named there
      CHECK(same_weights(found.first, expected));
      CHECK(same_biases(found.first, expected));
    }
  }
}

TEST_CASE_TEMPLATE("products that may overflow are refused alike by every strategy", T, float, double) {
  // The product of the first row with the first input is finite, infinite in their ball, and minus it plus infinity
  // where a structure adds the ball's share.
  const T large = std::sqrt(std::numeric_limits<T>::max());
  const std::vector<T> rows{-large, large, large, 1}, biases{0, 0}, a{1, -1}, inputs{large, -large, 0, 1};
  const std::vector<double> labels{1, -1};
  for (const StrategyInfo& strategy : strategies()) {
    CAPTURE(strategy.name);
    TwoLayerNetwork<T> network({rows.data(), 2, 2}, a.data(), 1, biases.data(), 0, 1, Activation::shifted);
    Setting<T> setting;
    setting.strategy = strategy.name;
    setting.attack = pgd(static_cast<double>(large) / 8);
    CHECK_THROWS_WITH_AS(Trainer<T>(network, {inputs.data(), 2, 2}, labels.data(), setting.options()),
                         doctest::Contains("products may overflow, give smaller numbers"), std::invalid_argument);
  }
}

TEST_CASE("a trainer refuses what it cannot train on, before anything changed") {
  const Problem<double> problem(10, 4, "logistic");
  auto network = problem.network(16);
  const auto refused = [&](Points<double> points, std::vector<double> labels, auto change) {
    Setting<double> setting;
    auto options = setting.options();
    change(options);
    CHECK_THROWS_AS(Trainer<double>(network, points, labels.data(), options), std::invalid_argument);
  };
  const auto nothing = [](auto&) {};
  const auto labels = problem.labels;
  refused({problem.inputs.data(), 0, 4}, labels, nothing);
  refused({problem.inputs.data(), 13, 3}, labels, nothing);
  refused(problem.points(), std::vector<double>(10, 2.0), nothing);
  refused(problem.points(), std::vector<double>(10, std::nan("")), nothing);
  std::vector<double> bad = problem.inputs;
  bad[5] = HUGE_VAL;
  refused({bad.data(), 10, 4}, labels, nothing);
  refused(problem.points(), labels, [](auto& o) { o.loss = nullptr; });
  refused(problem.points(), labels, [](auto& o) { o.loss = make_loss("cross-entropy"); });
  refused(problem.points(), labels, [](auto& o) { o.attack = nullptr; });
  refused(problem.points(), labels, [](auto& o) { o.batch_size = -1; });
  refused(problem.points(), labels, [](auto& o) { o.threads = -1; });
  refused(problem.points(), labels, [](auto& o) { o.strategy = "magic"; });
  refused(problem.points(), labels, [](auto& o) { o.strategy = "weights", o.finder.index = "magic"; });
  Setting<double> setting;
  Trainer<double> trainer(network, problem.points(), labels.data(), setting.options());
  CHECK_THROWS_AS(trainer.step(-1), std::invalid_argument);
  CHECK_THROWS_AS(trainer.step(std::nan("")), std::invalid_argument);
  CHECK_THROWS_AS(trainer.set_steps_done(-1), std::invalid_argument);
}

TEST_CASE("an attack of the application's own is trained against, inside its ball") {
  // Moves every input along the first axis, by `share` of the radius it admits to.
  struct Sideways final : Attack<float> {
    float share;
    explicit Sideways(float by) : share(by) {}
    [[nodiscard]] Ball ball() const noexcept override { return {0.1, Norm::infinity}; }
    struct Run final : AttackRun<float> {
      Index dimension;
      float by;
      Run(Index d, float distance) : dimension(d), by(distance) {}
      bool start(int, const float* x, RandomStream&, float* point) override {
        std::copy(x, x + dimension, point);
        point[0] += by;
        return false;
      }
      bool next(AttackView<float>&, float*) override { return false; }
    };
    [[nodiscard]] std::unique_ptr<AttackRun<float>> make_run(Index dimension) const override {
      return std::make_unique<Run>(dimension, share * 0.1F);
    }
  };
  const Problem<float> problem(20, 6, "logistic");
  Setting<float> setting;
  auto first = problem.network(64), second = problem.network(64), third = problem.network(64);
  auto options = setting.options();
  options.attack = std::make_shared<Sideways>(1.0F);
  Trainer<float> dense(first, problem.points(), problem.labels.data(), options);
  options.strategy = "margin";
  Trainer<float> margin(second, problem.points(), problem.labels.data(), options);
  for (int k = 0; k < 5; ++k) {
    dense.step(5);
    margin.step(5);
  }
  CHECK(same_weights(first, second));
  options.attack = std::make_shared<Sideways>(2.0F);
  Trainer<float> outside(third, problem.points(), problem.labels.data(), options);
  CHECK_THROWS_AS(outside.step(5), std::logic_error);
  CHECK(same_weights(third, problem.network(64)));
}

TEST_CASE_TEMPLATE("the predictor gives the bits of a scan with every index, and attacks like training", T, float,
                   double) {
  const Problem<T> problem(30, 7, "cross-entropy");
  const auto network = problem.network(200, "gao");
  std::vector<T> expected(90), outputs(90), attacked(210), expected_attacked(210);
  std::vector<double> losses(30), expected_losses(30);
  CandidateLists fired, expected_fired;
  const auto loss = make_loss("cross-entropy");
  const auto attack = make_pgd<T>(pgd(0.1));
  const Predictor<T> scan(network, "", Norm::two, 1);
  scan.decision_function(problem.points(), 1, expected.data());
  scan.fired(problem.points(), 1, expected_fired);
  scan.attack(problem.points(), problem.labels.data(), *attack, *loss, 0, 1, expected_attacked.data(),
              expected_losses.data());
  CHECK(expected_fired.ids.size() > 100);
  for (const std::string& index : index_names()) {
    CAPTURE(index);
    if (!index_serves(index, 9)) continue;
    const Predictor<T> predictor(network, index, Norm::two, 2);
    predictor.decision_function(problem.points(), 3, outputs.data());
    CHECK(outputs == expected);
    predictor.fired(problem.points(), 3, fired);
    CHECK(fired.ids == expected_fired.ids);
    CHECK(fired.offsets == expected_fired.offsets);
    predictor.attack(problem.points(), problem.labels.data(), *attack, *loss, 0, 3, attacked.data(), losses.data());
    CHECK(attacked == expected_attacked);
    CHECK(losses == expected_losses);
  }
  CHECK_THROWS_AS(scan.attack(problem.points(), problem.labels.data(), *make_pgd<T>(pgd(0.1, 2, Norm::infinity)), *loss,
                              0, 1, nullptr, nullptr),
                  std::invalid_argument);
}

#if defined(SUBLINEAR_TESTS_FLOATING_POINT_STATE)
TEST_CASE("training does not depend on the caller's floating-point environment" * doctest::test_suite("platform")) {
  const Problem<float> problem(20, 8, "logistic");
  Setting<float> setting;
  const auto expected = train(problem, setting);
  for (const unsigned long long bits : {kFlushSubnormals, kRoundDown, kRoundToZero}) {
    setting.strategy = "margin";
    auto network = problem.network(setting.width);
    const unsigned long long before = floating_point_state();
    set_floating_point_state(before | bits);
    {
      Trainer<float> trainer(network, problem.points(), problem.labels.data(), setting.options());
      for (int k = 0; k < setting.epochs; ++k) trainer.step(setting.rate);
    }
    set_floating_point_state(before);
    CHECK(same_weights(network, expected.network));
  }
}
#endif

// The bits themselves, so that no level, compiler or machine can differ unnoticed. A change of the written order of a
// reduction changes these on purpose and says so in the change log.
TEST_CASE("the bits of a small training run are these, at every SIMD level" * doctest::test_suite("threads platform")) {
  Setting<float> setting;
  setting.batch_size = 6;
  setting.strategy = "margin";
  CHECK(fingerprint(train(Problem<float>(40, 19, "logistic"), setting).network) == 4811186871268837947U);
  Setting<double> in_double;
  in_double.loss = "cross-entropy";
  in_double.init = "gao";
  in_double.rate = 0.5;
  CHECK(fingerprint(train(Problem<double>(30, 10, "cross-entropy"), in_double).network) == 7966043461791150194U);
}

TEST_CASE_TEMPLATE("weights of inputs: equal ones change no bit, whole ones stand for copies", T, float, double) {
  const Problem<T> problem(24, 6, "cross-entropy");
  Setting<T> setting;
  setting.loss = "cross-entropy";
  const auto run = [&](const std::vector<T>& inputs, const std::vector<double>& labels,
                       const std::vector<double>& weights, const std::string& strategy, double& loss) {
    auto network = problem.network(64);
    setting.strategy = strategy;
    TrainerOptions<T> options = setting.options();
    options.input_weights = weights;
    const auto count = static_cast<Index>(labels.size());
    Trainer<T> trainer(network, {inputs.data(), count, problem.d}, labels.data(), options);
    for (int step = 0; step < 4; ++step) loss = trainer.step(5).robust_loss;
    return network;
  };
  double plain_loss = 0, loss = 0;
  const auto plain = run(problem.inputs, problem.labels, {}, "dense", plain_loss);
  CHECK(same_weights(plain, run(problem.inputs, problem.labels, std::vector<double>(24, 0.5), "dense", loss)));
  CHECK(loss == plain_loss);
  // Input i counts i % 3 times: not at all, once, twice.
  std::vector<T> inputs;
  std::vector<double> labels, weights;
  for (Index i = 0; i < problem.n; ++i) {
    weights.push_back(static_cast<double>(i % 3));
    for (Index copy = 0; copy < i % 3; ++copy) {
      inputs.insert(inputs.end(), problem.inputs.begin() + i * problem.d, problem.inputs.begin() + (i + 1) * problem.d);
      labels.push_back(problem.labels[static_cast<std::size_t>(i)]);
    }
  }
  double copies_loss = 0;
  const auto copies = run(inputs, labels, {}, "dense", copies_loss);
  const auto weighted = run(problem.inputs, problem.labels, weights, "dense", loss);
  CHECK(loss == doctest::Approx(copies_loss).epsilon(1e-5));
  CHECK(same_weights(weighted, run(problem.inputs, problem.labels, weights, "margin", loss)));
  CHECK_FALSE(same_weights(weighted, plain));
  double difference = 0, change = 0;
  const auto start = problem.network(64);
  for (Index k = 0; k < 64 * problem.d; ++k) {
    difference = std::max(difference, std::abs(static_cast<double>(weighted.weights()[k] - copies.weights()[k])));
    change = std::max(change, std::abs(static_cast<double>(weighted.weights()[k] - start.weights()[k])));
  }
  CHECK(difference < 1e-3 * change);
  for (const std::vector<double>& bad : {std::vector<double>(23, 1.0), std::vector<double>(24, 0.0),
                                         std::vector<double>(24, -1.0), std::vector<double>(24, std::nan(""))})
    CHECK_THROWS_AS(run(problem.inputs, problem.labels, bad, "dense", loss), std::invalid_argument);
}
