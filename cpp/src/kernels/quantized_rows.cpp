#include "kernels/quantized_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/norm_bounds.hpp"

namespace sublinear {
namespace {

constexpr double kMostRow = 127;

// Below this the quotient of the largest component and an integer could be subnormal.
template <class T>
constexpr T kLeast = std::numeric_limits<T>::min() * T(0x1p24);

// So that the sum of d products with rows, each at most 127 in size, fits 32 bits.
[[nodiscard]] double most_of_vector(Index d) {
  return std::floor(std::min(32767.0, 2147483647.0 / (kMostRow * static_cast<double>(quantized_stride(d)))));
}

}  // namespace

// |level| <= 127, and in T a level errs by 2^-16 at most: so does what rounding takes away, and the sum of its squares,
// which is about a tenth of d, by less than 2^-10 of it. Where all integers are 0 the scale is four times the largest
// component: the error is at least sqrt(d) / 4 of it.
template <class T>
T quantize_row(const T* row, Index d, std::int8_t* out) {
  const double error = quantized_row_error(d);
  return quantize_row_to(row, d, static_cast<T>(kMostRow), kLeast<T>, static_cast<T>(error * error * (1 - 0x1p-9)),
                         out);
}

double quantized_row_error(Index d) { return 1.1 / std::sqrt(12.0) * std::sqrt(static_cast<double>(d)); }

template <class T>
T quantize_vector(const T* v, Index d, std::int16_t* out) {
  return quantize_to(v, d, static_cast<T>(most_of_vector(d)), kLeast<T>, out);
}

// A component errs by at most 0.51 of the scale, which is the largest over `most` and a rounding, so at most the norm
// over it; or all integers are 0, because the largest is below kLeast or `most` is below 1.
template <class T>
QuantizedError quantized_error(Index d) {
  const double most = most_of_vector(d), root = std::sqrt(static_cast<double>(d)) * (1 + kWiden);
  return {most < 1 ? 1 : root * 0.52 / most, root * static_cast<double>(kLeast<T>)};
}

template float quantize_row<float>(const float*, Index, std::int8_t*);
template double quantize_row<double>(const double*, Index, std::int8_t*);
template float quantize_vector<float>(const float*, Index, std::int16_t*);
template double quantize_vector<double>(const double*, Index, std::int16_t*);
template QuantizedError quantized_error<float>(Index);
template QuantizedError quantized_error<double>(Index);

}  // namespace sublinear
