/// @file
/// Adversarial training with one strategy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/progress.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "sublinear/training/optimizer.hpp"

namespace sublinear {

/// Choices of a training run.
template <class T>
struct TrainerOptions {
  std::string strategy = "margin";               ///< as `make_finder` takes it; exact ones change speed only
  FinderOptions finder = {};                     ///< changes speed only, but for its `hashing`
  std::shared_ptr<const Loss> loss = {};         ///< required
  std::shared_ptr<const Attack<T>> attack = {};  ///< required; make_pgd({}) with steps 0 is no attack
  std::vector<double> input_weights = {};  ///< how much each input counts, >= 0; divided by their mean; empty = alike
  Index batch_size = 0;                    ///< 0 = full batch, one step an epoch
  std::uint64_t seed = 0;                  ///< of the order of inputs and of random starts
  std::shared_ptr<const Optimizer<T>> optimizer = {};  ///< how gradients move rows; none = make_optimizer("gradient")
  double average = 0;                                  ///< of weights over steps, see `make_averaged`; 0 = none
  bool train_biases = false;                           ///< whether the gradient step moves the biases too (Yang et al.)
  int threads = 0;                                     ///< 0 = `resolve_threads(0)`; changes speed only
  IndexFactory<T> index_factory = {};    ///< for "weights", "data", "static": an index of the application's own
  FinderFactory<T> finder_factory = {};  ///< a strategy of the application's own, instead of `strategy`
  Progress progress = {};                ///< told, as by a `ProgressScope`, of the constructor and of each step;
                                         ///< of a step also before each block of inputs, of the share attacked
};

/// What one step did.
struct StepReport {
  double clean_loss = 0;    ///< mean over the batch, before the step, at the inputs themselves
  double robust_loss = 0;   ///< mean over the batch, before the step, at the attacked inputs
  Index inputs = 0;         ///< size of the batch
  bool ends_epoch = false;  ///< whether every input has now been visited once more
  Work work = {};           ///< of the step alone
};

/// Trains a network in place: for each batch, attacks its inputs, then takes one gradient step on the weights, and on
/// the biases where `train_biases`, for the mean loss at the attacked inputs. The trained weights are the same, bit for
/// bit, for every exact strategy, thread count and SIMD level; docs/determinism.md lists the order of every reduction.
///
/// Moves cheaply; of a trainer moved from only assignment and destruction are left, its other calls throw
/// std::logic_error.
///
/// @note Thread safety: one thread at a time; the work inside is spread over `options.threads`. `step`, `candidates`,
/// `set_steps_done`, `optimizer_state`, `set_optimizer_state` and `finder` throw std::logic_error while another of them
/// runs, be it in another thread or around the callback (a progress, a loss, an attack, an index) from which they are
/// called. A callback must leave the network alone: that it changed or moved it is noticed after the block of inputs in
/// hand, by the same exception of `step` or `candidates`, and until then the weights that were there are read.
template <class T>
class SUBLINEAR_API Trainer {
 public:
  /// Copies inputs and labels and builds the strategy's structure. The network must outlive the trainer at its place.
  /// Changes made to its weights and biases by others between steps are noticed, and the structure is built again; the
  /// same if another network of its sizes is moved to its place. Once the network has been moved away or replaced by
  /// one of other sizes, calls throw std::logic_error.
  /// @throws std::invalid_argument for inputs, labels or options that do not fit the network or the loss, and for
  /// weights and inputs so large that products may overflow (so for weights that others set, too, in the next step);
  /// MemoryLimitError if the structure may not be that large.
  Trainer(TwoLayerNetwork<T>& network, Points<T> inputs, const double* labels, TrainerOptions<T> options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  Trainer(Trainer&&) noexcept;             ///< goes on where the other one was
  Trainer& operator=(Trainer&&) noexcept;  ///< the same

  /// One step with this learning rate. An epoch visits every input once, in an order that is a function of
  /// (seed, epoch); the last batch of an epoch may be smaller.
  /// @throws std::invalid_argument for a rate that is negative or not finite; DivergenceError if after the
  /// step a weight, a bias or a product with an input might be infinite, or if the loss is not finite; std::bad_alloc;
  /// what the progress throws. The network and the number of steps are then as they were, and the same step may be
  /// taken again. Only what an index of the application's own throws when neurons move leaves the step done
  /// (`steps_done()` tells). What the progress throws after the weights have moved, while the structure is told of it,
  /// is kept: the step ends as any other, and the next one begins with throwing it. A structure that was stopped is
  /// built again by the next step; an approximate one then starts anew.
  StepReport step(double learning_rate);

  /// Steps done in all, by this trainer or as `set_steps_done` said.
  [[nodiscard]] std::int64_t steps_done() const;
  /// The number of inputs over the batch size, rounded up.
  [[nodiscard]] std::int64_t steps_per_epoch() const;
  /// Continue as if `steps` steps had been done already: the order of inputs and random starts of an earlier run. What
  /// was kept to stop the next step is forgotten. What the optimizer remembers stays: see `set_optimizer_state`.
  void set_steps_done(std::int64_t steps);

  /// What the optimizer remembers between steps; empty for those that remember nothing.
  [[nodiscard]] OptimizerState<T> optimizer_state() const;
  /// Goes on from what a trainer with the same optimizer, of a network of the same sizes, remembered. With the weights
  /// and the number of steps of then, the bits are those of a run that was never interrupted.
  /// @throws std::invalid_argument for what does not fit; nothing is changed then.
  void set_optimizer_state(const OptimizerState<T>& state);

  /// A network with the average of the weights after each step: see `TrainerOptions::average`.
  /// @throws std::logic_error where none is kept.
  [[nodiscard]] TwoLayerNetwork<T> averaged() const;

  /// The strategy's structure, until the next call that is not const.
  /// @throws std::logic_error after a call that failed, until the next step has built it again.
  [[nodiscard]] const NeuronFinder<T>& finder() const&;
  const NeuronFinder<T>& finder() const&& = delete;

  /// The inputs, as they were when the trainer copied them.
  [[nodiscard]] Points<T> inputs() const&;
  Points<T> inputs() const&& = delete;

  /// What the strategy proposes now for these training inputs (distinct positions), ids ascending. Changes no result.
  /// @throws std::invalid_argument for a position that does not exist.
  Work candidates(const Index* inputs, Index count, CandidateLists& out);

 private:
  struct State;
  struct Call;  // one at a time
  [[nodiscard]] State& state() const;
  std::unique_ptr<State> state_;
};

/// A learning rate as a function of the step (0, 1, ...) and the number of steps an epoch has.
using LearningRate = std::function<double(std::int64_t step, std::int64_t steps_per_epoch)>;

/// The same rate always.
[[nodiscard]] SUBLINEAR_API LearningRate constant_rate(double rate);
/// Falls (or rises) linearly from `first` to `last` over `epochs` epochs, then stays.
[[nodiscard]] SUBLINEAR_API LearningRate linear_rate(double first, double last, std::int64_t epochs);

/// Called after every step; returning false ends `fit` early, between steps. What it throws reaches the caller of
/// `fit`; the step it was told of is done. To stop within a step, throw from `TrainerOptions::progress`.
using StepCallback = std::function<bool(const StepReport&)>;

/// Steps until `epochs` more epochs have ended. @throws std::invalid_argument for a negative number of epochs or an
/// empty rate; what `Trainer::step`, `rate` and `after_step` throw, the steps before are then done.
template <class T>
SUBLINEAR_API void fit(Trainer<T>& trainer, std::int64_t epochs, const LearningRate& rate,
                       const StepCallback& after_step = {});

}  // namespace sublinear
