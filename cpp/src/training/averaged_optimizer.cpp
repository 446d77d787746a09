// The mean of a network's weights over steps, beside whatever optimizer moves them.
#include <algorithm>
#include <cmath>
#include <utility>

#include "training/optimizers.hpp"
#include "training/row_ages.hpp"

namespace sublinear {
namespace {

// A row that stays where it is adds to its average in closed form, when it moves next or somebody asks: over k steps at
// w an exponential average v becomes w + decay^k (v - w), a plain mean over n steps v + (w - v) k / (n + k).
template <class T>
class AveragedRun final : public OptimizerRun<T> {
 public:
  AveragedRun(std::unique_ptr<OptimizerRun<T>> inner, const OptimizerProblem& problem, double average)
      : inner_(std::move(inner)),
        dimension_(problem.dimension),
        average_(average),
        averages_(static_cast<std::size_t>(problem.width * problem.dimension)),
        bias_averages_(static_cast<std::size_t>(problem.train_biases ? problem.width : 0)),
        counted_(static_cast<std::size_t>(problem.width)) {}

  [[nodiscard]] bool needs_fired() const noexcept override { return inner_->needs_fired(); }
  Work solve(const AttackedView<T>& batch, std::vector<double>& derivatives) override {
    return inner_->solve(batch, derivatives);
  }
  [[nodiscard]] double gradient_factor(double rate) const noexcept override { return inner_->gradient_factor(rate); }
  void prepare(double rate) override { inner_->prepare(rate); }
  [[nodiscard]] bool by_batch() const noexcept override { return inner_->by_batch(); }
  void propose(const RowBatch<T>& batch) override { inner_->propose(batch); }
  [[nodiscard]] Magnitudes growth(const Magnitudes& gradient, const Magnitudes& before) override {
    return inner_->growth(gradient, before);
  }
  void measure() override { inner_->measure(); }
  [[nodiscard]] bool moves(NeuronId neuron) const noexcept override { return inner_->moves(neuron); }

  void move(const NeuronStep<T>& step) noexcept override {
    add(step, steps_);
    inner_->move(step);
    add(step, steps_ + 1);
  }
  void finish() noexcept override {
    inner_->finish();
    ++steps_;
  }

  [[nodiscard]] bool write_average(const TwoLayerNetwork<T>& network, T* weights, T* biases) const override {
    const Index m = network.width(), d = dimension_;
    for (Index r = 0; r < m; ++r) {
      const double kept = share_kept(counted_.data()[r], steps_);
      std::copy_n(averages_.data() + r * d, d, weights + r * d);
      mix(kept, network.weights() + r * d, weights + r * d, d);
      if (bias_averages_.empty()) {
        biases[r] = network.biases()[r];
      } else {
        biases[r] = bias_averages_.data()[r];
        mix(kept, network.biases() + r, biases + r, 1);
      }
    }
    return true;
  }

  [[nodiscard]] OptimizerState<T> state() const override {
    OptimizerState<T> state = inner_->state();
    state.values["average"].assign(averages_.begin(), averages_.end());
    state.values["bias_average"].assign(bias_averages_.begin(), bias_averages_.end());
    state.numbers["averaged_steps"] = {static_cast<double>(steps_)};
    state.numbers["averaged_until"].assign(counted_.begin(), counted_.end());
    return state;
  }

  void set_state(const OptimizerState<T>& state) override {
    const auto& averages = array_of(state, "average", averages_.size());
    const auto& bias_averages = array_of(state, "bias_average", bias_averages_.size());
    const auto steps = state.numbers.find("averaged_steps"), until = state.numbers.find("averaged_until");
    const auto whole = [](double v) { return v >= 0 && v < 0x1p53 && v == std::floor(v); };
    bool fits = steps != state.numbers.end() && until != state.numbers.end() && steps->second.size() == 1 &&
                whole(steps->second[0]) && until->second.size() == counted_.size();
    for (std::size_t r = 0; fits && r < counted_.size(); ++r)
      fits = whole(until->second[r]) && until->second[r] <= steps->second[0];
    require(fits, "the state has no averages of such a network; give one that a trainer with averages returned");
    OptimizerState<T> rest = state;
    for (const char* name : {"average", "bias_average"}) rest.values.erase(name);
    for (const char* name : {"averaged_steps", "averaged_until"}) rest.numbers.erase(name);
    inner_->set_state(rest);
    std::copy(averages.begin(), averages.end(), averages_.begin());
    std::copy(bias_averages.begin(), bias_averages.end(), bias_averages_.begin());
    steps_ = static_cast<std::int64_t>(steps->second[0]);
    for (std::size_t r = 0; r < counted_.size(); ++r) counted_[r] = static_cast<std::int64_t>(until->second[r]);
  }

 private:
  // What share of an average over `counted` steps is left after `steps`.
  [[nodiscard]] double share_kept(std::int64_t counted, std::int64_t steps) const noexcept {
    if (counted == 0) return 0;
    if (average_ < 1) return power(average_, steps - counted);
    return static_cast<double>(counted) / static_cast<double>(steps);
  }

  // By squares: std::pow has other bits elsewhere.
  [[nodiscard]] static double power(double base, std::int64_t exponent) noexcept {
    double result = 1;
    for (; exponent > 0; exponent /= 2, base *= base)
      if (exponent % 2 == 1) result *= base;
    return result;
  }

  static void mix(double kept, const T* now, T* average, Index count) noexcept {
    for (Index j = 0; j < count; ++j) {
      const auto w = static_cast<double>(now[j]);
      average[j] = static_cast<T>(w + kept * (static_cast<double>(average[j]) - w));
    }
  }

  // The row has been where it is up to so many steps.
  void add(const NeuronStep<T>& step, std::int64_t steps) noexcept {
    std::int64_t& counted = counted_.data()[step.neuron];
    if (steps == counted) return;
    const double kept = share_kept(counted, steps);
    mix(kept, step.weights, averages_.data() + step.neuron * dimension_, dimension_);
    if (step.bias != nullptr) mix(kept, step.bias, bias_averages_.data() + step.neuron, 1);
    counted = steps;
  }

  std::unique_ptr<OptimizerRun<T>> inner_;
  Index dimension_;
  double average_;
  std::int64_t steps_ = 0;
  AlignedVector<T> averages_, bias_averages_;  // m x d, and m where biases are trained
  std::vector<std::int64_t> counted_;          // how many steps the row's average is over
};

template <class T>
class AveragedOptimizer final : public Optimizer<T> {
 public:
  AveragedOptimizer(std::shared_ptr<const Optimizer<T>> inner, double average)
      : inner_(std::move(inner)), average_(average) {}
  [[nodiscard]] const char* name() const noexcept override { return inner_->name(); }
  [[nodiscard]] double clip_norm() const noexcept override { return inner_->clip_norm(); }
  void check(const OptimizerProblem& problem) const override { inner_->check(problem); }
  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<AveragedRun<T>>(inner_->make_run(problem), problem, average_);
  }

 private:
  std::shared_ptr<const Optimizer<T>> inner_;
  double average_;
};

}  // namespace

template <class T>
std::shared_ptr<const Optimizer<T>> make_averaged(std::shared_ptr<const Optimizer<T>> inner, double average) {
  require(average > 0 && average <= 1,
          "average is not in (0, 1]; give the share of the average that is kept in a step, such as 0.999, 1 for the "
          "mean over all steps, or 0 for no average");
  return std::make_shared<AveragedOptimizer<T>>(std::move(inner), average);
}

template std::shared_ptr<const Optimizer<float>> make_averaged<float>(std::shared_ptr<const Optimizer<float>>, double);
template std::shared_ptr<const Optimizer<double>> make_averaged<double>(std::shared_ptr<const Optimizer<double>>,
                                                                        double);

}  // namespace sublinear
