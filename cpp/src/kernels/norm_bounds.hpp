// Upper bounds on norms, and rounding in a chosen direction: what bounds on every floor are made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Relative widening of sums of at most a few terms computed in double; with `d` terms the factor is used d-fold.
inline constexpr double kWiden = 0x1p-50;

// More than what the few underflowing terms of a sum computed in double can lose together. Being above 0 it also keeps
// `reach` above 0, so that a norm bound that overflowed to infinity gives the limit -infinity, never NaN.
inline constexpr double kTiny = 16 * std::numeric_limits<double>::denorm_min();

// The largest value of T that is <= value.
template <class T>
[[nodiscard]] T round_down(double value) {
  const T rounded = static_cast<T>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -std::numeric_limits<T>::infinity()) : rounded;
}

// The smallest value of T that is >= value.
template <class T>
[[nodiscard]] T round_up(double value) {
  return -round_down<T>(-value);
}

// A bound on a norm from the computed sum of d squares: the sum errs by d roundings, and each square may underflow by
// one smallest subnormal.
[[nodiscard]] inline double norm_bound_of_squares(double sum, Index d) {
  const double terms = static_cast<double>(d + 4);
  return std::sqrt(sum * (1 + terms * kWiden) + terms * std::numeric_limits<double>::denorm_min()) * (1 + kWiden);
}

// Sums term(j) for j < d in eight parts, which a compiler can keep in vectors; the roundings are no more than in a row.
template <class Term>
[[nodiscard]] double sum_in_parts(Index d, Term&& term) {
  double part[8] = {};
  Index j = 0;
  for (; j + 8 <= d; j += 8)
    for (Index l = 0; l < 8; ++l) part[l] += term(j + l);
  for (; j < d; ++j) part[0] += term(j);
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

// sum_in_parts of the squares of a, or of a - b where b is not null, in double.
template <class T>
[[nodiscard]] double sum_of_squares(const T* a, const T* b, Index d);

// The length of a, or of a - b, rounded outward; exactly 0 for a zero vector. Infinite only where the length is, or a
// component: where squares overflow, they are those of components divided by the largest one.
template <class T>
[[nodiscard]] double length_bound(const T* a, const T* b, Index d) {
  const double sum = sum_of_squares(a, b, d);
  const auto value = [&](Index j) {
    return static_cast<double>(a[j]) - (b == nullptr ? 0.0 : static_cast<double>(b[j]));
  };
  const auto largest_component = [&] {
    double largest = 0;
    for (Index j = 0; j < d; ++j) largest = std::max(largest, std::abs(value(j)));
    return largest;
  };
  if (sum == 0 && largest_component() == 0) return 0;
  constexpr double kLargest = std::numeric_limits<double>::max();
  if (const double bound = norm_bound_of_squares(sum, d); bound <= kLargest) return bound;
  const double largest = largest_component();
  if (!(largest <= kLargest)) return std::numeric_limits<double>::infinity();
  const double scaled = sum_in_parts(d, [&](Index j) { return (value(j) / largest) * (value(j) / largest); });
  return largest * norm_bound_of_squares(scaled, d) * (1 + kWiden);
}

// ||a||_2 and ||a - b||_2, as above.
template <class T>
[[nodiscard]] double euclidean_norm_bound(const T* a, Index d) {
  return length_bound<T>(a, nullptr, d);
}

template <class T>
[[nodiscard]] double euclidean_distance_bound(const T* a, const T* b, Index d) {
  return length_bound(a, b, d);
}

// ||a||_1 and ||a - b||_1, rounded outward.
template <class T>
[[nodiscard]] double absolute_sum_bound(const T* a, Index d) {
  const double sum = sum_in_parts(d, [a](Index j) { return std::abs(static_cast<double>(a[j])); });
  return sum * (1 + static_cast<double>(d + 4) * kWiden);
}

template <class T>
[[nodiscard]] double absolute_distance_bound(const T* a, const T* b, Index d) {
  const double sum =
      sum_in_parts(d, [a, b](Index j) { return std::abs(static_cast<double>(a[j]) - static_cast<double>(b[j])); });
  return sum * (1 + static_cast<double>(d + 4) * kWiden);
}

}  // namespace sublinear
