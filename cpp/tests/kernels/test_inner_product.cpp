#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "floating_point_state.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"

using namespace sublinear;
using namespace sublinear::testing;

TEST_SUITE_BEGIN("platform");

namespace {

// The definition in the header, in the plainest code.
template <class T>
T written_order(const T* a, const T* b, Index d) {
  constexpr Index kLanes = static_cast<Index>(64 / sizeof(T));
  T lane[kLanes] = {};
  for (Index j = 0; j < d; ++j) {
    const volatile T product = a[j] * b[j];  // volatile: no compiler may fuse or reorder
    const volatile T sum = lane[j % kLanes] + product;
    lane[j % kLanes] = sum;
  }
  for (Index half = kLanes / 2; half >= 1; half /= 2)
    for (Index l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed, double spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(count);
  for (T& v : values) v = static_cast<T>(normal(random) * std::pow(2.0, spread * normal(random)));
  return values;
}

}  // namespace

TEST_CASE_TEMPLATE("the canonical inner product has the written order at every dimension", T, float, double) {
  for (Index d = 1; d <= 150; ++d) {
    CAPTURE(d);
    const auto rows = random_values<T>(static_cast<std::size_t>(11 * d), static_cast<unsigned>(d));
    const auto x = random_values<T>(static_cast<std::size_t>(d), 1000 + static_cast<unsigned>(d));
    std::vector<T> out(11), picked(4);
    inner_products(rows.data(), 11, d, x.data(), out.data());
    const std::vector<NeuronId> ids{10, 3, 3, 0};
    inner_products_at(rows.data(), ids.data(), 4, d, x.data(), picked.data());
    for (Index k = 0; k < 11; ++k) {
      const T expected = written_order(rows.data() + k * d, x.data(), d);
      CHECK(same_bits(out[static_cast<std::size_t>(k)], expected));
      CHECK(same_bits(inner_product(rows.data() + k * d, x.data(), d), expected));
      CHECK(same_bits(inner_product(x.data(), rows.data() + k * d, d), expected));
    }
    for (std::size_t k = 0; k < ids.size(); ++k) CHECK(same_bits(picked[k], out[static_cast<std::size_t>(ids[k])]));
  }
}

TEST_CASE_TEMPLATE("the stated error bound holds, subnormal products included", T, float, double) {
  for (const double spread : {0.0, 8.0}) {
    for (const T size : {T(1), std::sqrt(std::numeric_limits<T>::min())}) {
      for (Index d = 1; d <= 90; d += 7) {
        auto a = random_values<T>(static_cast<std::size_t>(d), static_cast<unsigned>(d), spread);
        auto b = random_values<T>(static_cast<std::size_t>(d), 99 + static_cast<unsigned>(d), spread);
        long double exact = 0, magnitude = 0;
        for (std::size_t j = 0; j < a.size(); ++j) {
          a[j] *= size;
          b[j] *= size;
          exact += static_cast<long double>(a[j]) * static_cast<long double>(b[j]);
          magnitude += std::abs(static_cast<long double>(a[j]) * static_cast<long double>(b[j]));
        }
        const long double error = std::abs(static_cast<long double>(inner_product(a.data(), b.data(), d)) - exact);
        CHECK(error <= dot_error_factor<T>(d) * magnitude + static_cast<long double>(dot_underflow<T>(d)));
      }
    }
  }
}

TEST_CASE_TEMPLATE("combine_rows sums in ascending order, one product and one sum at a time", T, float, double) {
  for (Index d = 1; d <= 140; d += 3) {
    CAPTURE(d);
    const auto rows = random_values<T>(static_cast<std::size_t>(20 * d), static_cast<unsigned>(d));
    const auto coefficients = random_values<T>(7, 5);
    const std::vector<NeuronId> ids{19, 0, 4, 4, 7, 18, 1};
    std::vector<T> out(static_cast<std::size_t>(d));
    combine_rows(rows.data(), ids.data(), coefficients.data(), 7, d, out.data());
    for (Index j = 0; j < d; ++j) {
      T sum = 0;
      for (std::size_t k = 0; k < ids.size(); ++k) {
        const volatile T product = rows[static_cast<std::size_t>(ids[k] * d + j)] * coefficients[k];
        const volatile T next = sum + product;
        sum = next;
      }
      CHECK(same_bits(out[static_cast<std::size_t>(j)], sum));
    }
    combine_rows(rows.data(), ids.data(), coefficients.data(), 0, d, out.data());
    for (const T v : out) CHECK(same_bits(v, T(0)));
  }
}

TEST_CASE_TEMPLATE("add_rows_to_each gives every sum the bits that it has alone", T, float, double) {
  const std::vector<NeuronId> ids{3, 0, 9, 9, 5, 1};
  for (const Index outputs : {1, 2, 3, 4, 5, 10})
    for (Index d = 1; d <= 140; d += 3) {
      CAPTURE(outputs);
      CAPTURE(d);
      const auto rows = random_values<T>(static_cast<std::size_t>(10 * d), static_cast<unsigned>(d));
      const auto coefficients = random_values<T>(ids.size() * static_cast<std::size_t>(outputs), 8);
      auto sums = random_values<T>(static_cast<std::size_t>(outputs * d), 9);
      auto expected = sums;
      for (Index o = 0; o < outputs; ++o) {
        std::vector<T> own;
        for (std::size_t k = 0; k < ids.size(); ++k)
          own.push_back(coefficients[k * static_cast<std::size_t>(outputs) + static_cast<std::size_t>(o)]);
        add_rows(rows.data(), ids.data(), own.data(), 6, d, expected.data() + o * d);
      }
      add_rows_to_each(rows.data(), ids.data(), coefficients.data(), 6, outputs, d, sums.data());
      for (std::size_t j = 0; j < sums.size(); ++j) CHECK(same_bits(sums[j], expected[j]));
    }
}

TEST_CASE("the kernels give NaN and infinity for overflow, never a trap") {
  const std::vector<float> huge(20, 3e38F), mixed{3e38F, -3e38F};
  CHECK(std::isinf(inner_product(huge.data(), huge.data(), 20)));
  CHECK(!(inner_product(mixed.data(), huge.data(), 2) >= -1e30F) ==
        std::isnan(inner_product(mixed.data(), huge.data(), 2)));
}

// Vectors of zeros are left out where there are enough of them, which no bit may show.
TEST_CASE_TEMPLATE("rows picked by id have the same products with a point that is 0 in most places", T, float, double) {
  constexpr Index kRows = 19;
  std::vector<NeuronId> ids;
  for (NeuronId r = 0; r < kRows; ++r) ids.push_back(kRows - 1 - r);
  for (const Index d : {Index{127}, Index{128}, Index{130}, Index{784}, Index{3072}, Index{4096}, Index{4099}})
    for (const Index open : {Index{0}, Index{1}, Index{5}, Index{40}, d}) {
      CAPTURE(d);
      CAPTURE(open);
      const auto rows = random_values<T>(static_cast<std::size_t>(kRows * d), static_cast<unsigned>(d));
      const auto values = random_values<T>(static_cast<std::size_t>(d), 7);
      std::vector<T> x(static_cast<std::size_t>(d)), out(ids.size());
      for (std::size_t j = 1; j < x.size(); j += 3) x[j] = T(-0.0);
      for (Index k = 0; k < open; ++k) {
        const auto j = static_cast<std::size_t>(k * 7919 % d);
        x[j] = values[j];
      }
      inner_products_at(rows.data(), ids.data(), kRows, d, x.data(), out.data());
      for (std::size_t k = 0; k < ids.size(); ++k)
        CHECK(same_bits(out[k], written_order(rows.data() + ids[k] * d, x.data(), d)));
    }
}

#if defined(SUBLINEAR_TESTS_FLOATING_POINT_STATE)
TEST_CASE("workers compute in the default floating-point environment and restore the caller's" *
          doctest::test_suite("threads platform")) {
  const std::vector<float> a(16, 1e-20F);
  const float expected = inner_product(a.data(), a.data(), 16);
  REQUIRE(expected > 0);
  const unsigned long long before = floating_point_state();
  set_floating_point_state(before | kFlushSubnormals);
  CHECK(inner_product(a.data(), a.data(), 16) == 0);
  for (const int workers : {1, 3}) {
    std::vector<float> seen(static_cast<std::size_t>(workers));
    parallel_for(workers, workers, 1, [&](Index begin, Index, int) {
      seen[static_cast<std::size_t>(begin)] = inner_product(a.data(), a.data(), 16);
    });
    for (std::size_t k = 0; k < seen.size(); ++k) {
      unsigned bits, wanted;
      std::memcpy(&bits, &seen[k], 4);
      std::memcpy(&wanted, &expected, 4);
      CHECK(bits == wanted);
    }
    CHECK((floating_point_state() & kFlushSubnormals) == kFlushSubnormals);
  }
  set_floating_point_state(before);
}
#endif

TEST_SUITE_END();
