// For each neuron a number that is at most 1 / ||w_r||_2: how far an input must move to move its product by 1.
#pragma once

#include <cmath>

#include "finding/reach.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

template <class T>
[[nodiscard]] T inverse_norm(const T* row, Index d) {
  const double norm = euclidean_norm_bound(row, d);
  const double inverse = (1 - 4 * kWiden) / norm;
  const double largest = static_cast<double>(std::numeric_limits<T>::max());
  return inverse < largest ? round_down<T>(inverse) : std::numeric_limits<T>::max();
}

template <class T>
[[nodiscard]] AlignedVector<T> inverse_norms(const TwoLayerNetwork<T>& network, int threads) {
  AlignedVector<T> inverse(static_cast<std::size_t>(network.width()));
  const Index d = network.dimension();
  parallel_for(network.width(), threads, 256, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r)
      inverse[static_cast<std::size_t>(r)] = inverse_norm(network.weights() + r * d, d);
  });
  return inverse;
}

}  // namespace sublinear
