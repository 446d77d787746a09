#include "sublinear/kernels/elementary.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>

#include "kernels/platform_requirements.hpp"

namespace sublinear {
namespace {

// ln 2 in two parts: the high one has 32 significant bits, so that its product with a small integer is exact.
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 2^k for -1022 <= k <= 1023.
double power_of_two(int k) {
  const std::uint64_t bits = static_cast<std::uint64_t>(k + 1023) << 52;
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The sigmoid of x, from e = exp(-|x|).
double sigmoid_of(double x, double e) { return (x >= 0 ? 1 : e) / (1 + e); }

}  // namespace

double exponential(double x) noexcept {
  if (std::isnan(x)) return x;
  if (x > 709.782712893384) return kInfinity;
  if (x < -745.2) return 0.0;
  // e^x = 2^k e^r with |r| <= ln(2) / 2; the Taylor series to r^13 / 13! leaves less than 5e-18.
  const int k = static_cast<int>(std::floor(x * 1.44269504088896340736 + 0.5));
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0 / 6227020800.0;
  for (const double factorial :
       {479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0})
    sum = sum * r + 1.0 / factorial;
  const int half = k / 2;  // in two steps: 2^k itself may be subnormal or too large
  return sum * power_of_two(half) * power_of_two(k - half);
}

double logarithm(double x) noexcept {
  if (std::isnan(x) || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  int k;
  double m = std::frexp(x, &k);  // exact
  if (m < 0.70710678118654752440) {
    m *= 2;
    --k;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.1716; terms to s^23 leave less than 1e-19.
  const double f = m - 1, s = f / (m + 1), z = s * s;
  double tail = 0;
  for (int power = 23; power >= 3; power -= 2) tail = (tail + 1.0 / power) * z;
  return k * kLn2High + (2 * s + (2 * s * tail + k * kLn2Low));
}

double softplus(double x) noexcept {
  double derivative;
  return softplus(x, derivative);
}

double softplus(double x, double& derivative) noexcept {
  const double e = exponential(x < 0 ? x : -x);  // in (0, 1]
  derivative = sigmoid_of(x, e);
  // log(1 + e) without losing a small e: the rounding of 1 + e is undone by the factor e / ((1 + e) - 1).
  const double one_plus = 1 + e, rounded = one_plus - 1;
  const double log1p = rounded == 0 ? e : logarithm(one_plus) * (e / rounded);
  return (x > 0 ? x : 0.0) + log1p;
}

double sigmoid(double x) noexcept { return sigmoid_of(x, exponential(x < 0 ? x : -x)); }

}  // namespace sublinear
