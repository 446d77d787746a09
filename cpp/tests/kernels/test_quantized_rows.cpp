// Rows in 8 bits and vectors in 16: their error bounds, and integers that are exact, at whatever SIMD level is in
// force.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/quantized_rows.hpp"
#include "kernels/unstable_neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("platform");

namespace {

// ||v - scale * integers||_2, exact enough to hold a bound to.
template <class T, class Integer>
long double missing(const std::vector<T>& v, T scale, const std::vector<Integer>& integers) {
  long double squares = 0;
  for (std::size_t j = 0; j < v.size(); ++j) {
    const long double each = static_cast<long double>(v[j]) - static_cast<long double>(scale) * integers[j];
    squares += each * each;
  }
  return std::sqrt(squares);
}

template <class T>
long double length(const std::vector<T>& v) {
  long double squares = 0;
  for (const T each : v) squares += static_cast<long double>(each) * each;
  return std::sqrt(squares);
}

template <class T>
std::vector<std::vector<T>> vectors(Index d) {
  RandomStream random(4, RandomPurpose::weights);
  std::vector<std::vector<T>> all;
  const auto add = [&](double size, bool alike) {
    auto& v = all.emplace_back();
    for (Index j = 0; j < d; ++j) v.push_back(static_cast<T>(size * (alike ? 1 : random.normal())));
  };
  const double largest = static_cast<double>(std::numeric_limits<T>::max()) / 16;
  for (const double size : {1.0, 1e-3, 1e-20, 1e15, largest, 1e-37, 1e-44, 0.0})
    for (int k = 0; k < 20; ++k) add(size, false);
  add(1, true);
  add(-3, true);
  all.emplace_back(static_cast<std::size_t>(d), T(0)).back() = T(2);
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("what rounding to integers takes away is bounded", T, float, double) {
  for (const Index d : {1, 2, 3, 9, 16, 17, 64, 100, 784, 5000}) {
    CAPTURE(d);
    const auto stride = static_cast<std::size_t>(quantized_stride(d));
    const QuantizedError error = quantized_error<T>(d);
    int helpless = 0;
    for (const std::vector<T>& v : vectors<T>(d)) {
      std::vector<std::int8_t> row(stride, 77);
      const T scale = quantize_row(v.data(), d, row.data());
      CHECK(missing(v, scale, row) <= quantized_row_error(d) * static_cast<long double>(scale));
      bool none = true;
      for (std::size_t j = 0; j < stride; ++j) {
        CHECK(row[j] >= -127);
        none = none && row[j] == 0;
        if (j >= v.size()) CHECK(row[j] == 0);
      }
      if (none && length(v) > 1e-25L) ++helpless;
      std::vector<std::int16_t> wide(stride, 77);
      const T wide_scale = quantize_vector(v.data(), d, wide.data());
      CHECK(missing(v, wide_scale, wide) <= error.relative * length(v) + error.absolute);
      std::int64_t sum = 0;
      for (std::size_t j = 0; j < stride; ++j) {
        sum += 127 * std::abs(std::int64_t{wide[j]});
        if (j >= v.size()) CHECK(wide[j] == 0);
      }
      CHECK(sum <= std::numeric_limits<std::int32_t>::max());
    }
    CHECK(helpless == 0);  // one of a few scales serves
    std::vector<T> bad(static_cast<std::size_t>(d), T(1));
    for (const T wrong : {std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()}) {
      bad.back() = wrong;
      std::vector<std::int8_t> row(stride);
      std::vector<std::int16_t> wide(stride);
      CHECK(quantize_row(bad.data(), d, row.data()) == std::numeric_limits<T>::infinity());
      CHECK(quantize_vector(bad.data(), d, wide.data()) == std::numeric_limits<T>::infinity());
    }
  }
}

TEST_CASE("products of integers are exact") {
  for (const Index d : {1, 16, 17, 32, 48, 64, 80, 784, 4000}) {
    const Index stride = quantized_stride(d), rows = 23;
    RandomStream random(9, RandomPurpose::weights);
    std::vector<std::int8_t> values(static_cast<std::size_t>(rows * stride));
    std::vector<std::int16_t> vector(static_cast<std::size_t>(stride));
    const auto most =
        static_cast<std::int64_t>(std::min(32767.0, 2147483647.0 / (127.0 * static_cast<double>(stride))));
    const auto draw = [&](std::int64_t size) {
      if (random.below(3) == 0) return size;
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * size + 1))) - size;
    };
    for (std::int8_t& v : values) v = static_cast<std::int8_t>(draw(127));
    for (std::int16_t& v : vector) v = static_cast<std::int16_t>(draw(most));
    for (const Index count : {0, 1, 3, 4, 5, 40}) {
      const auto room = static_cast<std::size_t>(count + kSelectSlack);
      std::vector<UnstableNeuron<double>> near(room);
      for (UnstableNeuron<double>& each : near) {
        each.scale = 1;
        each.id = static_cast<NeuronId>(random.below(static_cast<std::uint64_t>(rows)));
      }
      std::vector<double> safe(room), products(room);
      std::vector<NeuronId> open(room);
      const OffsetCopies offset{values.data(), stride, vector.data()};
      // Nobody is sure at an infinite distance, so all come out.
      const LinePoint<double> point{1, std::numeric_limits<double>::infinity(), 0, 0, 0};
      REQUIRE(bound_by_copies(near.data(), safe.data(), nullptr, count, offset, point, open.data(), products.data()) ==
              count);
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        std::int64_t sum = 0;
        for (Index j = 0; j < stride; ++j)
          sum += std::int64_t{values[static_cast<std::size_t>(near[k].id * stride + j)]} *
                 vector[static_cast<std::size_t>(j)];
        CHECK(products[k] == static_cast<double>(sum));
      }
    }
  }
}

TEST_SUITE_END();
