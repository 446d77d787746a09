/// @file
/// Networks with a wide hidden layer of m x m weights, trained in less than m^2 operations an input.
///
/// Source: Song, Zhang and Zhang, "Training Multi-Layer Over-Parametrized Neural Network in Subquadratic Time"
/// (arXiv 2112.07628, ITCS 2024).
#pragma once

#include <cstdint>
#include <memory>

#include "sublinear/kernels/change_count.hpp"
#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/training/low_rank_layer.hpp"

namespace sublinear {

/// What the neurons of a layer pass on at some inputs: for each input the ids of those that fire, ascending, and beside
/// each id the neuron's activation.
template <class T>
struct Activations {
  IdLists<NeuronId> fired = {};  ///< one list per input
  std::vector<T> values = {};    ///< in the order of fired.ids

  /// What input i passes on, as a view that is valid while the lists are not changed.
  [[nodiscard]] SparseVector<T> vector(Index i) const& noexcept {
    return {fired.begin(i), values.data() + fired.offsets[static_cast<std::size_t>(i)], fired.length(i)};
  }
  SparseVector<T> vector(Index i) const&& = delete;
};

/// f(x) = scale * sum_r a_r act(z_r), z = W h, h_j = act_1(<w_j, x>), with shifted activations: a neuron fires where
/// its pre-activation is >= its layer's threshold, inclusive, and passes on the difference. The first layer (w) and the
/// output weights (a) stay as they are; the hidden layer W is trained (by `ThreeLayerTrainer`) and kept as a
/// `LowRankLayer`, of which an input touches only the columns of the first-layer neurons that it fires.
///
/// Calls on a network that was moved from, or whose hidden layer was moved away or replaced by one of another size,
/// throw std::logic_error.
///
/// @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API ThreeLayerNetwork {
 public:
  /// @param first_weights hidden.inputs() x dimension, row-major. @param output_weights hidden.outputs() values. Both
  /// are copied.
  /// @throws std::invalid_argument for values that are not finite, sizes that do not fit together, or a scale of 0.
  ThreeLayerNetwork(Points<T> first_weights, LowRankLayer<T> hidden, const T* output_weights, T first_threshold,
                    T hidden_threshold, T scale);

  /// Components of an input.
  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// What a pre-activation of the first layer must reach.
  [[nodiscard]] T first_threshold() const noexcept { return first_threshold_; }
  /// What a pre-activation of the hidden layer must reach.
  [[nodiscard]] T hidden_threshold() const noexcept { return hidden_threshold_; }
  /// The factor of the sum over hidden neurons; not 0.
  [[nodiscard]] T scale() const noexcept { return scale_; }
  /// hidden().inputs() x dimension(), row-major.
  [[nodiscard]] const T* first_weights() const& noexcept { return first_weights_.data(); }
  /// hidden().outputs() values.
  [[nodiscard]] const T* output_weights() const& noexcept { return output_weights_.data(); }
  /// The layer that is trained.
  [[nodiscard]] const LowRankLayer<T>& hidden() const& noexcept { return hidden_; }
  /// The same, to be changed by a training step.
  [[nodiscard]] LowRankLayer<T>& hidden() & noexcept { return hidden_; }

  /// Another number after another network has been moved or assigned to this object, or this one moved away. Changes of
  /// the hidden layer do not count.
  [[nodiscard]] std::uint64_t version() const noexcept { return changes_.value(); }

  // Views of a temporary would be of nothing at the end of the line: give the network a name.
  const T* first_weights() const&& = delete;
  const T* output_weights() const&& = delete;
  const LowRankLayer<T>& hidden() const&& = delete;

  /// h at each point, by a scan of the first layer with the canonical inner product: hidden().inputs() * dimension()
  /// multiply-adds a point.
  /// @throws std::invalid_argument for points that are not finite or of another dimension.
  LowRankWork first_activations(Points<T> points, int threads, Activations<T>& out) const;

  /// act(W h) for `count` vectors h.
  LowRankWork hidden_activations(const SparseVector<T>* vectors, Index count, int threads, Activations<T>& out) const;

  /// f where the hidden layer's activations are these: summed from +0 over the neurons that fire, ascending, then
  /// multiplied by the scale.
  [[nodiscard]] T output(const SparseVector<T>& activations) const noexcept;

  /// outputs[i] = f(points_i). @throws std::invalid_argument as `first_activations`.
  LowRankWork decision_function(Points<T> points, int threads, T* outputs) const;

  /// The neurons that fire at each point, ascending, in both layers.
  LowRankWork fired(Points<T> points, int threads, IdLists<NeuronId>& first, IdLists<NeuronId>& hidden) const;

 private:
  void require_whole() const;
  template <class Visit>
  LowRankWork visit_points(Points<T> points, int threads, Visit&& visit) const;

  Index dimension_;
  AlignedVector<T> first_weights_, output_weights_;
  LowRankLayer<T> hidden_;
  T first_threshold_, hidden_threshold_, scale_;
  ChangeCount changes_;
};

/// How to draw a three-layer network of width m: w ~ N(0, 1), W ~ N(0, 2/m), a = +-1, scale 1 / sqrt(m).
struct ThreeLayerInitialization {
  Index dimension = 0;     ///< of an input, at least 1
  Index width = 0;         ///< m, of both layers, at least 1
  std::uint64_t seed = 0;  ///< of everything that is drawn
  /// Both thresholds in standard deviations of a pre-activation at a unit input: 1 for the first layer and
  /// sqrt(2 E[act_1(g)^2]) for the hidden one, g ~ N(0, 1). Negative = sqrt(0.4 log m).
  double kappa = -1;
  /// Hidden neurons in pairs with equal weights and opposite a, so that f = 0 exactly at the start.
  bool coupled = false;
  Index rank_limit = 0;  ///< of the hidden layer; 0 = flushes come by counts
};

/// Draws a network; the bits are a function of the fields alone.
/// @throws std::invalid_argument for sizes below 1, a kappa that is not finite, or an odd width with `coupled`.
template <class T>
[[nodiscard]] SUBLINEAR_API ThreeLayerNetwork<T> random_three_layer_network(
    const ThreeLayerInitialization& initialization);

/// Choices of a training run.
struct ThreeLayerOptions {
  Index batch_size = 0;    ///< 0 = full batch, one step an epoch
  std::uint64_t seed = 0;  ///< of the order of inputs
  int threads = 0;         ///< 0 = `resolve_threads(0)`; changes speed only
};

/// What one step did.
struct ThreeLayerReport {
  double loss = 0;                ///< mean over the batch, before the step
  Index inputs = 0;               ///< size of the batch
  bool ends_epoch = false;        ///< whether every input has now been visited once more
  std::int64_t fired_first = 0;   ///< neurons of the first layer that fired, summed over the batch
  std::int64_t fired_hidden = 0;  ///< the same of the hidden layer
  Index rank = 0;                 ///< of the hidden layer, after the step
  LowRankWork work = {};          ///< of the step alone
};

/// Gradient descent on the hidden layer W for the mean of (f(x_i) - y_i)^2 / 2. The gradient at an input is a pair of
/// the rank-one form u v^T with v = h_i and u_r = (f - y) scale a_r on the hidden neurons that fire; so a step adds one
/// pair an input to the `LowRankLayer`. (The paper takes a Gauss-Newton step, other coefficients of the same pairs.)
///
/// The trained weights do not depend on the number of threads or the SIMD level; they depend, in their last bits, on
/// the hidden layer's `rank_limit`.
/// @note Thread safety: one thread at a time. Moves cheaply; of a trainer moved from only assignment and destruction
/// are left.
template <class T>
class SUBLINEAR_API ThreeLayerTrainer {
 public:
  /// Copies labels, and takes the first layer's activations at all inputs, which stay as they are: `first_work`. The
  /// network must outlive the trainer at its place.
  /// @throws std::invalid_argument for inputs or labels that do not fit, or options below 0.
  ThreeLayerTrainer(ThreeLayerNetwork<T>& network, Points<T> inputs, const double* labels, ThreeLayerOptions options);

  /// One step with this learning rate.
  /// @throws std::invalid_argument for a rate that is negative or not finite; DivergenceError, with nothing changed, if
  /// the loss is not finite or a weight could become infinite; std::logic_error if the network was moved away, or
  /// another took its place.
  ThreeLayerReport step(double learning_rate);

  /// Steps done in all, or as `set_steps_done` said.
  [[nodiscard]] std::int64_t steps_done() const noexcept { return steps_done_; }
  /// The number of inputs over the batch size, rounded up.
  [[nodiscard]] std::int64_t steps_per_epoch() const noexcept { return (count_ + batch_size_ - 1) / batch_size_; }
  /// Goes on as if so many steps had been done: with the order of inputs that comes then.
  void set_steps_done(std::int64_t steps);

  /// What the constructor's pass over the first layer cost.
  [[nodiscard]] const LowRankWork& first_work() const& noexcept { return first_work_; }
  const LowRankWork& first_work() const&& = delete;

 private:
  void choose_batch();

  ThreeLayerNetwork<T>* network_;
  std::uint64_t version_;  // of the network whose first layer `inputs_` is of
  ThreeLayerOptions options_;
  Index count_, batch_size_;
  std::vector<double> labels_;
  Activations<T> inputs_;  // of the first layer
  LowRankWork first_work_;
  std::int64_t steps_done_ = 0, order_epoch_ = -1;
  std::vector<Index> order_, batch_;
};

}  // namespace sublinear
