// Losses, attacks and optimizers that are asked for many inputs or rows at a time.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// A loss of the library, many inputs at a time. Fails from the call `fails_at` on.
class BatchLoss final : public Loss {
 public:
  explicit BatchLoss(const std::string& name, int fails_at = -1) : inner_(make_loss(name)), fails_at_(fails_at) {}
  [[nodiscard]] const char* name() const noexcept override { return "batch"; }
  [[nodiscard]] bool serves(Index outputs) const noexcept override { return inner_->serves(outputs); }
  [[nodiscard]] const char* outputs_text() const noexcept override { return inner_->outputs_text(); }
  [[nodiscard]] bool knows(double label, Index outputs) const noexcept override {
    return inner_->knows(label, outputs);
  }
  [[nodiscard]] const char* label_text() const noexcept override { return inner_->label_text(); }
  [[nodiscard]] bool classifies() const noexcept override { return inner_->classifies(); }
  [[nodiscard]] bool correct(const double* outputs, Index count, double label) const noexcept override {
    return inner_->correct(outputs, count, label);
  }
  double evaluate(const double*, Index, double, double*) const noexcept override {
    FAIL("a loss that is asked for many inputs is asked for one");
    return 0;
  }
  [[nodiscard]] bool by_batch() const noexcept override { return true; }
  void evaluate_batch(const double* outputs, Index count, Index columns, const double* labels, double* losses,
                      double* gradients) const override {
    if (calls_++ == fails_at_) throw std::runtime_error("no loss");
    largest_ = std::max(largest_, count);
    inner_->evaluate_batch(outputs, count, columns, labels, losses, gradients);
  }
  [[nodiscard]] Index largest() const { return largest_; }

 private:
  std::shared_ptr<const Loss> inner_;
  int fails_at_;
  mutable int calls_ = 0;
  mutable Index largest_ = 0;
};

// One step along the signs of gradients, out of the ball where `astray`.
template <class T>
class BatchSigns final : public Attack<T> {
 public:
  explicit BatchSigns(double radius, bool astray = false) : radius_(radius), astray_(astray) {}
  [[nodiscard]] Ball ball() const noexcept override { return {radius_, Norm::infinity}; }
  [[nodiscard]] int gradients() const noexcept override { return 1; }
  [[nodiscard]] bool by_batch() const noexcept override { return true; }
  [[nodiscard]] std::unique_ptr<AttackRun<T>> make_run(Index) const override {
    throw std::logic_error("an attack of many inputs is asked for one");
  }
  [[nodiscard]] std::unique_ptr<BatchAttackRun<T>> make_batch_run(Index) const override {
    return std::make_unique<Run>(static_cast<T>(astray_ ? 2 * radius_ : radius_));
  }

 private:
  class Run final : public BatchAttackRun<T> {
   public:
    explicit Run(T step) : step_(step) {}
    bool start(int, Points<T> inputs, const double*, RandomStream* const*, T* points) override {
      std::copy_n(inputs.data, inputs.count * inputs.dimension, points);
      return true;
    }
    bool next(const BatchView<T>& here, T* points) override {
      for (Index k = 0; k < here.inputs.count * here.inputs.dimension; ++k) {
        const T sign = here.gradients[k] > 0 ? T(1) : here.gradients[k] < 0 ? T(-1) : T(0);
        const T x = here.inputs.data[k];
        points[k] = std::clamp(x + step_ * sign, x - step_, x + step_);
      }
      return false;
    }

   private:
    T step_;
  };
  double radius_;
  bool astray_;
};

template <class T>
std::shared_ptr<const Attack<T>> fast_gradient(double radius) {
  PgdOptions options;
  options.radius = options.step_size = radius;
  options.steps = 1;
  options.norm = Norm::infinity;
  return make_pgd<T>(options);
}

template <class T>
std::shared_ptr<const Attack<T>> random_ascent() {
  PgdOptions options;
  options.radius = 0.1;
  options.steps = 4;
  options.random_start = true;
  options.restarts = 3;
  return make_pgd<T>(options);
}

// Gradient descent that sees all rows of a step at once.
template <class T>
class BatchDescent final : public Optimizer<T> {
 public:
  explicit BatchDescent(bool fails = false) : fails_(fails) {}
  [[nodiscard]] const char* name() const noexcept override { return "batch"; }
  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<Run>(problem, fails_);
  }

 private:
  class Run final : public OptimizerRun<T> {
   public:
    Run(const OptimizerProblem& problem, bool fails) : d_(problem.dimension), fails_(fails) {}
    [[nodiscard]] double gradient_factor(double) const noexcept override { return 1; }
    void prepare(double rate) override { rate_ = static_cast<T>(rate); }
    [[nodiscard]] bool by_batch() const noexcept override { return true; }
    void propose(const RowBatch<T>& batch) override {
      if (fails_) throw std::runtime_error("no step");
      rows_.assign(batch.rows, batch.rows + batch.count);
      to_.clear();
      for (Index k = 0; k < batch.count * d_; ++k) to_.push_back(batch.weights[k] - rate_ * batch.gradients[k]);
    }
    [[nodiscard]] Magnitudes growth(const Magnitudes& gradient, const Magnitudes&) override {
      return {gradient.weight * static_cast<double>(rate_) * 1.01, 0};
    }
    void move(const NeuronStep<T>& step) noexcept override {
      const auto place = std::lower_bound(rows_.begin(), rows_.end(), step.neuron) - rows_.begin();
      std::copy_n(to_.data() + place * d_, d_, step.weights);
    }
    void set_state(const OptimizerState<T>&) override {}

   private:
    Index d_;
    bool fails_;
    T rate_ = 0;
    std::vector<NeuronId> rows_;
    std::vector<T> to_;
  };
  bool fails_;
};

template <class T>
TwoLayerNetwork<T> train(const Problem<T>& problem, TrainerOptions<T> options, int steps = 5) {
  TwoLayerNetwork<T> network = problem.network(150);
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), std::move(options));
  for (int step = 0; step < steps; ++step) static_cast<void>(trainer.step(0.7));
  return network;
}

template <class T>
TrainerOptions<T> options_for(const std::string& strategy, std::shared_ptr<const Loss> loss,
                              std::shared_ptr<const Attack<T>> attack, int threads = 3) {
  TrainerOptions<T> options;
  options.strategy = strategy;
  options.loss = std::move(loss);
  options.attack = std::move(attack);
  options.batch_size = 150;  // more than are asked for together
  options.threads = threads;
  return options;
}

}  // namespace

TEST_CASE_TEMPLATE("losses and attacks of many inputs have the bits of those of single ones", T, float, double) {
  for (const char* name : {"squared", "cross-entropy"}) {
    CAPTURE(name);
    const Problem<T> problem(200, 7, name);
    const auto single = make_loss(name);
    const auto batch = std::make_shared<BatchLoss>(name);
    for (const char* strategy : {"dense", "weights", "margin"}) {
      CAPTURE(strategy);
      const auto run = [&](auto loss, auto attack, int threads) {
        return train<T>(problem, options_for<T>(strategy, loss, attack, threads));
      };
      for (const int threads : {1, 3}) {
        CHECK(same_weights(run(batch, random_ascent<T>(), threads), run(single, random_ascent<T>(), 3)));
        const auto signs = std::make_shared<BatchSigns<T>>(0.03);
        CHECK(same_weights(run(single, signs, threads), run(single, fast_gradient<T>(0.03), 3)));
        CHECK(same_weights(run(batch, signs, threads), run(single, fast_gradient<T>(0.03), 3)));
      }
    }
    CHECK(batch->largest() == 128);
  }
}

TEST_CASE_TEMPLATE("evaluation asks for many inputs, too", T, float, double) {
  const Problem<T> problem(200, 7, "cross-entropy");
  const TwoLayerNetwork<T> network = problem.network(150);
  const Index n = problem.n;
  const BatchLoss batch("cross-entropy");
  for (const char* index : {"", "ball-tree"}) {
    CAPTURE(index);
    const Predictor<T> predictor(network, index, Norm::two, 2);
    const auto judge = [&](const Loss& loss) {
      std::vector<T> ends(problem.inputs.size());
      std::vector<double> losses(static_cast<std::size_t>(n));
      const auto right = std::make_unique<bool[]>(static_cast<std::size_t>(n));
      static_cast<void>(predictor.attack(problem.points(), problem.labels.data(), *random_ascent<T>(), loss, 5, 2,
                                         ends.data(), losses.data(), right.get()));
      losses.insert(losses.end(), ends.begin(), ends.end());
      losses.insert(losses.end(), right.get(), right.get() + n);
      return losses;
    };
    CHECK(judge(batch) == judge(*make_loss("cross-entropy")));
  }
}

TEST_CASE_TEMPLATE("optimizers see all rows of a step before they move", T, float, double) {
  const Problem<T> problem(200, 7, "squared");
  TrainerOptions<T> options = options_for<T>("margin", make_loss("squared"), random_ascent<T>());
  options.optimizer = std::make_shared<BatchDescent<T>>();
  const TwoLayerNetwork<T> own = train<T>(problem, options);
  options.strategy = "dense";
  options.threads = 1;
  CHECK(same_weights(own, train<T>(problem, options)));
  options.optimizer = nullptr;
  const TwoLayerNetwork<T> plain = train<T>(problem, options);
  CHECK(largest_change(own, plain) < 1e-4);  // they round at other places
  CHECK(largest_change(own, problem.network(150)) > 1e-3);
}

TEST_CASE("what fails in a call for many leaves the network as it was") {
  const Problem<double> problem(200, 7, "squared");
  const TwoLayerNetwork<double> before = problem.network(150);
  const auto refuses = [&](TrainerOptions<double> options, const char* words) {
    TwoLayerNetwork<double> network = before.clone();
    Trainer<double> trainer(network, problem.points(), problem.labels.data(), std::move(options));
    CHECK_THROWS_WITH(static_cast<void>(trainer.step(0.7)), doctest::Contains(words));
    CHECK(same_weights(network, before));
    CHECK(trainer.steps_done() == 0);
  };
  for (const int call : {0, 1, 2})
    refuses(options_for<double>("margin", std::make_shared<BatchLoss>("squared", call), fast_gradient<double>(0.1)),
            "no loss");
  refuses(options_for<double>("margin", make_loss("squared"), std::make_shared<BatchSigns<double>>(0.1, true)),
          "out of its ball of radius 0.1");
  auto options = options_for<double>("margin", make_loss("squared"), fast_gradient<double>(0.1));
  options.optimizer = std::make_shared<BatchDescent<double>>(true);
  refuses(options, "no step");
}
