// Bounds on many pre-activations near a remembered point, so that rows need not be read again.
//
// A pre-activation less its threshold was `start` at a point, the anchor; how well that is known says `error`. Every
// unit of the way from there costs a bound on the row's norm, or `blur` where the row's 8-bit copy is asked. The proofs
// are where the numbers come from: training/local_network.cpp.
#pragma once

#include "sublinear/kernels/cached_product.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/kernels/types.hpp"
#include "unstable_neuron.hpp"

namespace sublinear {

// Factors on sums of a few terms rounded in T; they cover 16 roundings.
template <class T>
inline constexpr T kOutward = T(1) + (sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48));
template <class T>
inline constexpr T kInward = T(1) - (sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48));

template <class T>
struct BoundOptions {
  T threshold;
  T reach;          // points are at most this far from the anchor
  T drift_error;    // per unit that the row has moved since
  T norm_size;      // more than any number on the way, so that it overflows first: per unit of its norm,
  T bias_size;      // per unit of |bias|,
  T constant_size;  // and whatever else
  T rounding;       // per unit of that size
  T constant;       // whatever else
  T scale_blur;     // what blur has per unit of the row's scale
  T norm_blur;      // and of its norm
};

// Bounds every candidate. inactive[k] is 0 if it fires at the last point and 1 if it does not; with `known` false it is
// set from the start. Those that may change sides within reach are `unstable`: their positions in the list, ascending,
// what is known of them, and how far it is safe to go from the anchor. Returns how many. Arrays need room for `count` +
// kSelectSlack entries.
template <class T>
[[nodiscard]] Index bound_candidates(const RowFact<T>* facts, const NeuronId* ids, const CachedProduct<T>* cached,
                                     Index count, const BoundOptions<T>& options, bool known, T* inactive,
                                     NeuronId* positions, UnstableNeuron<T>* unstable, T* safe);

// Where a point lies, seen from a line through the anchor.
template <class T>
struct LinePoint {
  T offset_scale;  // the integers of the 8-bit products times this and the row's scale are products with the offset
  T away;          // from the anchor
  T path_length;   // `safe` is counted from here
  T rest;          // what is left of the line, in units of the slope
  T blurred;       // products with 8-bit copies have gone this far all told, at most
};

// The 8-bit copies of all rows, and the offset of the point in 16 bits (quantized_rows.hpp).
struct OffsetCopies {
  const std::int8_t* copies;
  Index stride;
  const std::int16_t* integers;
};

// Asks the copies of the unstable neurons which[0 ... count - 1], or, where that is null, of the first `count`, whose
// slopes are then set: the line starts here. Sets how far beside the line each one's side is safe. Those whose side is
// not sure here come out in `open`, with their products with the offset; returns how many. `open` may be `which`. Room
// as above.
template <class T>
[[nodiscard]] Index bound_by_copies(UnstableNeuron<T>* unstable, T* safe, const NeuronId* which, Index count,
                                    const OffsetCopies& offset, const LinePoint<T>& point, NeuronId* open, T* products);

// offset = x - anchor. Returns its canonical product with the direction.
template <class T>
[[nodiscard]] T take_offset(const T* x, const T* anchor, const T* direction, Index d, T* offset);

// residual = offset - s * direction. Returns the canonical square of what it changed by.
template <class T>
[[nodiscard]] T take_residual(const T* offset, T s, const T* direction, Index d, T* residual);

}  // namespace sublinear
