/// @file
/// What is known of a weight row without reading it.
#pragma once

namespace sublinear {

/// Four numbers side by side, so that one cache line holds those of four neurons (float).
template <class T>
struct RowFact {
  T norm = 0;    ///< at least ||w_r||_2
  T drift = 0;   ///< at least the sum of the lengths of the row's moves so far
  T bias = 0;    ///< the neuron's bias itself
  T unused = 0;  ///< fills the four; always 0
};

}  // namespace sublinear
