// Rows in 8 bits and vectors in 16, whose products are exact integers: cheap bounds on inner products.
#pragma once

#include <cstdint>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Bytes of a row of d components in 8 bits: groups of 16, so that no kernel has a tail.
[[nodiscard]] constexpr Index quantized_stride(Index d) noexcept { return (d + 15) / 16 * 16; }

// Writes integers in [-127, 127] and returns a scale with || row - scale * integers ||_2 <= quantized_row_error(d) *
// scale; infinity where a component is not finite. `out` has quantized_stride(d) bytes, the last of them 0.
template <class T>
[[nodiscard]] T quantize_row(const T* row, Index d, std::int8_t* out);
// A tenth more than rounding errs by on average.
[[nodiscard]] double quantized_row_error(Index d);

// The same in 16 bits for a vector that is multiplied with rows, with fewer levels where a sum of products could
// otherwise leave 32 bits. || v - scale * integers ||_2 <= relative * ||v||_2 + absolute.
template <class T>
[[nodiscard]] T quantize_vector(const T* v, Index d, std::int16_t* out);
struct QuantizedError {
  double relative, absolute;
};
template <class T>
[[nodiscard]] QuantizedError quantized_error(Index d);

// What the two above do, once per level: `most` is the largest integer; below `least` all are 0. quantize_row_to tries
// a larger scale where the squares of what rounding takes away, in units of the scale, sum to more than `limit`.
template <class T>
[[nodiscard]] T quantize_to(const T* v, Index d, T most, T least, std::int16_t* out);
template <class T>
[[nodiscard]] T quantize_row_to(const T* row, Index d, T most, T least, T limit, std::int8_t* out);

}  // namespace sublinear
