// One half-space query as the parts of an index see it.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/node_groups.hpp"
#include "kernels/norm_bounds.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

// A number as a T: never NaN, infinite only if `value` is, or if rounding in that direction goes beyond what T has.
template <class T>
[[nodiscard]] T clamped_down(double value) {
  constexpr double kLargest = static_cast<double>(std::numeric_limits<T>::max());
  if (value > kLargest) return std::isinf(value) ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  return value < -kLargest ? -std::numeric_limits<T>::infinity() : round_down<T>(value);
}
template <class T>
[[nodiscard]] T clamped_up(double value) {
  return -clamped_down<T>(-value);
}

template <class T>
struct FarSide {
  BoundQuery<T> bound;
  double threshold;
  T limit;  // a T is >= threshold iff it is >= this

  // A bound computes its ends with products of d terms and a few operations more, each time of numbers that are at most
  // size * norm: that is the error of a canonical product once more. What the kernels do with the margin itself errs by
  // less than the last factor allows.
  FarSide(const T* normal, double threshold_, Index d) : threshold(threshold_), limit(clamped_up<T>(threshold_)) {
    bound.normal = normal;
    bound.norm = clamped_up<T>(euclidean_norm_bound(normal, d));
    bound.relative = clamped_up<T>((2 * dot_error_factor<T>(d) + 16 * unit_roundoff<T>)*(1 + 0x1p-10));
    bound.absolute = clamped_up<T>(8 * dot_underflow<T>(d));
    // A product that overflowed downwards is not on the far side of -inf by its bound alone.
    bound.least = std::max(limit, std::numeric_limits<T>::lowest());
    bound.most = clamped_down<T>(threshold_);
  }
};

}  // namespace sublinear
