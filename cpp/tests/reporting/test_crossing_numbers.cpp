// How many leaves of a partition tree a hyperplane meets.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/random.hpp"
#include "sublinear/reporting/partition_tree.hpp"

using namespace sublinear;

TEST_CASE_TEMPLATE("crossing numbers bound the points a query looks at, and are few of all leaves", T, float, double) {
  const Index n = 4096, queries = 40;
  for (const Index d : {1, 2, 3}) {
    CAPTURE(d);
    RandomStream random(static_cast<std::uint64_t>(d), RandomPurpose::weights);
    std::vector<T> points(static_cast<std::size_t>(n * d)), normals(static_cast<std::size_t>(queries * d));
    for (T& v : points) v = static_cast<T>(random.uniform());
    for (T& v : normals) v = static_cast<T>(random.normal());
    std::vector<double> thresholds;
    for (Index q = 0; q < queries; ++q) {  // through the middle of the cube, but for the last two
      double middle = 0;
      for (Index j = 0; j < d; ++j) middle += 0.5 * static_cast<double>(normals[static_cast<std::size_t>(q * d + j)]);
      thresholds.push_back(middle);
    }
    thresholds[queries - 2] = 1e9;
    thresholds[queries - 1] = -1e9;
    for (const Index leaf_size : {16, 64}) {
      IndexOptions options;
      options.leaf_size = leaf_size;
      const auto numbers =
          crossing_numbers<T>({points.data(), n, d}, options, normals.data(), thresholds.data(), queries);
      REQUIRE(static_cast<Index>(numbers.size()) == queries);
      const PartitionTree<T> tree({points.data(), n, d}, options);
      double crossed = 0;
      for (Index q = 0; q < queries; ++q) {
        const auto [met, leaves] = numbers[static_cast<std::size_t>(q)];
        CHECK(leaves >= n / leaf_size);
        CHECK(leaves <= 4 * n / leaf_size);
        if (q >= queries - 2) {
          CHECK(met == 0);
          continue;
        }
        CHECK(met >= 1);
        crossed += static_cast<double>(met) / static_cast<double>(leaves);
        Index count = 0;
        const Work work = tree.count(normals.data() + q * d, &thresholds[static_cast<std::size_t>(q)], 1, 1, &count);
        CHECK(work.candidates <= met * leaf_size);
        CHECK(work.candidates > 0);
      }
      // The theory says leaves^(-1/d) of them, times a constant.
      const double leaves = static_cast<double>(numbers[0].leaves);
      CHECK(crossed / static_cast<double>(queries - 2) < 4 * std::pow(leaves, -1.0 / static_cast<double>(d)));
    }
  }
}

TEST_CASE("crossing numbers of no points are 0, and bad questions are refused") {
  const std::vector<double> zeros(17, 0.0), normal{1.0};
  const double threshold = 0, nan = std::nan("");
  const auto none = crossing_numbers<double>({nullptr, 0, 1}, {}, normal.data(), &threshold, 1);
  CHECK(none[0].crossed == 0);
  const auto ask = [&](Points<double> points, const double* limit) {
    static_cast<void>(crossing_numbers<double>(points, {}, zeros.data(), limit, 1));
  };
  CHECK_THROWS_WITH_AS(ask({zeros.data(), 1, 17}, &threshold),
                       "points have 17 columns; partition-tree serves at most 16, use quantized-scan",
                       std::invalid_argument);
  CHECK_THROWS_AS(ask({&nan, 1, 1}, &threshold), std::invalid_argument);
  CHECK_THROWS_AS(ask({zeros.data(), 1, 1}, &nan), std::invalid_argument);
}
