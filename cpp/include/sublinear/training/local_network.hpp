/// @file
/// A network restricted to the neurons that can fire near one input, gathered into one block of memory.
#pragma once

#include <vector>

#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// The network seen through a list of candidate neurons. At every point at which no other neuron fires it gives the
/// bits of the whole network. Scratch space of one thread; `gather` again for the next input.
template <class T>
class LocalNetwork {
 public:
  /// Copies the rows of the `count` candidates (ascending, distinct) together. `network` must outlive the use.
  void gather(const TwoLayerNetwork<T>& network, const NeuronId* candidates, Index count);

  [[nodiscard]] Index dimension() const noexcept { return network_->dimension(); }
  [[nodiscard]] Index outputs() const noexcept { return network_->outputs(); }

  /// Evaluates at x: which neurons fire (canonical test), and the outputs. Costs nothing where it was evaluated last.
  void evaluate(const T* x);
  /// Neurons that fired at the last `evaluate`, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired() const noexcept { return fired_; }
  /// f at the last `evaluate`; `outputs()` values.
  [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }

  /// The loss at the last `evaluate`, in double; fills `output_gradient()`.
  double loss(const Loss& loss, double label);
  /// d loss / d f, from the last `loss`.
  [[nodiscard]] const std::vector<double>& output_gradient() const noexcept { return output_gradient_; }
  /// Writes d loss / d x from the last `evaluate` and `loss`; `dimension()` values. The threshold's own derivative is
  /// ignored, as in the papers.
  void input_gradient(T* gradient);

  /// Work since the last call of this function.
  Work take_work() noexcept;

 private:
  const TwoLayerNetwork<T>* network_ = nullptr;
  Index count_ = 0;
  AlignedVector<T> rows_, biases_, output_weights_, products_, evaluated_at_;
  bool evaluated_ = false;
  std::vector<NeuronId> candidates_, fired_, positions_;
  std::vector<T> activations_, values_, coefficients_, scaled_gradient_;
  std::vector<double> exact_values_, output_gradient_;
  Work work_;
};

}  // namespace sublinear
