#include "sublinear/training/trainer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "finding/finders.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/require.hpp"
#include "training/step/batch_attack.hpp"
#include "training/step/batches.hpp"
#include "training/step/current_finder.hpp"
#include "training/step/gradient_length.hpp"
#include "training/step/output_gradients.hpp"
#include "training/step/overflow_guard.hpp"
#include "training/step/row_update.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

template <class T>
struct Trainer<T>::State {
  std::atomic<bool> busy{false};  // in the middle of a call
  TrainingTask<T> task;
  Batches batches;
  OverflowGuard<T> guard;
  BatchAttack<T> attack;
  std::unique_ptr<OptimizerRun<T>> optimizer;
  CurrentFinder<T> finder;
  std::int64_t steps_done = 0;
  // Of the current batch; kept for their memory.
  AttackedBatch<T> attacked;
  AlignedVector<T> output_gradients;

  State(TwoLayerNetwork<T>& network, Points<T> points, const double* labels, TrainerOptions<T> options)
      : task(network, points, labels, std::move(options)),
        batches(task.n, task.batch_size, task.options.seed),
        guard(task),
        attack(task),
        optimizer(task.options.optimizer->make_run(task.problem())),
        finder(task, guard) {}

  // The phases, in order. Nothing is changed before the update, which does not throw; after it the step is done.
  StepReport step(double rate) {
    require(std::isfinite(rate) && rate >= 0, "learning_rate is negative or not finite; give a finite number >= 0");
    const FloatingPointScope scope;
    finder.throw_late();
    const WatchScope told(task.options.progress);
    finder.refresh();
    const Batch batch = batches.at(steps_done);
    StepReport report;
    report.inputs = batch.size();
    report.work = attack.attack(batch, finder, optimizer->needs_fired(), attacked);
    take_losses(batch, report);
    report.work += optimizer->solve(attacked_view(), attacked.gradients);
    finder.require_unchanged();
    const Magnitudes gradient = scale_and_clip(batch, rate, report.work);
    optimizer->prepare(rate);
    RowUpdate<T> update(task, attacked, output_gradients, *optimizer);
    if (optimizer->by_batch()) update.propose();
    finder.require_unchanged();
    guard.allow(*optimizer, gradient, steps_done, rate);
    const MovedRows moved = update.apply(finder.facts());
    optimizer->finish();
    ++steps_done;
    report.work += finder.tell_moved(moved);
    report.work += update.work();
    report.work.rows_moved = static_cast<std::int64_t>(moved.rows.size());
    report.ends_epoch = steps_done % batches.per_epoch() == 0;
    return report;
  }

  [[nodiscard]] AttackedView<T> attacked_view() const {
    return {task.network,
            {attacked.points.data(), attacked.size(), task.d},
            attacked.fired.blocks(),
            task.options.train_biases,
            task.threads};
  }

  // Fills `output_gradients`; where the optimizer clips, by what is left of their length. Returns their size at most.
  Magnitudes scale_and_clip(const Batch& batch, double rate, Work& work) {
    double factor = optimizer->gradient_factor(rate);
    if (const double most = task.options.optimizer->clip_norm(); most > 0) {
      scale_gradients(task, batch, attacked, 1, output_gradients);
      const double length = gradient_length(task, attacked, output_gradients, work);
      if (length > most) factor *= most / length;
    }
    return scale_gradients(task, batch, attacked, factor, output_gradients);
  }

  // The means over the batch; throws DivergenceError where one is not finite.
  void take_losses(const Batch& batch, StepReport& report) const {
    const Index count = batch.size();
    for (Index i = 0; i < count; ++i) {
      const double weight = task.weight(batch.input(i));
      report.clean_loss += weight * attacked.clean_losses.data()[i];
      report.robust_loss += weight * attacked.robust_losses.data()[i];
    }
    report.clean_loss /= static_cast<double>(count);
    report.robust_loss /= static_cast<double>(count);
    if (!std::isfinite(report.clean_loss) || !std::isfinite(report.robust_loss))
      throw DivergenceError("the loss at step " + std::to_string(steps_done) +
                            " is not finite; the network is as it was before the step, train it with a lower "
                            "learning rate or smaller inputs");
  }
};

// Holds the trainer for one call.
template <class T>
struct Trainer<T>::Call {
  explicit Call(State& state) : state_(state) {
    if (state.busy.exchange(true, std::memory_order_acquire)) refuse();
  }
  ~Call() { state_.busy.store(false, std::memory_order_release); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  static void require_none(const State& state) {
    if (state.busy.load(std::memory_order_acquire)) refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw std::logic_error(
        "the trainer is in the middle of a call, of another thread or the one whose callback this is; call it again "
        "when that has returned");
  }

  State& state_;
};

template <class T>
Trainer<T>::Trainer(TwoLayerNetwork<T>& network, Points<T> inputs, const double* labels, TrainerOptions<T> options)
    : state_(std::make_unique<State>(network, inputs, labels, std::move(options))) {}

template <class T>
Trainer<T>::~Trainer() = default;
template <class T>
Trainer<T>::Trainer(Trainer&&) noexcept = default;
template <class T>
Trainer<T>& Trainer<T>::operator=(Trainer&&) noexcept = default;

template <class T>
typename Trainer<T>::State& Trainer<T>::state() const {
  if (state_ == nullptr) throw std::logic_error("the trainer was moved from; use the one it was moved to");
  return *state_;
}

template <class T>
StepReport Trainer<T>::step(double learning_rate) {
  State& own = state();
  const Call call(own);
  return own.step(learning_rate);
}

template <class T>
std::int64_t Trainer<T>::steps_done() const {
  return state().steps_done;
}

template <class T>
std::int64_t Trainer<T>::steps_per_epoch() const {
  return state().batches.per_epoch();
}

template <class T>
void Trainer<T>::set_steps_done(std::int64_t steps) {
  require(steps >= 0, "steps is negative; give the number of steps done before");
  State& own = state();
  const Call call(own);
  own.steps_done = steps;
  own.finder.forget_late();
}

template <class T>
OptimizerState<T> Trainer<T>::optimizer_state() const {
  State& own = state();
  const Call call(own);
  return own.optimizer->state();
}

template <class T>
void Trainer<T>::set_optimizer_state(const OptimizerState<T>& remembered) {
  State& own = state();
  const Call call(own);
  own.optimizer->set_state(remembered);
}

template <class T>
TwoLayerNetwork<T> Trainer<T>::averaged() const {
  State& own = state();
  const Call call(own);
  own.task.require_same_network();
  const FloatingPointScope scope;
  TwoLayerNetwork<T> copy = own.task.network.clone();
  std::vector<T> biases(static_cast<std::size_t>(own.task.m));
  if (!own.optimizer->write_average(own.task.network, copy.change_weights(), biases.data()))
    throw std::logic_error("the trainer keeps no average; give TrainerOptions::average, such as 0.999");
  std::copy(biases.begin(), biases.end(), copy.change_biases());
  return copy;
}

template <class T>
const NeuronFinder<T>& Trainer<T>::finder() const& {
  const State& own = state();
  Call::require_none(own);
  return own.finder.get();
}

template <class T>
Points<T> Trainer<T>::inputs() const& {
  return state().task.points();
}

template <class T>
Work Trainer<T>::candidates(const Index* inputs, Index count, CandidateLists& out) {
  const FloatingPointScope scope;
  State& own = state();
  const Call call(own);
  require_positions(inputs, count, own.task.n);
  own.finder.refresh();
  return own.finder.candidates(inputs, count, out);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace sublinear
