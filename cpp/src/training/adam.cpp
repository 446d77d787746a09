// Adam (Kingma, Ba) and AdamW (Loshchilov, Hutter), as torch.optim has them; lazily as its SparseAdam.
#include <limits>

#include "finding/reach.hpp"
#include "training/optimizers.hpp"
#include "training/row_ages.hpp"

namespace sublinear {
namespace {

struct AdamChoices {
  double first, second, epsilon, weight_decay, clip_norm;
  bool decoupled, lazy;

  // Whether a row is to shrink in steps in which no input makes it fire.
  [[nodiscard]] bool shrinks() const noexcept { return weight_decay > 0 && (decoupled || !lazy); }
};

template <class T>
class AdamRun final : public OptimizerRun<T> {
 public:
  AdamRun(const OptimizerProblem& problem, const AdamChoices& choices)
      : dimension_(problem.dimension), choices_(choices), ages_(problem.width, choices.lazy, choices.shrinks()) {
    const auto rows = static_cast<std::size_t>(problem.width * problem.dimension);
    const auto biases = static_cast<std::size_t>(problem.train_biases ? problem.width : 0);
    first_.resize(rows), second_.resize(rows), bias_first_.resize(biases), bias_second_.resize(biases);
  }

  [[nodiscard]] double gradient_factor(double) const noexcept override { return 1; }

  void prepare(double rate) override {
    const double decay = choices_.decoupled ? choices_.weight_decay : 0;
    ages_.prepare(rate, [decay](double before) { return FreeSteps{1 - before * decay, 0, 0, 1}; });
    const double first_power = first_power_ * choices_.first, second_power = second_power_ * choices_.second;
    rate_ = rate;
    scalars_.keep_first = static_cast<T>(choices_.first), scalars_.take_first = static_cast<T>(1 - choices_.first);
    scalars_.keep_second = static_cast<T>(choices_.second), scalars_.take_second = static_cast<T>(1 - choices_.second);
    scalars_.step = static_cast<T>(rate / (1 - first_power));
    scalars_.unbias = static_cast<T>(1 / std::sqrt(1 - second_power));
    scalars_.epsilon = static_cast<T>(choices_.epsilon);
    scalars_.pull = static_cast<T>(choices_.decoupled ? 0 : choices_.weight_decay);
    scalars_.shrink = static_cast<T>(1 - rate * decay);
  }

  [[nodiscard]] Magnitudes growth(const Magnitudes& gradient, const Magnitudes& before) override {
    return {grow(gradient.weight, before.weight, largest_.weight, next_.weight),
            grow(gradient.bias, before.bias, largest_.bias, next_.bias)};
  }

  [[nodiscard]] bool moves(NeuronId neuron) const noexcept override { return ages_.due(neuron); }

  void move(const NeuronStep<T>& step) noexcept override {
    const Index at = step.neuron * dimension_;
    if (const FreeSteps* const missed = ages_.missed(step.neuron)) {
      const T share = static_cast<T>(missed->ww);
      for (Index j = 0; j < dimension_; ++j) step.weights[j] *= share;
      if (step.bias != nullptr) *step.bias *= share;
    }
    descend(step.gradient, step.weights, first_.data() + at, second_.data() + at, dimension_);
    if (step.bias != nullptr)
      descend(&step.bias_gradient, step.bias, bias_first_.data() + step.neuron, bias_second_.data() + step.neuron, 1);
    ages_.touch(step.neuron, !choices_.lazy || choices_.shrinks());
  }

  void finish() noexcept override {
    ages_.finish();
    largest_ = next_;
    first_power_ *= choices_.first, second_power_ *= choices_.second;
  }

  [[nodiscard]] OptimizerState<T> state() const override {
    OptimizerState<T> state;
    state.values["first"].assign(first_.begin(), first_.end());
    state.values["second"].assign(second_.begin(), second_.end());
    state.values["bias_first"].assign(bias_first_.begin(), bias_first_.end());
    state.values["bias_second"].assign(bias_second_.begin(), bias_second_.end());
    ages_.save(state.numbers);
    return state;
  }

  void set_state(const OptimizerState<T>& state) override {
    const auto& first = array_of(state, "first", first_.size());
    const auto& second = array_of(state, "second", second_.size());
    const auto& bias_first = array_of(state, "bias_first", bias_first_.size());
    const auto& bias_second = array_of(state, "bias_second", bias_second_.size());
    for (const auto* each : {&second, &bias_second})
      require(std::all_of(each->begin(), each->end(), [](T v) { return v >= 0; }),
              "the optimizer's state has means of squares below 0; give one that was returned");
    ages_.load(state.numbers);
    std::copy(first.begin(), first.end(), first_.begin());
    std::copy(second.begin(), second.end(), second_.begin());
    std::copy(bias_first.begin(), bias_first.end(), bias_first_.begin());
    std::copy(bias_second.begin(), bias_second.end(), bias_second_.begin());
    first_power_ = second_power_ = 1;
    for (std::int64_t s = 0; s < ages_.steps() && (first_power_ > 0 || second_power_ > 0); ++s)
      first_power_ *= choices_.first, second_power_ *= choices_.second;
    measure();
  }

  // A mean of gradients after t steps is at most 1 - first^t of the largest.
  void measure() override {
    const double share = ages_.steps() == 0 ? 1 : 1 - first_power_;
    const auto largest = [share](const AlignedVector<T>& values) {
      return norm_bound(values.data(), static_cast<Index>(values.size()), Norm::infinity) / share * 1.01;
    };
    largest_ = {largest(first_), largest(bias_first_)};
  }

 private:
  // How much a weight of at most `size` grows; `next` bounds all gradients so far, and with them both means.
  [[nodiscard]] double grow(double gradient, double size, double largest, double& next) const noexcept {
    constexpr double kSlack = 1.01;  // of roundings
    const double caught_up = std::max(1.0, ages_.most().ww) * size,
                 kept = std::abs(1 - (choices_.decoupled ? rate_ * choices_.weight_decay : 0)) * caught_up;
    next = std::max(largest, kSlack * (gradient + (choices_.decoupled ? 0 : choices_.weight_decay * caught_up)));
    if (!(8 * next * next <= static_cast<double>(std::numeric_limits<T>::max())))
      return std::numeric_limits<double>::infinity();
    return kSlack * (std::max(0.0, kept - size) + rate_ * next / choices_.epsilon);
  }

  void descend(const T* gradient, T* weights, T* first, T* second, Index count) const noexcept {
    const Scalars own = scalars_;
    for (Index j = 0; j < count; ++j) {
      const T pull = gradient[j] + own.pull * weights[j];
      first[j] = own.keep_first * first[j] + own.take_first * pull;
      second[j] = own.keep_second * second[j] + own.take_second * (pull * pull);
      const T size = std::sqrt(second[j]) * own.unbias + own.epsilon;
      weights[j] = own.shrink * weights[j] - own.step * first[j] / size;
    }
  }

  // Of one step, rounded to T.
  struct Scalars {
    T keep_first, take_first, keep_second, take_second, step, unbias, epsilon, pull, shrink;
  };

  Index dimension_;
  AdamChoices choices_;
  RowAges ages_;
  AlignedVector<T> first_, second_, bias_first_, bias_second_;  // means of gradients, and of their squares
  double first_power_ = 1, second_power_ = 1;                   // of the decay of means, to the number of steps
  double rate_ = 0;
  Scalars scalars_ = {};
  Magnitudes largest_, next_;  // of gradients, before and after the step in hand
};

template <class T>
class Adam final : public Optimizer<T> {
 public:
  explicit Adam(const AdamChoices& choices) : choices_(choices) {}
  [[nodiscard]] const char* name() const noexcept override { return choices_.decoupled ? "adamw" : "adam"; }
  [[nodiscard]] double clip_norm() const noexcept override { return choices_.clip_norm; }
  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<AdamRun<T>>(problem, choices_);
  }

 private:
  AdamChoices choices_;
};

template <class T>
std::shared_ptr<const Optimizer<T>> make(const OptimizerOptions& options, bool decoupled) {
  const double decay = options.weight_decay < 0 ? (decoupled ? 0.01 : 0) : options.weight_decay;
  return std::make_shared<Adam<T>>(AdamChoices{options.momentum, options.second_momentum, options.epsilon, decay,
                                               options.clip_norm, decoupled, options.lazy});
}

}  // namespace

template <class T>
std::shared_ptr<const Optimizer<T>> make_adam(const OptimizerOptions& options) {
  return make<T>(options, false);
}

template <class T>
std::shared_ptr<const Optimizer<T>> make_adamw(const OptimizerOptions& options) {
  return make<T>(options, true);
}

template std::shared_ptr<const Optimizer<float>> make_adam<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_adam<double>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<float>> make_adamw<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_adamw<double>(const OptimizerOptions&);

}  // namespace sublinear
