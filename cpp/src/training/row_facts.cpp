#include "sublinear/training/row_facts.hpp"

#include <algorithm>
#include <limits>

#include "kernels/norm_bounds.hpp"
#include "kernels/quantized_rows.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

template <class T>
RowFacts<T>::RowFacts(const TwoLayerNetwork<T>& network, int threads)
    : facts_(static_cast<std::size_t>(network.width())),
      quantized_(static_cast<std::size_t>(network.width() * quantized_stride(network.dimension()))),
      dimension_(network.dimension()),
      stride_(quantized_stride(network.dimension())) {
  parallel_for(network.width(), resolve_threads(threads), 256, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r) {
      measure(static_cast<NeuronId>(r), network.weights() + r * dimension_);
      facts_[static_cast<std::size_t>(r)].bias = network.biases()[r];
    }
  });
}

template <class T>
void RowFacts<T>::measure(NeuronId r, const T* row) {
  RowFact<T>& fact = facts_[static_cast<std::size_t>(r)];
  // Not subnormal, so that its inverse is finite.
  fact.norm = std::max(round_up<T>(euclidean_norm_bound(row, dimension_)), std::numeric_limits<T>::min());
  fact.scale = quantize_row(row, dimension_, quantized_.data() + static_cast<Index>(r) * stride_);
}

template <class T>
void RowFacts<T>::note_move(NeuronId r, const T* row, double by) {
  measure(r, row);
  RowFact<T>& fact = facts_[static_cast<std::size_t>(r)];
  fact.drift = round_up<T>((static_cast<double>(fact.drift) + by) * (1 + kWiden));
}

template class RowFacts<float>;
template class RowFacts<double>;

}  // namespace sublinear
