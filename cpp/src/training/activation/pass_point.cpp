#include "training/activation/pass_point.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/norm_bounds.hpp"
#include "kernels/quantized_rows.hpp"
#include "sublinear/kernels/simd.hpp"

namespace sublinear {
namespace {

// Levels of a vector that is nowhere negative, and to either side of 0 otherwise: a number with many divisors, because
// the components of an offset in the maximum norm are few multiples of the attack's step.
constexpr int kLevels = kMostOfPoint - 1, kSignedLevels = 60, kSignedZero = 64;

// What is left out is not worth another pass below this share of the vector: copies leave out more of their rows.
constexpr double kNegligible = 0x1p-9;

// The share of the quads below which skipping the others gains more than taking several points at once.
[[nodiscard]] double sparse_share() { return simd_level() == SimdLevel::avx512 ? 0.3 : 0.6; }

template <class T>
void list_quads(SevenBits<T>& to) {
  to.quads.clear();
  if (to.zero != 0) return;
  const auto stride = static_cast<Index>(to.bytes.size());
  const auto most = static_cast<std::size_t>(sparse_share() * static_cast<double>(stride / 4));
  for (Index j = 0; j < stride && to.quads.size() <= most; j += 4) {
    std::int32_t four;
    std::memcpy(&four, to.bytes.data() + j, 4);
    if (four != 0) to.quads.push_back({static_cast<std::int32_t>(j / 4), four});
  }
  if (to.quads.size() > most) to.quads.clear();
}

// Writes v in 7 bits and takes it away from v. With `down` levels are rounded down where v is nowhere negative, so that
// nowhere negative is what is left. Where v is too small or too large it is left as it is.
template <class T>
void take_seven_bits(T* v, Index d, Index stride, bool down, SevenBits<T>& to) {
  T largest = 0, least = 0;
  for (Index j = 0; j < d; ++j) {
    const T size = v[j] < 0 ? -v[j] : v[j];
    largest = size > largest ? size : largest;
    least = v[j] < least ? v[j] : least;
  }
  const bool is_signed = least < 0;
  to.zero = is_signed ? kSignedZero : 0;
  to.bytes.assign(static_cast<std::size_t>(stride), static_cast<std::uint8_t>(to.zero));
  to.scale = 0;
  to.length = 0;
  to.quads.clear();
  if (!(largest >= kLeastQuantized<T>) || !(largest <= std::numeric_limits<T>::max() / 4)) return;
  to.scale = largest / static_cast<T>(is_signed ? kSignedLevels : kLevels);
  down = down && !is_signed;
  // |v / scale| is at most the levels and two roundings, so no byte is above 127.
  const T shift = static_cast<T>(to.zero) + (down ? T(0) : T(0.5));
  const std::int64_t squares = take_levels(v, d, to.scale, 1 / to.scale, shift, to.zero, down, to.bytes.data());
  to.length = static_cast<double>(to.scale) * norm_bound_of_squares(static_cast<double>(squares), d) * (1 + 4 * kWiden);
  list_quads(to);
}

}  // namespace

template <class T>
void PassPoint<T>::set(const T* v, Index d, Index stride, bool with_rest) {
  left_.assign(v, v + d);
  double largest = 0;
  for (Index j = 0; j < d; ++j) largest = std::max(largest, std::abs(static_cast<double>(v[j])));
  // What is left of a component errs by a few roundings of numbers up to 1.01 of the largest, or by them was below 0.
  const double rounding =
      std::sqrt(static_cast<double>(d)) * (8 * largest * static_cast<double>(std::numeric_limits<T>::epsilon()) +
                                           4 * static_cast<double>(std::numeric_limits<T>::denorm_min()));
  const auto measure = [&] {
    missing = (euclidean_norm_bound(left_.data(), d) + rounding) * (1 + 4 * kWiden);
    if (!(missing >= 0)) missing = std::numeric_limits<double>::infinity();
  };
  take_seven_bits(left_.data(), d, stride, with_rest, coarse);
  measure();
  has_rest = with_rest && missing > kNegligible * coarse.length;
  if (!has_rest) return;
  take_seven_bits(left_.data(), d, stride, false, rest);
  measure();
}

template struct PassPoint<float>;
template struct PassPoint<double>;

}  // namespace sublinear
