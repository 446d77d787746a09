// The network near one input as a linear form: f_k(x) = scale * (<A_k, x> + B_k), with A_k = sum a_rk w_r and
// B_k = sum a_rk (bias_r - threshold) over the neurons that fire.
#pragma once

#include <vector>

#include "sublinear/training/network.hpp"

namespace sublinear {

// Whether an attack that asks for so many gradients a run costs less through the form than through sums that are made
// afresh at each point; this decides bits (docs/determinism.md). In units of adding a row once for each neuron that
// fires: fresh sums read the rows twice a gradient; the form is summed once, three a group of outputs that share their
// signs, and follows those that change sides in a step with all outputs, a twentieth of the neurons that fire (MNIST,
// l2, width 4096, ten outputs, with AVX-512 and 1 to 10 steps: level at 4 steps. In linf more change sides there, and
// fresh sums take an eighth less time at 10 steps; in small balls hardly any do).
[[nodiscard]] inline bool linear_form_is_cheaper(Index outputs, int gradients) {
  constexpr Index kOutputsOfGroup = 5;
  const Index groups = (outputs + kOutputsOfGroup - 1) / kOutputsOfGroup;
  const double sums = outputs == 1 ? 1 : 3 * static_cast<double>(groups);
  return sums + 0.05 * static_cast<double>(outputs) * gradients <= 2.0 * gradients;
}

// Sums in the order that docs/determinism.md writes down. Scratch space of one thread.
template <class T>
class LinearForm {
 public:
  // Of this network from now on, and not summed yet.
  void attach(const TwoLayerNetwork<T>& network);

  [[nodiscard]] bool summed() const noexcept { return summed_; }
  // Sums A and B afresh over these neurons, ascending.
  void sum(const NeuronId* fired, Index count);
  // Adds neuron ids[k], ascending, where firing[k], and takes it away otherwise.
  void follow(const NeuronId* ids, const char* firing, Index count);

  // <A_k, x> + B_k for each output k.
  void values(const T* x, T* out) const;
  // sum_k coefficients[k] A_k, ascending.
  void combine(const T* coefficients, T* out) const;

 private:
  void add(const NeuronId* ids, const char* firing, Index count);
  void add_offset(NeuronId r, T sign);
  void sum_by_signs(const NeuronId* fired, Index count, Index together);
  void combine_signs(Index first, Index size, const T* sums);

  const TwoLayerNetwork<T>* network_ = nullptr;
  bool summed_ = false;
  AlignedVector<T> form_;  // A
  std::vector<T> offset_;  // B
  std::vector<T> coefficients_;
  // Of a sum by signs: the sums of all patterns, and which of them each row goes onto.
  AlignedVector<T> pattern_sums_;
  std::vector<std::int32_t> patterns_;
  std::vector<NeuronId> output_ids_;
};

}  // namespace sublinear
