/// @file
/// Norms, drifts and 8-bit copies of all weight rows, kept up to date by whoever moves them.
#pragma once

#include <cstdint>

#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// What attacks and finders know of a network's rows without reading them. Memory: 4 numbers and about `dimension`
/// bytes per neuron; three times the bytes with strips.
///
/// @note Thread safety: functions of different neurons may run at the same time.
template <class T>
class RowFacts {
 public:
  /// Of no network: a view of it knows nothing.
  RowFacts() = default;
  /// The facts of a network that has not moved yet. Cost: two passes over the weights. @param threads changes speed
  /// only; 0 = `resolve_threads(0)`.
  RowFacts(const TwoLayerNetwork<T>& network, int threads);

  /// Notes that row r, with the values `row` now, has just moved by at most `by`. Cost: three passes over the row.
  void note_move(NeuronId r, const T* row, double by);
  /// Notes that neuron r has another bias.
  void note_bias(NeuronId r, T bias) { facts_[static_cast<std::size_t>(r)].bias = bias; }

  /// Keeps the copies in strips too, from now on: what a group of inputs is multiplied with at once. Does nothing where
  /// they are kept already. `weights` are the rows as they are now. Cost: a pass over them. @param threads changes
  /// speed only; 0 = all processors.
  void keep_strips(const T* weights, int threads);

  /// All facts, where they lie; holds until this object is assigned to or destroyed.
  [[nodiscard]] KnownRows<T> view() const& noexcept {
    if (strips_.empty()) return {facts_.data(), quantized_.data(), stride_};
    return {facts_.data(),       quantized_.data(), stride_,          strips_.data(),
            fine_strips_.data(), sums_.data(),      fine_sums_.data()};
  }
  KnownRows<T> view() const&& = delete;  // a temporary's facts are gone at the end of the line

 private:
  void measure(NeuronId r, const T* row);
  void write_strips(NeuronId r, const T* row) noexcept;

  AlignedVector<RowFact<T>> facts_;
  AlignedVector<std::int8_t> quantized_, strips_, fine_strips_;
  AlignedVector<std::int32_t> sums_, fine_sums_;
  Index dimension_ = 0, stride_ = 0;
};

}  // namespace sublinear
