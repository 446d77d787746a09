#include "kernels/quantized_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/norm_bounds.hpp"

namespace sublinear {
namespace {

constexpr double kMostRow = 127;

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
  return quantize_row_to(row, d, static_cast<T>(kMostRow), kLeastQuantized<T>,
                         static_cast<T>(error * error * (1 - 0x1p-9)), out);
}

double quantized_row_error(Index d) { return 1.1 / std::sqrt(12.0) * std::sqrt(static_cast<double>(d)); }

// What is left of a component is at most scale / 2 and two roundings of the component, which is at most 127.5 * scale:
// so at most 128.01 units, and where that is cut to 127 it errs by 1.02, else by 0.52. A row all 0 in its copy, with a
// scale four times its largest component, is at most 64 units itself; unless it is so small that it is left out.
template <class T>
void quantize_rest(const T* row, const std::int8_t* copy, Index d, T scale, std::int8_t* out) {
  if (!(scale >= 4 * kLeastQuantized<T> / kMostRow) || !(scale < std::numeric_limits<T>::infinity())) {
    std::fill(out, out + d, std::int8_t{0});
    return;
  }
  quantize_rest_to(row, copy, d, scale, static_cast<T>(kFineSteps) / scale, out);
}

double fine_row_error(Index d) { return 1.1 / kFineSteps * std::sqrt(static_cast<double>(d)); }

template <class T>
T quantize_vector(const T* v, Index d, std::int16_t* out) {
  return quantize_to(v, d, static_cast<T>(most_of_vector(d)), kLeastQuantized<T>, out);
}

// A component errs by at most 0.51 of the scale, which is the largest over `most` and a rounding, so at most the norm
// over it; or all integers are 0, because the largest is below kLeast or `most` is below 1.
template <class T>
QuantizedError quantized_error(Index d) {
  const double most = most_of_vector(d), root = std::sqrt(static_cast<double>(d)) * (1 + kWiden);
  return {most < 1 ? 1 : root * 0.52 / most, root * static_cast<double>(kLeastQuantized<T>)};
}

template float quantize_row<float>(const float*, Index, std::int8_t*);
template double quantize_row<double>(const double*, Index, std::int8_t*);
template float quantize_vector<float>(const float*, Index, std::int16_t*);
template double quantize_vector<double>(const double*, Index, std::int16_t*);
template void quantize_rest<float>(const float*, const std::int8_t*, Index, float, std::int8_t*);
template void quantize_rest<double>(const double*, const std::int8_t*, Index, double, std::int8_t*);
template QuantizedError quantized_error<float>(Index);
template QuantizedError quantized_error<double>(Index);

}  // namespace sublinear
