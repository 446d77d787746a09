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
  const RowFact<T>* facts = nullptr;         ///< one per row
  const std::int8_t* quantized = nullptr;    ///< row r: from `quantized + r * stride`, filled up with zeros
  Index stride = 0;                          ///< bytes from one copy to the next
  const std::int8_t* strips = nullptr;       ///< the copies once more, sixteen side by side; null where nobody asked
  const std::int8_t* fine_strips = nullptr;  ///< with strips: what the copies leave out, in units of scale / 256
  const std::int32_t* sums = nullptr;        ///< with strips: the sum of the bytes of each copy
  const std::int32_t* fine_sums = nullptr;   ///< and of what it leaves out
};

}  // namespace sublinear
