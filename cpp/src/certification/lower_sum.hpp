// Sums in double that know what their rounding may have cost: every bound of a certificate is made of them.
//
// u = 2^-53 here. A sum of n numbers, in any order, errs by at most n u / (1 - n u) times the sum of their sizes
// (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2); a number that is itself computed with at most
// k roundings adds k u of its size. `kRound` is 2 u: counting roundings in it leaves a factor of 2, which covers the
// quotient for all n below 2^50 and the rounding of the bound itself.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/norm_bounds.hpp"

namespace sublinear {

// What one rounding costs at most, relative to the size of what is rounded, twice.
inline constexpr double kRound = 0x1p-52;

// What `roundings` of them cost, each of numbers whose sizes sum to `size`.
[[nodiscard]] inline double rounding_loss(double size, double roundings) { return size * roundings * kRound; }

// Adds terms, each computed with at most eight roundings of numbers no larger than `size`, and gives what the exact sum
// is at least. Terms that underflow in double lose less than kTiny each.
class LowerSum {
 public:
  void add(double term, double size) {
    value_ += term;
    size_ += size;
    terms_ += 1;
  }
  void add(double term) { add(term, std::abs(term)); }
  // Takes off what something may have cost: a bound computed with at most eight roundings.
  void lose(double cost) { add(-cost); }

  // -infinity where anything was not finite: never NaN, which a minimum might pass over.
  [[nodiscard]] double lower() const {
    const double end = value_ - (rounding_loss(size_, terms_ + 16) + terms_ * kTiny) * (1 + 16 * kRound);
    return std::isfinite(end) ? end : -std::numeric_limits<double>::infinity();
  }

 private:
  double value_ = 0, size_ = 0, terms_ = 0;
};

// An upper bound of a sum of `terms` non-negative numbers that came out as `sum`, each with at most eight roundings.
[[nodiscard]] inline double upper_of_sum(double sum, double terms) {
  return sum + rounding_loss(sum, terms + 16) + (terms + 1) * kTiny;
}

// The inner product in double, in eight parts; it errs by at most rounding_loss(|a| |b|, d + 8) + d kTiny.
template <class A, class B>
[[nodiscard]] double product_of(const A* a, const B* b, Index d) {
  return sum_in_parts(d, [a, b](Index j) { return static_cast<double>(a[j]) * static_cast<double>(b[j]); });
}

// sum += factor * a, component by component.
template <class A>
void add_multiple(double factor, const A* a, Index d, double* sum) {
  for (Index j = 0; j < d; ++j) sum[j] += factor * static_cast<double>(a[j]);
}

}  // namespace sublinear
