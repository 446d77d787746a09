// The bounds that the finding floor rests on: outward, and not far out.
#include <doctest/doctest.h>

#include "finding/layer.hpp"

namespace sublinear {
namespace {

TEST_CASE_TEMPLATE("rounding down and up stay on their side", T, float, double) {
  for (const double value : {0.0, 1.0, 0.1, -0.1, 1e-46, -1e-46, 1e39, -1e39, 3.5e38}) {
    CAPTURE(value);
    CHECK(static_cast<double>(round_down<T>(value)) <= value);
    CHECK(static_cast<double>(round_up<T>(value)) >= value);
    const T up = std::nextafter(round_down<T>(value), std::numeric_limits<T>::infinity());
    CHECK(static_cast<double>(up) >= static_cast<double>(round_up<T>(value)));
  }
}

TEST_CASE_TEMPLATE("norm bounds are at least the norms in higher precision", T, float, double) {
  RandomStream random(5, RandomPurpose::weights);
  for (const Index d : {1, 3, 64, 1000})
    for (const double scale : {1.0, 1e-30, 1e-160, 1e18, sizeof(T) == 4 ? 1e35 : 1e300}) {
      std::vector<T> a(static_cast<std::size_t>(d)), b(a.size());
      long double squares = 0, sum = 0, largest = 0;
      for (std::size_t j = 0; j < a.size(); ++j) {
        a[j] = static_cast<T>(scale * random.normal());
        b[j] = static_cast<T>(scale * random.normal());
        const long double v = std::abs(static_cast<long double>(a[j]) - static_cast<long double>(b[j]));
        squares += (v / scale) * (v / scale);
        sum += v;
        largest = std::max(largest, std::abs(static_cast<long double>(a[j])));
      }
      CAPTURE(scale);
      const auto length = static_cast<double>(std::sqrt(squares) * scale);
      CHECK(euclidean_distance_bound(a.data(), b.data(), d) >= length);
      CHECK(dual_distance_bound(a.data(), b.data(), d, Norm::infinity) >= static_cast<double>(sum));
      CHECK(norm_bound(a.data(), d, Norm::infinity) == static_cast<double>(largest));
      if (scale > 1e-100) CHECK(euclidean_distance_bound(a.data(), b.data(), d) <= length * (1 + 1e-11));
      CHECK(euclidean_distance_bound(a.data(), a.data(), d) == 0);
      CHECK(dual_distance_bound(a.data(), a.data(), d, Norm::infinity) == 0);
    }
}

TEST_CASE("a length is infinite only where it does not fit, or a component") {
  const double huge = std::numeric_limits<double>::max();
  const std::vector<double> one{huge}, two{huge, huge}, back{-huge}, infinite{HUGE_VAL};
  CHECK(euclidean_norm_bound(one.data(), 1) >= huge);
  CHECK(euclidean_norm_bound(two.data(), 2) == HUGE_VAL);
  CHECK(euclidean_distance_bound(one.data(), back.data(), 1) == HUGE_VAL);
  CHECK(euclidean_norm_bound(infinite.data(), 1) == HUGE_VAL);
  const std::vector<double> edge{std::sqrt(huge)};  // its square fits, what widens that does not
  CHECK(euclidean_norm_bound(edge.data(), 1) >= edge[0]);
  CHECK(euclidean_norm_bound(edge.data(), 1) <= edge[0] * (1 + 1e-11));
}

TEST_CASE_TEMPLATE("limits are widened by roundings only", T, float, double) {
  const Reach<T> still({0, Norm::two}, 1, 64, T(2));
  const double u = unit_roundoff<T>;
  CHECK(static_cast<double>(still.limit(T(2), T(0.5), 3)) <= 1.5);
  CHECK(static_cast<double>(still.limit(T(2), T(0.5), 3)) >= 1.5 - 1000 * u);
  const Reach<T> moving({0.25, Norm::two}, 1, 64, T(2));
  CHECK(static_cast<double>(moving.limit(T(2), T(0.5), 3)) <= 0.75);
  CHECK(static_cast<double>(moving.limit(T(2), T(0.5), 3)) >= 0.75 - 1500 * u);
  // A norm bound that overflowed proposes the neuron always.
  CHECK(still.limit(T(2), T(0), std::numeric_limits<double>::infinity()) == -std::numeric_limits<T>::infinity());
  CHECK(Reach<T>({0, Norm::two}, 0, 1, T(0)).limit(T(0), T(0), std::numeric_limits<double>::infinity()) ==
        -std::numeric_limits<T>::infinity());
}

}  // namespace
}  // namespace sublinear
