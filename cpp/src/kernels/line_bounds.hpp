// Bounds on many pre-activations along a line through a remembered point, so that rows need not be read again.
//
// A pre-activation less its threshold was `value` at a point and changes by `slope` per unit along a direction v; how
// well that is known says `error`, and every unit that a point strays from the line costs `spread`, a bound on the
// row's norm. The proofs are where the numbers come from: training/local_network.cpp.
#pragma once

#include "sublinear/kernels/line_note.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Factors on sums of a few terms rounded in T; they cover 16 roundings.
template <class T>
inline constexpr T kOutward = T(1) + (sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48));
template <class T>
inline constexpr T kInward = T(1) - (sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48));

template <class T>
struct LineOptions {
  T threshold;
  T length;         // points lie at 0 <= s <= length of the line
  T tube;           // and stray at most this far from it
  T drift_error;    // per unit that the row has moved since
  T slope_error;    // per unit of its norm, where the slope is not known
  T rounding;       // per unit of its norm
  T bias_rounding;  // per unit of |bias|
  T constant;       // whatever else
};

// Arrays of the neurons whose state the numbers above leave open somewhere in the tube.
template <class T>
struct OpenLines {
  NeuronId* positions;  // in the list of candidates, ascending
  T *value, *slope, *spread, *error, *side;
};

// Bounds every candidate. rests[k] is 0 if it fires at the last point and 1 if it does not; with `known` false it is
// set from the value. Candidates that are settled all along the tube, on the side that `rests` says, are left out of
// `open`; returns how many are in. Arrays need room for `count` + kSelectSlack entries.
template <class T>
[[nodiscard]] Index bound_lines(const RowFact<T>* facts, const NeuronId* ids, const LineNote<T>* notes, Index count,
                                const LineOptions<T>& options, bool known, T* rests, OpenLines<T> open);

// The positions k, ascending, at which side * (value + s * slope), a little reduced, is not above
// spread * (strayed - since) + error. Room as above.
template <class T>
[[nodiscard]] Index select_unsure(const OpenLines<T>& open, const T* since, Index count, T s, T strayed,
                                  NeuronId* positions);

// offset = x - anchor. Returns its canonical product with the direction.
template <class T>
[[nodiscard]] T take_offset(const T* x, const T* anchor, const T* direction, Index d, T* offset);

// The canonical squares of a residual and of what it changed by.
template <class T>
struct ResidualSquares {
  T now, change;
};

// residual = offset - s * direction.
template <class T>
[[nodiscard]] ResidualSquares<T> take_residual(const T* offset, T s, const T* direction, Index d, T* residual);

}  // namespace sublinear
