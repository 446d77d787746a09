//
// What `LocalNetwork` knows of an unstable neuron: one that may change sides within reach.
#pragma once

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Side by side, so that half a cache line holds them (float).
template <class T>
struct UnstableNeuron {
  T start = 0;      ///< pre-activation less threshold at the visit's first point, the anchor
  T error = 0;      ///< how much that may err, and the firing test
  T blur = 0;       ///< how much its 8-bit copy errs per unit of the way from the anchor
  T scale = 0;      ///< of its 8-bit copy
  T inverse = 0;    ///< at most 1 / norm of its row
  T side = 0;       ///< 1 if it fires, -1 if not
  T slope = 0;      ///< product of its 8-bit copy with the line's direction
  NeuronId id = 0;  ///< whose row it is
};

}  // namespace sublinear
