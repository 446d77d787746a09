#include "sublinear/training/row_facts.hpp"

#include "kernels/norm_bounds.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

template <class T>
RowFacts<T> row_facts(const TwoLayerNetwork<T>& network, int threads) {
  RowFacts<T> facts(static_cast<std::size_t>(network.width()));
  const Index d = network.dimension();
  parallel_for(network.width(), threads, 256, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r) {
      RowFact<T>& fact = facts[static_cast<std::size_t>(r)];
      fact.norm = round_up<T>(euclidean_norm_bound(network.weights() + r * d, d));
      fact.bias = network.biases()[r];
    }
  });
  return facts;
}

template <class T>
void note_move(RowFact<T>& fact, const T* row, Index d, double by) {
  fact.norm = round_up<T>(euclidean_norm_bound(row, d));
  fact.drift = round_up<T>((static_cast<double>(fact.drift) + by) * (1 + kWiden));
}

template RowFacts<float> row_facts<float>(const TwoLayerNetwork<float>&, int);
template RowFacts<double> row_facts<double>(const TwoLayerNetwork<double>&, int);
template void note_move<float>(RowFact<float>&, const float*, Index, double);
template void note_move<double>(RowFact<double>&, const double*, Index, double);

}  // namespace sublinear
