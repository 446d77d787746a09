/// @file
/// What is known of a weight row without reading it.
#pragma once

#include <cstdint>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Four numbers side by side, so that one cache line holds those of four neurons (float).
template <class T>
struct RowFact {
  T norm = 0;   ///< at least ||w_r||_2
  T drift = 0;  ///< at least the sum of the lengths of the row's moves so far
  T bias = 0;   ///< the neuron's bias itself
  T scale = 0;  ///< w_r is within 0.32 sqrt(dimension) of this, in l2, of `scale` times its 8-bit copy
};

/// A view of the facts of all rows, and of copies of the rows in 8 bits.
template <class T>
struct KnownRows {
  const RowFact<T>* facts = nullptr;       ///< one per row
  const std::int8_t* quantized = nullptr;  ///< row r: from `quantized + r * stride`, filled up with zeros
  Index stride = 0;                        ///< bytes from one copy to the next
};

}  // namespace sublinear
