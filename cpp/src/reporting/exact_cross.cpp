#include "reporting/exact_cross.hpp"

#include <cmath>
#include <cstdint>

namespace sublinear {
namespace {

// Sums of products of doubles, exactly: limb k counts multiples of 2^(32 k + kLowest).
class FixedPoint {
 public:
  void add_product(double a, double b, bool negative) noexcept {
    int a_exponent, b_exponent;
    const Halves m = mantissa(a, a_exponent), n = mantissa(b, b_exponent);
    const bool minus = negative != (std::signbit(a) != std::signbit(b));
    const int at = a_exponent + b_exponent - kLowest;
    add(m.low * n.low, at, minus);
    add(m.low * n.high, at + kHalf, minus);
    add(m.high * n.low, at + kHalf, minus);
    add(m.high * n.high, at + 2 * kHalf, minus);
  }

  [[nodiscard]] int sign() noexcept {
    std::int64_t carry = 0;
    bool any = false;
    for (std::int64_t& limb : limbs_) {
      const std::int64_t sum = limb + carry;
      carry = sum >> 32;  // rounds down, so that what stays is in [0, 2^32)
      any = any || (sum & 0xffffffff) != 0;
    }
    return carry < 0 ? -1 : carry > 0 || any ? 1 : 0;
  }

 private:
  static constexpr int kHalf = 27, kLowest = -2260, kLimbs = 144;

  struct Halves {
    std::uint64_t low, high;
  };

  // |value| = (high 2^27 + low) 2^exponent
  static Halves mantissa(double value, int& exponent) noexcept {
    const double fraction = std::frexp(std::abs(value), &exponent);
    const auto whole = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
    exponent -= 53;
    return {whole & ((std::uint64_t{1} << kHalf) - 1), whole >> kHalf};
  }

  // Adds value 2^at, at most 54 bits of it.
  void add(std::uint64_t value, int at, bool minus) noexcept {
    const int limb = at / 32, shift = at % 32;
    const std::uint64_t low = (value & 0xffffffff) << shift, high = (value >> 32) << shift;
    const std::uint64_t parts[] = {low & 0xffffffff, (low >> 32) + (high & 0xffffffff), high >> 32};
    for (int k = 0; k < 3; ++k)
      limbs_[limb + k] += minus ? -static_cast<std::int64_t>(parts[k]) : static_cast<std::int64_t>(parts[k]);
  }

  std::int64_t limbs_[kLimbs] = {};
};

int sign_of(double value) noexcept { return value > 0 ? 1 : value < 0 ? -1 : 0; }

// The exact error of the rounded difference a - b (Knuth's two-sum).
double difference_error(double a, double b, double difference) noexcept {
  const double virtual_b = a - difference, virtual_a = difference + virtual_b;
  return (a - virtual_a) + (virtual_b - b);
}

// The exact error of the rounded product a b (Dekker): factors in two halves whose products have no error. Not the
// fused multiply-add of the C library, which rounds twice in some.
double product_error(double a, double b, double product) noexcept {
  constexpr double kSplitter = 0x1p27 + 1;
  const double a_scaled = kSplitter * a, b_scaled = kSplitter * b;
  const double a_high = a_scaled - (a_scaled - a), a_low = a - a_high;
  const double b_high = b_scaled - (b_scaled - b), b_low = b - b_high;
  return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
}

}  // namespace

int cross_sign(PlanePoint a, PlanePoint b, PlanePoint c, PlanePoint d) noexcept {
  const double x1 = b.x - a.x, y1 = b.y - a.y, x2 = d.x - c.x, y2 = d.y - c.y;
  const double left = x1 * y2, right = y1 * x2, cross = left - right;
  const double size = std::abs(left) + std::abs(right);
  // Each product has three roundings of relative size 2^-53, and so has their difference one; where nothing leaves the
  // range of normal numbers. The test is false for NaN.
  constexpr double kSmall = 0x1p-960, kLarge = 0x1p990;
  if (std::abs(cross) > size * 0x1p-50 && size > kSmall && size < kLarge) return sign_of(cross);
  const bool exact_differences = difference_error(b.x, a.x, x1) == 0 && difference_error(b.y, a.y, y1) == 0 &&
                                 difference_error(d.x, c.x, x2) == 0 && difference_error(d.y, c.y, y2) == 0;
  // A product is its rounding plus an error that is a double too, unless it is so small that the error is not, or a
  // factor so large that its halves are not.
  const auto exact_product = [](double product, double p, double q) {
    return p == 0 || q == 0 ||
           (std::abs(product) > kSmall && std::abs(product) < kLarge && std::abs(p) < kLarge && std::abs(q) < kLarge);
  };
  if (exact_differences && exact_product(left, x1, y2) && exact_product(right, y1, x2)) {
    if (left != right) return left > right ? 1 : -1;
    return sign_of(product_error(x1, y2, left) - product_error(y1, x2, right));
  }
  FixedPoint sum;
  sum.add_product(b.x, d.y, false);
  sum.add_product(b.x, c.y, true);
  sum.add_product(a.x, d.y, true);
  sum.add_product(a.x, c.y, false);
  sum.add_product(b.y, d.x, true);
  sum.add_product(b.y, c.x, false);
  sum.add_product(a.y, d.x, false);
  sum.add_product(a.y, c.x, true);
  return sum.sign();
}

}  // namespace sublinear
