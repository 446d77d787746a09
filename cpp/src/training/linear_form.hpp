// The network near one input as a linear form: f_k(x) = scale * (<A_k, x> + B_k), with A_k = sum a_rk w_r and
// B_k = sum a_rk (bias_r - threshold) over the neurons that fire.
#pragma once

#include <vector>

#include "sublinear/training/network.hpp"

namespace sublinear {

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
