/// @file
/// What the finding floor sees of a network, and the balls it answers for.
#pragma once

#include <cstddef>
#include <string>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// A read-only view of a layer of neurons: neuron r fires at x iff fl(inner_product(w_r, x) + bias_r) >= threshold
/// (inclusive). The memory belongs to the network, which moves rows and tells the finder.
template <class T>
struct Neurons {
  const T* weights = nullptr;  ///< count x dimension, row-major
  const T* biases = nullptr;   ///< count
  Index count = 0;             ///< how many neurons
  Index dimension = 0;         ///< of an input, and of a weight row
  T threshold = 0;             ///< the same for all neurons

  /// The weights of neuron r: `dimension` values.
  [[nodiscard]] const T* row(NeuronId r) const noexcept { return weights + static_cast<Index>(r) * dimension; }
};

/// The norm that measures how far an attack may move an input.
enum class Norm { two, infinity };

/// All points within `radius` of a centre in `norm`; radius 0 is the centre alone.
struct Ball {
  double radius = 0;      ///< at least 0
  Norm norm = Norm::two;  ///< in which the radius is measured
};

/// How far a weight row moved, at most: every field is rounded outward.
struct Displacement {
  double euclidean = 0;  ///< ||w_new - w_old||_2
  double dual = 0;       ///< the same in the dual of the ball's norm (l2 for two, l1 for infinity)
  double bias = 0;       ///< |bias_new - bias_old|
};

}  // namespace sublinear
