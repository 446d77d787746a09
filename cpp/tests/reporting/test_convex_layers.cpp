// What is particular to convex layers: the peeling, and the cost of queries.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "reporting/hull_tree.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/reporting/convex_layers.hpp"

using namespace sublinear;

namespace {

std::vector<PlanePoint> sorted_points(int kind, Index count, RandomStream& random) {
  std::set<std::pair<double, double>> places;
  for (Index k = 0; k < count; ++k) {
    double x = random.normal(), y = random.normal();
    if (kind == 1) x = static_cast<double>(random.below(12)), y = static_cast<double>(random.below(12));
    if (kind == 2) y = 3 * (x = static_cast<double>(random.below(1000)));
    if (kind == 3) x = 7;
    if (kind == 4) x = std::floor(4 * x);
    if (kind == 5) {
      const double angle = 6.28 * random.uniform();
      x = std::cos(angle), y = std::sin(angle);
    }
    places.emplace(x, y);
  }
  std::vector<PlanePoint> points;
  for (const auto& [x, y] : places) points.push_back({x, y});
  return points;
}

// The hull of what is left, by the monotone chain over all of it.
std::vector<std::int32_t> chain(const std::vector<PlanePoint>& points, const std::vector<char>& alive, int side) {
  std::vector<std::int32_t> hull;
  for (std::int32_t k = 0; k < static_cast<std::int32_t>(points.size()); ++k) {
    if (alive[static_cast<std::size_t>(k)] == 0) continue;
    const auto at = [&](std::size_t back) { return points[static_cast<std::size_t>(hull[hull.size() - back])]; };
    while (hull.size() >= 2 && side * cross_sign(at(2), points[static_cast<std::size_t>(k)], at(2), at(1)) <= 0)
      hull.pop_back();
    hull.push_back(k);
  }
  return hull;
}

}  // namespace

TEST_CASE("hull trees follow deletions, in any order and layer by layer") {
  RandomStream random(1, RandomPurpose::weights);
  for (int kind = 0; kind < 6; ++kind)
    for (const Index count : {1, 2, 3, 31, 33, 70, 300, 1500})
      for (const bool by_layer : {false, true}) {
        CAPTURE(kind);
        CAPTURE(count);
        const std::vector<PlanePoint> points = sorted_points(kind, count, random);
        HullTree upper(points, 1), lower(points, -1);
        std::vector<char> alive(points.size(), 1);
        std::size_t left = points.size();
        for (int step = 0; left > 0; ++step) {
          std::vector<std::int32_t> hulls[2];
          for (std::int32_t k = upper.first(); k >= 0; k = upper.next(k)) hulls[0].push_back(k);
          for (std::int32_t k = lower.first(); k >= 0; k = lower.next(k)) hulls[1].push_back(k);
          if (by_layer || step % 16 == 0) {
            REQUIRE(hulls[0] == chain(points, alive, 1));
            REQUIRE(hulls[1] == chain(points, alive, -1));
          }
          std::vector<std::int32_t> leaving;
          if (by_layer) {
            std::set<std::int32_t> both(hulls[0].begin(), hulls[0].end());
            both.insert(hulls[1].begin(), hulls[1].end());
            leaving.assign(both.begin(), both.end());
          } else {
            const auto chosen = static_cast<std::int32_t>(random.below(points.size()));
            leaving.push_back(chosen);
          }
          for (const std::int32_t k : leaving) {
            if (alive[static_cast<std::size_t>(k)] == 0) continue;
            alive[static_cast<std::size_t>(k)] = 0;
            upper.erase(k);
            lower.erase(k);
            --left;
          }
        }
        CHECK(upper.first() == -1);
        CHECK(lower.first() == -1);
      }
}

TEST_CASE_TEMPLATE("a query costs log N and what it reports", T, float, double) {
  RandomStream random(2, RandomPurpose::weights);
  for (const int bits : {10, 13, 16}) {
    CAPTURE(bits);
    const Index count = Index{1} << bits, queries = 200;
    std::vector<T> points(static_cast<std::size_t>(2 * count));
    for (T& v : points) v = static_cast<T>(random.normal());
    const ConvexLayers<T> layers({points.data(), count, 2});
    for (Index q = 0; q < queries; ++q) {
      const double angle = 6.28 * random.uniform();
      const T normal[] = {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
      const double threshold = 1 + 4 * random.uniform();
      Index found = 0;
      const Work work = layers.count(normal, &threshold, 1, 1, &found);
      // In each layer with a reported corner at most two more are looked at, and one comparison finds the next layer;
      // the layer without any costs one of each.
      CHECK(work.inner_products <= 3 * found + 1);
      CHECK(work.bounds <= bits + 1 + found + 1);
    }
  }
}

TEST_CASE("layers of points on a line, on a grid, all equal, and none") {
  const std::vector<double> line{0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10, 1, 2};
  const ConvexLayers<double> on_line({line.data(), 7, 2});
  const double across[] = {2, -1}, along[] = {1, 0};
  Index count = 0;
  double threshold = 0;
  on_line.count(across, &threshold, 1, 1, &count);
  CHECK(count == 7);
  threshold = 1;
  on_line.count(along, &threshold, 1, 1, &count);
  CHECK(count == 6);
  std::vector<float> equal(2 * 5000, 3.0F);
  const ConvexLayers<float> once({equal.data(), 5000, 2});
  const float normal[] = {1, 1};
  threshold = 6;
  const Work work = once.count(normal, &threshold, 1, 1, &count);
  CHECK(count == 5000);
  CHECK(work.inner_products == 1);  // one corner holds them all
  const ConvexLayers<float> none({nullptr, 0, 2});
  none.count(normal, &threshold, 1, 1, &count);
  CHECK(count == 0);
}
