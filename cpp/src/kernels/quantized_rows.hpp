// Rows in 8 bits and vectors in 16, whose products are exact integers: cheap bounds on inner products.
#pragma once

#include <cstdint>
#include <limits>

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

// What the copy of a row leaves out, once more in 8 bits: in units of scale / kFineSteps. || row - scale * copy - scale
// / kFineSteps * out ||_2 <= fine_row_error(d) * scale + sqrt(d) * kLeastQuantized. Writes d bytes.
inline constexpr int kFineSteps = 256;
template <class T>
void quantize_rest(const T* row, const std::int8_t* copy, Index d, T scale, std::int8_t* out);
[[nodiscard]] double fine_row_error(Index d);

// Rows and vectors with no component above this are all 0 in their copies: quotients could be subnormal.
template <class T>
inline constexpr T kLeastQuantized = std::numeric_limits<T>::min() * T(0x1p24);

// What the two above do, once per level: `most` is the largest integer; below `least` all are 0. quantize_row_to tries
// a larger scale where the squares of what rounding takes away, in units of the scale, sum to more than `limit`.
template <class T>
[[nodiscard]] T quantize_to(const T* v, Index d, T most, T least, std::int16_t* out);
template <class T>
[[nodiscard]] T quantize_row_to(const T* row, Index d, T most, T least, T limit, std::int8_t* out);
template <class T>
void quantize_rest_to(const T* row, const std::int8_t* copy, Index d, T scale, T inverse, std::int8_t* out);

// Writes v * inverse + shift, rounded towards 0, to `out`: levels of at most 127, of which `zero` stands for 0. Takes
// them, times scale, away from v; with `down` nothing below 0 is left. Returns the sum of the squares of level - zero.
template <class T>
std::int64_t take_levels(T* v, Index d, T scale, T inverse, T shift, std::int32_t zero, bool down, std::uint8_t* out);

}  // namespace sublinear
