// The keys of a few inputs, from which skins are chosen before anything has moved.
#pragma once

#include <algorithm>
#include <vector>

#include "finding/row_limits.hpp"
#include "finding/scan.hpp"
#include "finding/skin_model.hpp"

namespace sublinear {

inline constexpr Index kSamples = 16;  // inputs that are enough for a histogram of keys

// Adds the keys of neurons first ... first + size - 1, from their products with one input.
template <class T>
void add_keys(Index first, Index size, const T* products, const T* limits, KeyHistogram& keys) {
  for (Index i = 0; i < size; ++i)
    keys.add_key(static_cast<double>(products[i]) - static_cast<double>(limits[first + i]));
}

// The keys of kSamples inputs, evenly spread; costs a scan for each.
template <class T>
[[nodiscard]] KeyHistogram sample_keys(const Neurons<T>& neurons, Points<T> inputs, const RowLimits<T>& limits,
                                       int threads) {
  const Index samples = std::min(kSamples, inputs.count);
  std::vector<KeyHistogram> parts(static_cast<std::size_t>(samples));
  scan_neurons(
      neurons, limits.data(), samples, threads, [&](Index k) { return inputs.row(k * inputs.count / samples); },
      [](Index, const std::vector<NeuronId>&, const std::vector<T>&) {},
      [&](Index k, Index first, Index size, const T* products) {
        add_keys(first, size, products, limits.data(), parts[static_cast<std::size_t>(k)]);
      });
  KeyHistogram keys;
  for (KeyHistogram& part : parts) {
    part.add_input();
    keys += part;
  }
  return keys;
}

}  // namespace sublinear
