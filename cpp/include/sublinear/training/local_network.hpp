/// @file
/// A network seen from near one input: only the neurons that can fire there, and of those only the ones whose state may
/// have changed since the last look.
#pragma once

#include <vector>

#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// The network restricted to a list of candidate neurons. At every point at which no other neuron fires it gives the
/// bits of the whole network. Scratch space of one thread; `attach` again for the next input.
///
/// Going from point to point it asks a neuron again only when the path since its last answer is long enough to have
/// carried it across the threshold (the drift argument with the input moving instead of the weights), so that the steps
/// of an attack cost in proportion to the neurons near their threshold.
template <class T>
class LocalNetwork {
 public:
  /// Looks at `network` through the `count` candidates (ascending, distinct). `inverse_norms[r]` is at most
  /// 1 / ||w_r||_2 (row_norms.hpp). All three must outlive the use.
  void attach(const TwoLayerNetwork<T>& network, const T* inverse_norms, const NeuronId* candidates, Index count);

  [[nodiscard]] Index dimension() const noexcept { return network_->dimension(); }
  [[nodiscard]] Index outputs() const noexcept { return network_->outputs(); }

  /// Goes to x: decides by the canonical test which neurons fire there. Costs nothing at the point it is at already.
  void evaluate(const T* x);
  /// Neurons that fire where it is, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired();
  /// f where it is, summed over the fired neurons in ascending order; `outputs()` values.
  [[nodiscard]] const std::vector<T>& values();

  /// The loss where it is, of `values()`, in double; fills `output_gradient()`.
  double loss(const Loss& loss, double label);
  /// d loss / d f, from the last `loss` or `input_gradient`.
  [[nodiscard]] const std::vector<double>& output_gradient() const noexcept { return output_gradient_; }

  /// Writes d loss / d x where it is; `dimension()` values. The threshold's own derivative is ignored, as in the
  /// papers.
  ///
  /// With one output, f near here is the linear form scale * (<A, x> + B) with A and B summed over the fired neurons; A
  /// and B are summed at the first call after `attach` and then follow the neurons that change sides, ascending within
  /// a move, and the loss is taken at that form. With several outputs the gradient is summed afresh from `values()`.
  void input_gradient(const Loss& loss, double label, T* gradient);

  /// Work since the last call of this function.
  Work take_work() noexcept;

 private:
  struct Answer;  // what a product says of a neuron
  class Judge;    // makes answers at one point
  void ask_all(const Judge& judge);
  void ask(Index count, const Judge& judge);
  void follow_linear_form();

  const TwoLayerNetwork<T>* network_ = nullptr;
  const NeuronId* candidates_ = nullptr;
  Index count_ = 0;

  // Per candidate, by position in the list: the last product, the path length up to which its answer holds, 0 if it
  // fires and 1 if it rests, and what does not change.
  AlignedVector<T> products_, due_, rests_, biases_, inverses_;
  std::vector<NeuronId> asked_, asked_ids_, flipped_;
  AlignedVector<T> asked_products_;

  AlignedVector<T> at_;  // the point
  double path_ = 0;      // length of the way here, rounded outward
  bool started_ = false, listed_ = false, valued_ = false, products_here_ = false, linear_ = false;

  std::vector<NeuronId> fired_, fired_positions_, change_ids_;
  std::vector<T> coefficients_, values_, scaled_gradient_;
  AlignedVector<T> slope_, change_;  // A, and what a move adds to it
  T offset_ = 0;                     // B
  std::vector<double> exact_values_, output_gradient_;
  Work work_;
};

}  // namespace sublinear
