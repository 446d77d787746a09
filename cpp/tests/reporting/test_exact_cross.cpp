#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "reporting/exact_cross.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free platform");

namespace {

int sign(std::int64_t value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

}  // namespace

TEST_CASE("signs of cross products of integers, at every scale and offset that keeps them exact") {
  RandomStream random(1, RandomPurpose::weights);
  int zeros = 0;
  for (int round = 0; round < 20000; ++round) {
    std::int64_t v[8];
    const std::uint64_t range = random.below(2) == 0 ? 4 : 1 << 20;
    for (std::int64_t& each : v)
      each = static_cast<std::int64_t>(random.below(2 * range + 1)) - static_cast<std::int64_t>(range);
    const int expected = sign((v[2] - v[0]) * (v[7] - v[5]) - (v[3] - v[1]) * (v[6] - v[4]));
    zeros += expected == 0 ? 1 : 0;
    for (const int exponent : {0, -1070, -500, 60, 1000})
      for (const double offset : {0.0, 1048576.0}) {
        const auto at = [&](int k) { return std::ldexp(static_cast<double>(v[k]) + offset, exponent); };
        CHECK(cross_sign({at(0), at(1)}, {at(2), at(3)}, {at(4), at(5)}, {at(6), at(7)}) == expected);
      }
  }
  CHECK(zeros > 500);
}

TEST_CASE("one unit in the last place decides, and huge beside tiny") {
  constexpr double kTiny = std::numeric_limits<double>::denorm_min(), kHuge = std::numeric_limits<double>::max();
  const PlanePoint a{0.1, 0.1}, b{0.3, 0.3};
  CHECK(cross_sign(a, b, a, {0.7, 0.7}) == 0);
  CHECK(cross_sign(a, b, a, {0.7, std::nextafter(0.7, 1)}) == 1);
  CHECK(cross_sign(a, b, a, {0.7, std::nextafter(0.7, 0)}) == -1);
  CHECK(cross_sign({0, 0}, {1, 1}, {0, 0}, {kTiny, 2 * kTiny}) == 1);
  CHECK(cross_sign({0, 0}, {kTiny, 0}, {0, 0}, {0, kTiny}) == 1);
  CHECK(cross_sign({0, 0}, {kTiny, kTiny}, {0, 0}, {kTiny, kTiny}) == 0);
  CHECK(cross_sign({-kHuge, -kHuge}, {kHuge, kHuge}, {-kHuge, 0}, {kHuge, kTiny}) == -1);
  CHECK(cross_sign({-kHuge, -kHuge}, {kHuge, kHuge}, {0, 0}, {kHuge, kHuge}) == 0);
  CHECK(cross_sign({-kHuge, -kHuge}, {kHuge, kHuge}, {kTiny, 0}, {kHuge, kHuge}) == 1);
  CHECK(cross_sign({0, 0}, {1e300, 1e-300}, {0, 0}, {1e-300, 1e300}) == 1);
}

TEST_CASE("antisymmetric, and the same for a reversed edge") {
  RandomStream random(2, RandomPurpose::weights);
  for (int round = 0; round < 5000; ++round) {
    PlanePoint p[4];
    for (PlanePoint& each : p) {
      const double scale = std::pow(2.0, static_cast<double>(random.below(200)) - 100);
      each = {scale * random.normal(), scale * random.normal()};
    }
    if (round % 3 == 0) p[3] = {p[2].x + (p[1].x - p[0].x), p[2].y + (p[1].y - p[0].y)};  // parallel but for rounding
    const int one = cross_sign(p[0], p[1], p[2], p[3]);
    CHECK(cross_sign(p[2], p[3], p[0], p[1]) == -one);
    CHECK(cross_sign(p[1], p[0], p[2], p[3]) == -one);
    CHECK(cross_sign(p[1], p[0], p[3], p[2]) == one);
  }
}

TEST_SUITE_END();
