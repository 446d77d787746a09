#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "sublinear/kernels/random.hpp"
#include "training/visiting_order.hpp"

using namespace sublinear;

namespace {

std::vector<Index> sorted(std::vector<Index> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<Index> first_integers(Index count) {
  std::vector<Index> integers(static_cast<std::size_t>(count));
  std::iota(integers.begin(), integers.end(), Index{0});
  return integers;
}

}  // namespace

TEST_CASE_TEMPLATE("ranks put the points of a cluster side by side", T, float, double) {
  constexpr Index kDimension = 5, kClusters = 10;
  for (const Index count : {1, 2, 40, 200, 2000}) {
    CAPTURE(count);
    RandomStream random(4, RandomPurpose::weights);
    std::vector<T> points;
    std::vector<Index> cluster;
    for (Index i = 0; i < count; ++i) {
      cluster.push_back(static_cast<Index>(random.below(kClusters)));
      points.push_back(static_cast<T>(10 * cluster.back()));  // so far apart are the centres
      for (Index j = 1; j < kDimension; ++j) points.push_back(static_cast<T>(random.uniform()));
    }
    const std::vector<Index> ranks = similarity_ranks<T>({points.data(), count, kDimension});
    REQUIRE(sorted(ranks) == first_integers(count));
    std::vector<Index> visited(cluster.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) visited[static_cast<std::size_t>(ranks[i])] = cluster[i];
    const Index clusters = static_cast<Index>(std::unique(visited.begin(), visited.end()) - visited.begin());
    CHECK(clusters <= kClusters);
  }
}

TEST_CASE_TEMPLATE("ranks are a permutation of equal points, and of points whose products overflow", T, float, double) {
  const T large = std::numeric_limits<T>::max() / 4;
  for (const T size : {T(0), T(1), large}) {
    std::vector<T> points(3 * 700);
    for (std::size_t k = 0; k < points.size(); ++k) points[k] = k % 2 == 0 ? size : -size * static_cast<T>(k % 3);
    CHECK(sorted(similarity_ranks<T>({points.data(), 700, 3})) == first_integers(700));
  }
  CHECK(similarity_ranks<T>({nullptr, 0, 3}).empty());
}

TEST_CASE("a batch is visited by the ranks of its inputs, or as it is") {
  const std::vector<Index> ranks{3, 0, 4, 1, 2}, batch{2, 0, 3, 1};
  CHECK(visiting_order(ranks, batch.data(), 4) == std::vector<Index>{3, 2, 1, 0});
  CHECK(visiting_order(ranks, batch.data() + 1, 2) == std::vector<Index>{1, 0});
  CHECK(visiting_order({}, batch.data(), 4) == first_integers(4));
  CHECK(visiting_order(ranks, batch.data(), 0).empty());
}
