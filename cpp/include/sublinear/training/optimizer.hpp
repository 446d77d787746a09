/// @file
/// Optimizers: how the gradients of a step move the rows of a network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// What is to be trained.
struct OptimizerProblem {
  Index width;          ///< m
  Index dimension;      ///< d
  Index outputs;        ///< c
  bool train_biases;    ///< whether biases move too
  bool weights_inputs;  ///< whether inputs count differently
  const Loss& loss;     ///< of one input
};

/// A batch after the attack, for optimizers that ask for more than gradients.
template <class T>
struct AttackedView {
  const TwoLayerNetwork<T>& network;         ///< before the step
  Points<T> points;                          ///< the attacked inputs
  const std::vector<CandidateLists>& fired;  ///< which neurons fired on each, block by block
  bool train_biases;                         ///< whether biases move too
  int threads;                               ///< changes speed only
};

/// One neuron's part in a step.
template <class T>
struct NeuronStep {
  NeuronId neuron;    ///< its row
  const T* gradient;  ///< d numbers; zeros where no input of the batch made it fire
  T bias_gradient;    ///< of the bias; 0 likewise
  T* weights;         ///< d numbers, to be moved
  T* bias;            ///< to be moved; null where biases stay
};

/// The rows that a step is to move, for optimizers that want them all at once.
template <class T>
struct RowBatch {
  const NeuronId* rows;     ///< ascending
  Index count;              ///< of the rows
  const T* gradients;       ///< count x d
  const T* bias_gradients;  ///< count numbers; null where biases stay, as below
  const T* weights;         ///< count x d, before the step
  const T* biases;          ///< count numbers
};

/// The size of a component of a weight row and of a bias, at most.
struct Magnitudes {
  double weight = 0;  ///< of a row's component
  double bias = 0;    ///< of a bias
};

/// What a run of an optimizer remembers, by name; what another run of the same optimizer goes on from with the same
/// bits.
template <class T>
struct OptimizerState {
  std::map<std::string, std::vector<T>> values = {};        ///< such as momenta: m x d or m numbers
  std::map<std::string, std::vector<double>> numbers = {};  ///< such as the number of steps
};

/// An optimizer on its way with one network. The trainer calls, in each step and in this order: `solve`,
/// `gradient_factor`, `prepare`, `propose`, `growth`, then `moves` and `move` neuron by neuron, then `finish`. A step
/// may be given up before the first `move`; then it has not happened, and nothing that a later step or `state` shows
/// may have changed.
/// @note Thread safety: `moves` and `move` run at the same time for different neurons; nothing else does.
template <class T>
class SUBLINEAR_API OptimizerRun {
 public:
  virtual ~OptimizerRun() = default;

  /// Whether `solve` reads which neurons fired, whatever memory that takes.
  [[nodiscard]] virtual bool needs_fired() const noexcept { return false; }
  /// May replace the losses' derivatives by the outputs (batch x c) by others. Does nothing by default.
  virtual Work solve(const AttackedView<T>& batch, std::vector<double>& derivatives) {
    static_cast<void>(batch), static_cast<void>(derivatives);
    return {};
  }
  /// What gradients are multiplied by before `move` sees them: the rate, where the step is the gradient alone, else 1.
  /// It enters before any rounding to T.
  [[nodiscard]] virtual double gradient_factor(double rate) const noexcept = 0;
  /// Gets ready for a step with this rate, and takes the memory for it.
  virtual void prepare(double rate) { static_cast<void>(rate); }
  /// Whether `propose` is called. Costs the gradients twice, and memory for those of all rows that move.
  [[nodiscard]] virtual bool by_batch() const noexcept { return false; }
  /// Looks at all rows that will move, after `prepare`, to decide where `move` takes them. May throw: then the step has
  /// not happened.
  virtual void propose(const RowBatch<T>& batch) { static_cast<void>(batch); }
  /// How much the step adds at most to the sizes `before` it, with gradients of at most such sizes. Infinite: it must
  /// be refused, as a number that is remembered might overflow.
  [[nodiscard]] virtual Magnitudes growth(const Magnitudes& gradient, const Magnitudes& before) = 0;
  /// Measures what is remembered, for tighter bounds by `growth`. Does nothing by default.
  virtual void measure() {}

  /// Whether this neuron is to move although no input of the batch made it fire.
  [[nodiscard]] virtual bool moves(NeuronId neuron) const noexcept {
    static_cast<void>(neuron);
    return false;
  }
  /// Moves the neuron, and what is remembered of it.
  virtual void move(const NeuronStep<T>& step) noexcept = 0;
  /// All neurons have moved: the step is done.
  virtual void finish() noexcept {}

  /// Where it keeps an average of weights over steps: writes it, m x d and m numbers, and returns true.
  [[nodiscard]] virtual bool write_average(const TwoLayerNetwork<T>& network, T* weights, T* biases) const {
    static_cast<void>(network), static_cast<void>(weights), static_cast<void>(biases);
    return false;
  }
  /// What is remembered between steps.
  [[nodiscard]] virtual OptimizerState<T> state() const { return {}; }
  /// Goes on from there. @throws std::invalid_argument for the state of another optimizer or of a network of other
  /// sizes; nothing is changed then.
  virtual void set_state(const OptimizerState<T>& state) = 0;
};

/// How steps follow from gradients.
/// @note Thread safety: const and pure; what goes along with a network is in its runs.
template <class T>
class SUBLINEAR_API Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// The name that `make_optimizer` takes, such as "adam"; one of the application's own may have any.
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  /// To what length the gradient of all rows and trained biases is shortened where it is longer; 0 = never.
  [[nodiscard]] virtual double clip_norm() const noexcept { return 0; }
  /// @throws std::invalid_argument where it does not serve the problem.
  virtual void check(const OptimizerProblem& problem) const { static_cast<void>(problem); }
  /// A run that remembers nothing yet.
  [[nodiscard]] virtual std::unique_ptr<OptimizerRun<T>> make_run(const OptimizerProblem& problem) const = 0;
};

/// Choices of optimizers; each takes those that concern it, and refuses others that are not at their default.
struct OptimizerOptions {
  double momentum = 0.9;           ///< share of the momentum that is kept in a step, or Adam's first mean; in [0, 1)
  double second_momentum = 0.999;  ///< of Adam's mean of squares; in [0, 1)
  double epsilon = 1e-8;           ///< of Adam: added to the root of the mean of squares; at least 1e-30
  /// Of momentum and Adam: times the weights, added to the gradient; "adamw": the share of the weights times the rate
  /// that a step takes away. Negative = 0.01 for "adamw", else 0.
  double weight_decay = -1;
  /// Of momentum and Adam: a row's state advances when an input makes it fire, or after 1023 steps in which none did.
  /// What it missed it takes then, in closed form: the way that its momentum went on, decay. Adam's means do not change
  /// meanwhile, nor does its weight decay go on (as torch.optim.SparseAdam); "adamw"'s does. Else every row moves in
  /// every step while it remembers something, as in torch.optim: exact, at the price of dense steps.
  bool lazy = true;
  double damping = 1e-6;  ///< of "gauss-newton": lambda is this times the mean diagonal of J J^T; > 0
  double clip_norm = 0;   ///< see `Optimizer::clip_norm`; not of "gauss-newton"
};

/// The names `make_optimizer` knows: "gradient" w <- w - rate * gradient; "gauss-newton" (squared loss, one output)
/// w <- w - rate J^T (J J^T + lambda I)^-1 (f - y), J the derivatives of the batch's outputs; "momentum", "nesterov",
/// "adam", "adamw", with the formulas of torch.optim and the written order of docs/determinism.md.
[[nodiscard]] SUBLINEAR_API const std::vector<std::string>& optimizer_names();

/// @throws std::invalid_argument for an unknown name, and for options out of range or of another optimizer.
template <class T>
[[nodiscard]] SUBLINEAR_API std::shared_ptr<const Optimizer<T>> make_optimizer(const std::string& name,
                                                                               const OptimizerOptions& options = {});

/// The same optimizer, with an average of the weights after each step (and of trained biases) beside it: v <- average v
/// + (1 - average) w, from the weights after the first step on; for 1 the mean over all steps. A row that stays where
/// it is adds in closed form when it moves next, so that averages cost as many rows as steps move. Training itself is
/// as it was. @throws std::invalid_argument for an average that is not in (0, 1].
template <class T>
[[nodiscard]] SUBLINEAR_API std::shared_ptr<const Optimizer<T>> make_averaged(std::shared_ptr<const Optimizer<T>> inner,
                                                                              double average);

}  // namespace sublinear
