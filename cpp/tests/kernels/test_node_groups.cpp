#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/node_groups.hpp"
#include "reporting/far_side.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("platform");

TEST_CASE_TEMPLATE("strips give the bits of the canonical product", T, float, double) {
  RandomStream random(1, RandomPurpose::weights);
  for (Index d = 1; d <= 70; d += d < 20 ? 1 : 9) {
    CAPTURE(d);
    const Index strips = 5;
    std::vector<T> values(static_cast<std::size_t>(strips * d * kSiblings)), normal(static_cast<std::size_t>(d));
    for (T& v : values) v = static_cast<T>(random.normal());
    for (T& v : normal) v = static_cast<T>(random.normal());
    const std::vector<std::int32_t> which{4, 0, 2};
    const T limit = T(0.25);
    std::vector<std::uint16_t> hits(which.size());
    strip_hits(values.data(), d, which.data(), 3, normal.data(), limit, hits.data());
    for (std::size_t k = 0; k < which.size(); ++k) {
      T products[kSiblings];
      strip_products(values.data() + which[k] * d * kSiblings, d, normal.data(), products);
      for (Index s = 0; s < kSiblings; ++s) {
        std::vector<T> row;
        for (Index j = 0; j < d; ++j)
          row.push_back(values[static_cast<std::size_t>((which[k] * d + j) * kSiblings + s)]);
        CHECK(products[s] == inner_product(row.data(), normal.data(), d));
        CHECK(((hits[k] >> s & 1) != 0) == (products[s] >= limit));
      }
    }
  }
}

TEST_CASE_TEMPLATE("hits at infinite limits, and of products that are not numbers", T, float, double) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity(), kHuge = std::numeric_limits<T>::max();
  std::vector<T> strip(2 * kSiblings, T(1));
  strip[0] = kHuge, strip[kSiblings] = -kHuge;     // inf - inf
  strip[1] = -kHuge, strip[kSiblings + 1] = T(0);  // -inf
  const std::vector<T> normal{T(4), T(4)};
  const std::int32_t first = 0;
  std::uint16_t hits;
  strip_hits(strip.data(), 2, &first, 1, normal.data(), -kInfinity, &hits);
  CHECK(hits == 0xfffe);
  strip_hits(strip.data(), 2, &first, 1, normal.data(), kInfinity, &hits);
  CHECK(hits == 0);
}

// A group of boxes, balls or simplices around random points says nothing wrong about any of them, at any threshold.
TEST_CASE_TEMPLATE("bounds hold for every point they are of", T, float, double) {
  RandomStream random(2, RandomPurpose::weights);
  for (int round = 0; round < 300; ++round) {
    const Index d = 1 + static_cast<Index>(random.below(6)), each = 3;
    const double size = std::pow(10.0, static_cast<double>(random.below(9)) - 4);
    const auto index = [&](Index v, Index s) { return static_cast<std::size_t>(v * kSiblings + s); };
    std::vector<T> boxes(index(box_values(d), 0)), balls(index(ball_values(d), 0)),
        simplices(index(simplex_values(d), 0)), normal(static_cast<std::size_t>(d));
    std::vector<std::vector<T>> points;
    for (T& v : normal) v = random.below(5) == 0 ? T(0) : static_cast<T>(random.normal());
    for (Index s = 0; s < kSiblings; ++s) {
      std::vector<double> low(static_cast<std::size_t>(d), HUGE_VAL), high(static_cast<std::size_t>(d), -HUGE_VAL);
      double largest = 0;
      for (Index p = 0; p < each; ++p) {
        std::vector<T> row;
        double squares = 0;
        for (Index j = 0; j < d; ++j) {
          row.push_back(static_cast<T>(size * random.normal()));
          const double v = static_cast<double>(row.back());
          low[static_cast<std::size_t>(j)] = std::min(low[static_cast<std::size_t>(j)], v);
          high[static_cast<std::size_t>(j)] = std::max(high[static_cast<std::size_t>(j)], v);
          squares += v * v;
        }
        largest = std::max(largest, std::sqrt(squares));
        points.push_back(row);
      }
      for (Index j = 0; j < d; ++j) {
        const auto at = static_cast<std::size_t>(j);
        boxes[index(2 * j, s)] = static_cast<T>(low[at]);
        boxes[index(2 * j + 1, s)] = static_cast<T>(high[at]);
        balls[index(j, s)] = 0;
        for (Index c = 0; c <= d; ++c)  // the box is in this simplex
          simplices[index(c * d + j, s)] = static_cast<T>(
              low[at] - 0.01 * size + (c == j ? 1.1 * static_cast<double>(d) * (high[at] - low[at] + size) : 0));
      }
      balls[index(d, s)] = static_cast<T>(largest * 1.001);
      simplices[index(d * (d + 1), s)] = 0;
      boxes[index(box_values(d) - 1, s)] = balls[index(ball_values(d) - 1, s)] = static_cast<T>(largest * 3);
      simplices[index(simplex_values(d) - 1, s)] = static_cast<T>(size * 1000);
    }
    // At products of the points themselves, where a rounding decides.
    for (std::size_t chosen = 0; chosen < points.size(); chosen += 5) {
      const T product = inner_product(points[chosen].data(), normal.data(), d);
      for (const double threshold :
           {static_cast<double>(product), std::nextafter(static_cast<double>(product), HUGE_VAL)}) {
        const FarSide<T> query(normal.data(), threshold, d);
        const std::int32_t first = 0;
        GroupSides sides[3];
        T highs[3][kSiblings];
        bound_boxes(boxes.data(), d, &first, 1, query.bound, &sides[0], highs[0]);
        bound_balls(balls.data(), d, &first, 1, query.bound, &sides[1], highs[1]);
        bound_simplices(simplices.data(), d, &first, 1, query.bound, &sides[2], highs[2]);
        for (std::size_t p = 0; p < points.size(); ++p) {
          const T own = inner_product(points[p].data(), normal.data(), d);
          const std::size_t s = p / each;
          for (int kind = 0; kind < 3; ++kind) {
            const bool inside = (sides[kind].inside >> s & 1) != 0, possible = (sides[kind].possible >> s & 1) != 0;
            if (static_cast<double>(own) >= threshold)
              CHECK(possible);
            else
              CHECK_FALSE(inside);
            CHECK(own <= highs[kind][s]);
          }
        }
      }
    }
  }
}

TEST_SUITE_END();
