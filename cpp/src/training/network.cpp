#include "sublinear/training/network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "sublinear/kernels/require.hpp"

namespace sublinear {

template <class T>
TwoLayerNetwork<T>::TwoLayerNetwork(Points<T> weights, const T* output_weights, Index outputs, const T* biases,
                                    T threshold, T scale, Activation activation)
    : dimension_(weights.dimension), outputs_(outputs), threshold_(threshold), scale_(scale), activation_(activation) {
  require(weights.count >= 1, "weights has no rows; a network needs at least one neuron");
  require(weights.dimension >= 1, "weights has no columns; inputs need at least one dimension");
  require(outputs >= 1, "output_weights has no columns; a network needs at least one output");
  if (weights.count > std::numeric_limits<NeuronId>::max())
    throw std::length_error("weights has " + std::to_string(weights.count) +
                            " rows; a network has fewer than 2^31 neurons");
  require(std::isfinite(threshold), "threshold is not finite; give a finite number");
  require(std::isfinite(scale) && scale != 0, "scale is 0 or not finite; give a finite number other than 0");
  require_finite(weights.data, weights.count, dimension_, "weights");
  require_finite(output_weights, weights.count, outputs, "output_weights");
  if (biases != nullptr) require_finite(biases, weights.count, 1, "biases");
  const auto copy = [](const T* from, Index count) { return AlignedVector<T>(from, from + count); };
  weights_ = copy(weights.data, weights.count * dimension_);
  output_weights_ = copy(output_weights, weights.count * outputs);
  const auto same_size = [&](T a) { return std::abs(a) == std::abs(output_weights_.front()); };
  if (std::all_of(output_weights_.begin(), output_weights_.end(), same_size))
    output_size_ = std::abs(output_weights_.front());
  biases_ =
      biases != nullptr ? copy(biases, weights.count) : AlignedVector<T>(static_cast<std::size_t>(weights.count), T(0));
}

template <class T>
void TwoLayerNetwork<T>::set_metadata(std::map<std::string, std::string> metadata) {
  for (const char* name : {"format", "scalars"})
    if (metadata.count(name) != 0)
      throw std::invalid_argument(std::string("metadata has the name \"") + name +
                                  "\", which files of networks need for themselves; give another name");
  metadata_ = std::move(metadata);
}

template class TwoLayerNetwork<float>;
template class TwoLayerNetwork<double>;

}  // namespace sublinear
