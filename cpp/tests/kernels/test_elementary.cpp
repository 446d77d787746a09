#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

#include "sublinear/kernels/elementary.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");  // not "platform": long double takes a minute on ARM under qemu

namespace {

// Distance in units of the last place of the exact value.
double ulps(double value, long double exact) {
  const double ulp =
      std::nextafter(std::abs(static_cast<double>(exact)), HUGE_VAL) - std::abs(static_cast<double>(exact));
  return static_cast<double>(std::abs(static_cast<long double>(value) - exact)) / ulp;
}

}  // namespace

TEST_CASE("exp and log are within 2 ulp of long double") {
  for (int k = -70000; k <= 70000; ++k) {
    const double x = k / 100.1;
    CHECK_MESSAGE(ulps(exponential(x), std::exp(static_cast<long double>(x))) <= 2, x);
    const double y = std::ldexp(1 + (k & 1023) / 1024.0, k / 70);
    CHECK_MESSAGE(ulps(logarithm(y), std::log(static_cast<long double>(y))) <= 2, y);
    const double near_one = 1 + k * 1e-9;
    if (k != 0) CHECK_MESSAGE(ulps(logarithm(near_one), std::log(static_cast<long double>(near_one))) <= 2, near_one);
  }
}

TEST_CASE("exp and log at the ends of their ranges") {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  CHECK(exponential(0) == 1);
  CHECK(exponential(710) == infinity);
  CHECK(exponential(-746) == 0);
  CHECK(exponential(-infinity) == 0);
  CHECK(exponential(-744.5) > 0);
  CHECK(std::isnan(exponential(nan)));
  CHECK(logarithm(1) == 0);
  CHECK(logarithm(0) == -infinity);
  CHECK(logarithm(infinity) == infinity);
  CHECK(std::isnan(logarithm(-1)));
  CHECK(std::isnan(logarithm(nan)));
  CHECK(ulps(logarithm(5e-324), std::log(static_cast<long double>(5e-324))) <= 2);
}

TEST_CASE("softplus and sigmoid neither overflow nor lose small values") {
  for (double x = -745; x <= 745; x += 0.37) {
    CHECK(softplus(x) ==
          doctest::Approx(static_cast<double>(std::log1p(std::exp(static_cast<long double>(x))))).epsilon(1e-14));
    CHECK(sigmoid(x) ==
          doctest::Approx(static_cast<double>(1 / (1 + std::exp(-static_cast<long double>(x))))).epsilon(1e-14));
  }
  for (const double x : {-1e300, -745.2, -3.7, -0.0, 0.0, 1e-9, 2.5, 800.0}) {
    double derivative;
    CHECK(softplus(x, derivative) == softplus(x));
    CHECK(derivative == sigmoid(x));
  }
  CHECK(softplus(-800) == 0);
  CHECK(softplus(1e300) == 1e300);
  CHECK(softplus(-40) > 0);
}

TEST_SUITE_END();
