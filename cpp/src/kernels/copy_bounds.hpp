// Bounds on the pre-activations of a tile of neurons, from the exact products of their 8-bit copies with a point.
//
// A shortfall is the threshold less the pre-activation: a neuron fires where it is not above 0. The proofs are where
// the numbers come from: training/activation/group_activation.cpp.
#pragma once

#include <cstdint>

#include "quantized_rows.hpp"
#include "sublinear/kernels/types.hpp"
#include "unstable_neurons.hpp"

namespace sublinear {

// Neurons that are taken together: their copies stay in the second-level cache while many inputs pass by.
inline constexpr Index kTile = 256;

// What is known of the neurons of a tile, number by number; kTile of each.
template <class T>
struct TileFacts {
  alignas(64) T scale[kTile];                 // of the 8-bit copy
  alignas(64) T norm[kTile];                  // at least that of the row
  alignas(64) T bar[kTile];                   // threshold - bias
  alignas(64) T bias_size[kTile];             // |bias|
  alignas(64) std::int32_t sums[kTile];       // of the bytes of the copy
  alignas(64) std::int32_t fine_sums[kTile];  // and of what it leaves out
};

// What a number that is computed from a copy may err by: so much per unit of the copy's scale and of the row's norm,
// and `constant`; and `rounding` times a size that is more than any number on the way, so that it overflows first.
template <class T>
struct ErrorTerms {
  T scale, norm, constant;
  T rounding, norm_size, bias_size, constant_size;
};

// Of neuron k of the tile.
template <class T>
[[nodiscard]] T error_of(const ErrorTerms<T>& terms, const TileFacts<T>& facts, Index k) {
  const T size = facts.norm[k] * terms.norm_size + facts.bias_size[k] * terms.bias_size + terms.constant_size;
  return (facts.scale[k] * terms.scale + facts.norm[k] * terms.norm + size * terms.rounding + terms.constant) *
         kOutward<T>;
}

// The exact products of a tile's copies with a point in 7 bits, of what the copies leave out with it, and of the copies
// with what it leaves out (training/activation/pass_point.hpp); the latter two may be null. They become a number as
// copy scale * (scale * (copies - zero * sums + (fine - zero * fine_sums) / kFineSteps) + rest_scale * (rest - ...)).
template <class T>
struct TileProducts {
  const std::int32_t *copies, *fine, *rest;
  std::int32_t zero, rest_zero;
  T scale, rest_scale;
  ErrorTerms<T> error;  // of the number, and of what it is added to
};

// shortfall[r] = bar - product; margin[r] is how much further from 0 that is than it errs (not above 0, or NaN: it is
// not known on which side the neuron is).
template <class T>
void bound_at_anchor(const TileProducts<T>& products, const TileFacts<T>& facts, T* shortfall, T* margin);

// The point is an offset from the anchor, where `shortfall` is known: slope[r] is the product, here[r] = shortfall -
// slope, and margin[r] as above.
template <class T>
void bound_on_line(const TileProducts<T>& products, const TileFacts<T>& facts, const T* shortfall, T* slope, T* here,
                   T* margin);

// Further on: here[r] = shortfall - along * slope.
template <class T>
void bound_near_line(const TileFacts<T>& facts, const ErrorTerms<T>& error, T along, const T* shortfall, const T* slope,
                     T* here, T* margin);

// out[k] = the exact product of the copy of row ids[k] with `vector` (quantized_rows.hpp).
template <class T>
void copy_products_at(const std::int8_t* copies, Index stride, const NeuronId* ids, Index count,
                      const std::int16_t* vector, std::int32_t* out);

}  // namespace sublinear
