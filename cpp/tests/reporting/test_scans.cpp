// Scans propose from scores that are not the canonical product: what lies near a threshold must not get lost.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/fused_scan.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/reporting/half_space_index.hpp"

using namespace sublinear;

namespace {

template <class T>
std::vector<T> gaussian(Index count, Index d, double size, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::weights);
  std::vector<T> values(static_cast<std::size_t>(count * d));
  for (T& v : values) v = static_cast<T>(size * random.normal());
  return values;
}

// Every pair judged by the canonical product.
template <class T>
void check_all(const HalfSpaceIndex<T>& index, const std::vector<T>& points, const std::vector<T>& normals,
               const std::vector<double>& thresholds, Index d) {
  const Index count = static_cast<Index>(points.size()) / d, queries = static_cast<Index>(thresholds.size());
  IdLists<Index> reported, again;
  std::vector<Index> counts(thresholds.size());
  const Work work = index.report(normals.data(), thresholds.data(), queries, 1, reported);
  CHECK(index.report(normals.data(), thresholds.data(), queries, 2, again) == work);
  index.count(normals.data(), thresholds.data(), queries, 2, counts.data());
  CHECK(reported.ids == again.ids);
  for (Index q = 0; q < queries; ++q) {
    std::vector<Index> expected;
    for (Index p = 0; p < count; ++p)
      if (static_cast<double>(inner_product(points.data() + p * d, normals.data() + q * d, d)) >=
          thresholds[static_cast<std::size_t>(q)])
        expected.push_back(p);
    CHECK(std::vector<Index>(reported.begin(q), reported.end(q)) == expected);
    CHECK(counts[static_cast<std::size_t>(q)] == static_cast<Index>(expected.size()));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("thresholds that are products, to the last bit and one beside it", T, float, double) {
  for (const char* name : {"brute-force", "quantized-scan"}) {
    for (const Index d : {1, 3, 16, 33, 64, 130}) {
      const Index count = d == 64 ? 1100 : 301;  // several blocks
      for (const Index queries : {1, 5, 6, 31, 33, 70}) {
        for (const double size : {1.0, 1e-18, 1e15}) {
          const auto points = gaussian<T>(count, d, size, 1), normals = gaussian<T>(queries, d, size, 2);
          std::vector<double> thresholds;
          for (Index q = 0; q < queries; ++q) {
            const T product = inner_product(points.data() + q * 4 * d, normals.data() + q * d, d);
            const T away = q % 3 == 0 ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
            thresholds.push_back(static_cast<double>(q % 3 == 2 ? product : std::nextafter(product, away)));
          }
          const auto index = make_index<T>(name, {points.data(), count, d});
          check_all(*index, points, normals, thresholds, d);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("products that overflow, vanish or are no numbers at all", T, float, double) {
  const double largest = static_cast<double>(std::numeric_limits<T>::max());
  const double smallest = static_cast<double>(std::numeric_limits<T>::denorm_min());
  const Index d = 5, count = 40, queries = 40;
  for (const char* name : {"brute-force", "quantized-scan"}) {
    auto points = gaussian<T>(count, d, 1, 3), normals = gaussian<T>(queries, d, 1, 4);
    RandomStream random(5, RandomPurpose::weights);
    for (auto* each : {&points, &normals})
      for (T& v : *each) {
        const double sizes[] = {0, 1, smallest, 1e-20, 1e10, largest, -largest, std::sqrt(largest)};
        v = static_cast<T>(sizes[random.below(8)]);
      }
    std::vector<double> thresholds;
    for (Index q = 0; q < queries; ++q) {
      const double choices[] = {0,
                                smallest,
                                1,
                                largest,
                                -largest,
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                1e300};
      thresholds.push_back(choices[q % 8]);
    }
    const auto index = make_index<T>(name, {points.data(), count, d});
    check_all(*index, points, normals, thresholds, d);
    // Products that overflow though every coordinate is far from it.
    const auto wide = gaussian<T>(count, d, std::sqrt(largest), 8),
               across = gaussian<T>(queries, d, std::sqrt(largest), 9);
    const auto overflowing = make_index<T>(name, {wide.data(), count, d});
    check_all(*overflowing, wide, across, std::vector<double>(static_cast<std::size_t>(queries), 0.0), d);
    // Most queries without overflow, so that panels are used.
    const auto mild = gaussian<T>(count, d, 1e-25, 6), small = gaussian<T>(queries, d, 1e-20, 7);
    const auto tiny = make_index<T>(name, {mild.data(), count, d});
    check_all(*tiny, mild, small, std::vector<double>(static_cast<std::size_t>(queries), 0.0), d);
  }
}

TEST_CASE("one coordinate that dwarfs the others costs confirmations, not ids") {
  const Index d = 20, count = 500, queries = 40;
  auto points = gaussian<float>(count, d, 1, 8), normals = gaussian<float>(queries, d, 1, 9);
  for (Index p = 0; p < count; ++p) points[static_cast<std::size_t>(p * d)] = 1e6F;
  for (Index q = 0; q < queries; ++q) normals[static_cast<std::size_t>(q * d)] = 0;
  const auto index = make_index<float>("quantized-scan", {points.data(), count, d});
  check_all(*index, points, normals, std::vector<double>(static_cast<std::size_t>(queries), 4.0), d);
}

TEST_CASE("what 8 bits leave open is the same at every SIMD level") {
  const Index d = 64, count = 2000, queries = 50;
  const auto points = gaussian<float>(count, d, 1, 10), normals = gaussian<float>(queries, d, 0.125, 11);
  const std::vector<double> thresholds(static_cast<std::size_t>(queries), 2.0);
  const auto index = make_index<float>("quantized-scan", {points.data(), count, d});
  std::vector<Index> counts(static_cast<std::size_t>(queries));
  const Work work = index->count(normals.data(), thresholds.data(), queries, 1, counts.data());
  CHECK(work.candidates == 1391);
  CHECK(work.inner_products == queries * count + work.candidates);
}

TEST_CASE("the 8-bit kernel is integer arithmetic") {
  RandomStream random(12, RandomPurpose::weights);
  for (const Index stride : {4, 8, 20, 64}) {
    for (const Index count : {1, 15, 16, 17, 48, 60, 100, 959, 960}) {
      const Index strips = (count + kStrip - 1) / kStrip * kStrip, queries = 2 * kQuantizedQueries;
      std::vector<std::int8_t> bytes(static_cast<std::size_t>(strips * stride));
      std::vector<std::int32_t> sums(static_cast<std::size_t>(strips));
      std::vector<float> scales(static_cast<std::size_t>(strips), 1);
      std::vector<std::uint8_t> rows(static_cast<std::size_t>(queries * stride));
      const auto at = [&](Index p, Index j) {
        return static_cast<std::size_t>(p / kStrip * kStrip * stride + j / 4 * 4 * kStrip + p % kStrip * 4 + j % 4);
      };
      for (Index p = 0; p < strips; ++p) {
        scales[static_cast<std::size_t>(p)] = static_cast<float>(0.5 + random.uniform());
        for (Index j = 0; j < stride; ++j) {
          const int value =
              random.below(8) == 0 ? (random.below(2) == 0 ? 127 : -127) : static_cast<int>(random.below(255)) - 127;
          bytes[at(p, j)] = static_cast<std::int8_t>(value);
          sums[static_cast<std::size_t>(p)] += value;
        }
      }
      for (std::uint8_t& byte : rows)
        byte = random.below(4) == 0 ? std::uint8_t{255} : static_cast<std::uint8_t>(1 + random.below(255));
      std::vector<float> low, high;
      for (Index q = 0; q < queries; ++q) {
        low.push_back(q == queries - 1 ? -1e9F : static_cast<float>(1000.0 * random.normal()));  // one proposes all
        high.push_back(low.back() + 2000);
      }
      std::vector<std::uint16_t> offsets(static_cast<std::size_t>(queries * kBlockPoints));
      std::vector<std::int32_t> counts(static_cast<std::size_t>(queries));
      quantized_scan(bytes.data(), sums.data(), scales.data(), count, stride, rows.data(), queries, low.data(),
                     high.data(), {offsets.data(), counts.data()});
      for (Index q = 0; q < queries; ++q) {
        std::vector<std::uint16_t> expected;
        for (Index p = 0; p < count; ++p) {
          int sum = 0;
          for (Index j = 0; j < stride; ++j)
            sum += bytes[at(p, j)] * (rows[static_cast<std::size_t>(q * stride + j)] - 128);
          const float score = static_cast<float>(sum) * scales[static_cast<std::size_t>(p)];
          if (score < low[static_cast<std::size_t>(q)]) continue;
          const bool sure = score >= high[static_cast<std::size_t>(q)];
          expected.push_back(static_cast<std::uint16_t>(p | (sure ? 0 : kUnsure)));
        }
        const auto begin = offsets.begin() + q * kBlockPoints;
        CHECK(std::vector<std::uint16_t>(begin, begin + counts[static_cast<std::size_t>(q)]) == expected);
      }
    }
  }
}
