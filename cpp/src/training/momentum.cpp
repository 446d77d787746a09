// Heavy-ball momentum and Nesterov's, with weight decay in the gradient, as torch.optim.SGD has them.
#include <limits>

#include "finding/reach.hpp"
#include "training/optimizers.hpp"
#include "training/row_ages.hpp"

namespace sublinear {
namespace {

struct MomentumChoices {
  double momentum, weight_decay, clip_norm;
  bool nesterov, lazy;
};

template <class T>
class MomentumRun final : public OptimizerRun<T> {
 public:
  MomentumRun(const OptimizerProblem& problem, const MomentumChoices& choices)
      : dimension_(problem.dimension),
        choices_(choices),
        momentum_(static_cast<T>(choices.momentum)),
        decay_(static_cast<T>(choices.weight_decay)),
        ages_(problem.width, choices.lazy, choices.weight_decay > 0),
        momenta_(static_cast<std::size_t>(problem.width * problem.dimension)),
        bias_momenta_(static_cast<std::size_t>(problem.train_biases ? problem.width : 0)) {}

  [[nodiscard]] double gradient_factor(double) const noexcept override { return 1; }

  void prepare(double rate) override {
    rate_ = rate;
    ages_.prepare(rate, [this](double before) { return free_step(before); });
  }

  [[nodiscard]] Magnitudes growth(const Magnitudes& gradient, const Magnitudes& before) override {
    next_ = {};
    return {grow(gradient.weight, before.weight, largest_.weight, next_.weight),
            grow(gradient.bias, before.bias, largest_.bias, next_.bias)};
  }

  void measure() override {
    largest_.weight = norm_bound(momenta_.data(), static_cast<Index>(momenta_.size()), Norm::infinity);
    largest_.bias = norm_bound(bias_momenta_.data(), static_cast<Index>(bias_momenta_.size()), Norm::infinity);
  }

  [[nodiscard]] bool moves(NeuronId neuron) const noexcept override { return ages_.due(neuron); }

  void move(const NeuronStep<T>& step) noexcept override {
    T* const momenta = momenta_.data() + step.neuron * dimension_;
    T* const bias_momentum = bias_momenta_.data() + step.neuron;
    if (const FreeSteps* const missed = ages_.missed(step.neuron)) {
      take_missed(*missed, step.weights, momenta, dimension_);
      if (step.bias != nullptr) take_missed(*missed, step.bias, bias_momentum, 1);
    }
    bool alive = descend(step.gradient, step.weights, momenta, dimension_);
    if (step.bias != nullptr) alive = descend(&step.bias_gradient, step.bias, bias_momentum, 1) || alive;
    ages_.touch(step.neuron, alive || choices_.weight_decay > 0);
  }

  void finish() noexcept override {
    ages_.finish();
    largest_ = next_;
  }

  [[nodiscard]] OptimizerState<T> state() const override {
    OptimizerState<T> state;
    state.values["momentum"].assign(momenta_.begin(), momenta_.end());
    state.values["bias_momentum"].assign(bias_momenta_.begin(), bias_momenta_.end());
    ages_.save(state.numbers);
    return state;
  }

  void set_state(const OptimizerState<T>& state) override {
    const auto& momenta = array_of(state, "momentum", momenta_.size());
    const auto& bias_momenta = array_of(state, "bias_momentum", bias_momenta_.size());
    ages_.load(state.numbers);
    std::copy(momenta.begin(), momenta.end(), momenta_.begin());
    std::copy(bias_momenta.begin(), bias_momenta.end(), bias_momenta_.begin());
    measure();
  }

 private:
  // Of a step without a gradient: b <- mu b + decay w, then w <- w - rate b, or by Nesterov w - rate (decay w + mu b).
  [[nodiscard]] FreeSteps free_step(double rate) const noexcept {
    const double mu = choices_.momentum, decay = choices_.weight_decay;
    if (choices_.nesterov) return {1 - rate * (decay + mu * decay), -rate * mu * mu, decay, mu};
    return {1 - rate * decay, -rate * mu, decay, mu};
  }

  // How much a weight of at most `size` grows; `next` is what its momentum is at most then.
  [[nodiscard]] double grow(double gradient, double size, double momentum, double& next) const noexcept {
    constexpr double kSlack = 1.01;  // of roundings
    const FreeSteps& most = ages_.most();
    const double weight = std::max(size, most.ww * size + most.wb * momentum),
                 caught_up = std::max(momentum, most.bw * size + most.bb * momentum),
                 pull = gradient + choices_.weight_decay * weight;
    const double reached = kSlack * (choices_.momentum * caught_up + pull);
    next = std::max(caught_up, reached);
    if (!(8 * next <= static_cast<double>(std::numeric_limits<T>::max())))
      return std::numeric_limits<double>::infinity();
    const double length = choices_.nesterov ? pull + choices_.momentum * reached : reached;
    return kSlack * (weight - size + rate_ * length);
  }

  // Returns whether momentum is left.
  bool descend(const T* gradient, T* weights, T* momenta, Index count) const noexcept {
    const T rate = static_cast<T>(rate_);
    bool alive = false;
    for (Index j = 0; j < count; ++j) {
      const T pull = gradient[j] + decay_ * weights[j];
      momenta[j] = momentum_ * momenta[j] + pull;
      weights[j] -= rate * (choices_.nesterov ? pull + momentum_ * momenta[j] : momenta[j]);
      alive |= momenta[j] != 0;
    }
    return alive;
  }

  Index dimension_;
  MomentumChoices choices_;
  T momentum_, decay_;
  double rate_ = 0;
  RowAges ages_;
  AlignedVector<T> momenta_, bias_momenta_;  // m x d, and m where biases are trained
  Magnitudes largest_, next_;                // of momenta, before and after the step in hand
};

template <class T>
class Momentum final : public Optimizer<T> {
 public:
  explicit Momentum(const MomentumChoices& choices) : choices_(choices) {}
  [[nodiscard]] const char* name() const noexcept override { return choices_.nesterov ? "nesterov" : "momentum"; }
  [[nodiscard]] double clip_norm() const noexcept override { return choices_.clip_norm; }
  [[nodiscard]] std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const override {
    return std::make_unique<MomentumRun<T>>(problem, choices_);
  }

 private:
  MomentumChoices choices_;
};

template <class T>
std::shared_ptr<const Optimizer<T>> make(const OptimizerOptions& options, bool nesterov) {
  const double decay = options.weight_decay < 0 ? 0 : options.weight_decay;
  return std::make_shared<Momentum<T>>(
      MomentumChoices{options.momentum, decay, options.clip_norm, nesterov, options.lazy});
}

}  // namespace

template <class T>
std::shared_ptr<const Optimizer<T>> make_momentum(const OptimizerOptions& options) {
  return make<T>(options, false);
}

template <class T>
std::shared_ptr<const Optimizer<T>> make_nesterov(const OptimizerOptions& options) {
  return make<T>(options, true);
}

template std::shared_ptr<const Optimizer<float>> make_momentum<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_momentum<double>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<float>> make_nesterov<float>(const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_nesterov<double>(const OptimizerOptions&);

}  // namespace sublinear
