// A network seen from near one input: only the neurons that can fire there, and of those only the ones whose state may
// have changed since the last look.
#pragma once

#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "training/activation/list_activation.hpp"
#include "training/network_values.hpp"
#include "training/row_facts.hpp"

namespace sublinear {

// How an input is visited.
template <class T>
struct Visit {
  // The neurons that can fire (ascending, distinct), with products cached in earlier visits of the same input or
  // without.
  CandidateView<T> candidates = {};
  // Sums outputs from a linear form (see `LocalNetwork::values`). Changes the bits of results.
  bool linear = false;
  // About how far, in l2, the visit goes from its first point. Changes speed only.
  double reach = 0;
};

// The network restricted to a list of candidate neurons. At every point at which no other neuron fires it gives the
// bits of the whole network. Scratch space of one thread; `attach` again for the next input.
// Which of them fire is ListActivation's; f, its loss and gradients are NetworkValues'.
template <class T>
class LocalNetwork {
 public:
  // Looks at `network`, of whose rows `facts` are known. All that is passed must outlive the use.
  void attach(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Visit<T>& visit);
  // Temporaries would be gone before the first question.
  void attach(const TwoLayerNetwork<T>&& network, const RowFacts<T>& facts, const Visit<T>& visit) = delete;
  void attach(const TwoLayerNetwork<T>& network, const RowFacts<T>&& facts, const Visit<T>& visit) = delete;
  void attach(const TwoLayerNetwork<T>&& network, const RowFacts<T>&& facts, const Visit<T>& visit) = delete;

  // Components of an input. Needs `attach`, as everything below.
  [[nodiscard]] Index dimension() const noexcept { return network_->dimension(); }
  // How many values f has.
  [[nodiscard]] Index outputs() const noexcept { return network_->outputs(); }

  // Goes to x: decides by the canonical test which neurons fire there. Costs nothing at the point it is at already.
  // With cached products, the first point must be the same at every visit, bit for bit.
  void evaluate(const T* x);
  // Neurons that fire where it is, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired() & { return activation_.fired(); }
  // f where it is; `outputs()` values. Summed over the fired neurons in ascending order; or, in a linear visit, output
  // k is scale * (<A_k, x> + B_k) with A_k = sum a_rk w_r and B_k = sum a_rk (bias_r - threshold), summed over the
  // neurons that fire at the first point and then following those that change sides, ascending within a move.
  [[nodiscard]] const std::vector<T>& values() &;

  // The loss where it is, of `values()`, in double; fills `output_gradient()`.
  double loss(const Loss& loss, double label);
  // d loss / d f, from the last `loss` or `input_gradient`.
  [[nodiscard]] const std::vector<double>& output_gradient() const& noexcept { return values_.output_gradient(); }
  const std::vector<double>& output_gradient() const&& = delete;

  // Writes d loss / d x where it is, at `values()`; `dimension()` values. The threshold's own derivative is ignored,
  // as in the papers. In a linear visit a sum of the A_k, else summed afresh over the fired neurons.
  void input_gradient(const Loss& loss, double label, T* gradient);

  // Whether `values()` have the class of the label; true for losses of numbers.
  [[nodiscard]] bool correct(const Loss& loss, double label);

  // Work since the last call of this function.
  Work take_work() noexcept { return activation_.take_work(); }

 private:
  const TwoLayerNetwork<T>* network_ = nullptr;
  ListActivation<T> activation_;
  NetworkValues<T> values_;
  bool valued_ = false;
  std::vector<NeuronId> changed_;
  std::vector<char> firing_;
};

}  // namespace sublinear
