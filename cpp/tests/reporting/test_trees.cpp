// What is particular to the trees: whole subtrees, refitting, rebuilding.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/reporting/partition_tree.hpp"

using namespace sublinear;

namespace {

template <class T>
std::vector<T> gaussian(Index count, Index d, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(static_cast<std::size_t>(count * d));
  for (T& v : values) v = static_cast<T>(normal(random));
  return values;
}

// Work of counting at the threshold sqrt(0.4 log N) along 20 unit normals.
template <class T>
Work work_of(const HalfSpaceIndex<T>& index) {
  const Index d = index.dimension(), queries = 20;
  std::vector<T> normals = gaussian<T>(queries, d, 3);
  for (Index q = 0; q < queries; ++q) {
    double squares = 0;
    for (Index j = 0; j < d; ++j)
      squares += std::pow(static_cast<double>(normals[static_cast<std::size_t>(q * d + j)]), 2);
    for (Index j = 0; j < d; ++j) normals[static_cast<std::size_t>(q * d + j)] /= static_cast<T>(std::sqrt(squares));
  }
  const std::vector<double> thresholds(queries, std::sqrt(0.4 * std::log(static_cast<double>(index.size()))));
  std::vector<Index> counts(queries);
  return index.count(normals.data(), thresholds.data(), queries, 1, counts.data());
}

}  // namespace

TEST_CASE_TEMPLATE("whole subtrees are reported without looking at their points", Tree, KDTree<float>, BallTree<float>,
                   KDTree<double>, BallTree<double>) {
  using T = std::conditional_t<std::is_base_of_v<HalfSpaceIndex<float>, Tree>, float, double>;
  const Index n = 1 << 14;
  const std::vector<T> points = gaussian<T>(n, 2, 1);
  const Tree tree({points.data(), n, 2});
  const Work work = work_of<T>(tree);
  CHECK(work.inner_products < 20 * n / 20);
  CHECK(work.fired > work.inner_products / 4);
  CHECK(work.bounds < 20 * n / 32);
  // Everything and nothing cost one look at the four nodes of the highest level.
  const T normal[] = {1, 0};
  for (const double threshold : {-HUGE_VAL, HUGE_VAL, -100.0, 100.0}) {
    Index count = 0;
    const Work once = tree.count(normal, &threshold, 1, 1, &count);
    CHECK(once.bounds == 4);
    CHECK(once.inner_products == 0);
    CHECK(count == (threshold < 0 ? n : 0));
  }
}

TEST_CASE_TEMPLATE("small moves refit the bounds, large ones rebuild the tree", Tree, KDTree<float>, BallTree<float>) {
  const Index n = 1 << 13, d = 3;
  std::vector<float> points = gaussian<float>(n, d, 1);
  Tree tree({points.data(), n, d});
  const Work fresh = work_of<float>(tree);
  std::vector<Index> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), Index{0});
  const std::vector<float> noise = gaussian<float>(n, d, 2);
  for (std::size_t k = 0; k < points.size(); ++k) points[k] += 0.001F * noise[k];
  tree.move(ids.data(), n, points.data());
  const Work nudged = work_of<float>(tree);
  CHECK(nudged.inner_products > 0);
  CHECK(nudged.inner_products < fresh.inner_products * 3 / 2);
  // Every point goes somewhere else: refitted leaves would all be as large as the whole set.
  const std::vector<float> elsewhere = gaussian<float>(n, d, 9);
  tree.move(ids.data(), n, elsewhere.data());
  const Work moved = work_of<float>(tree);
  CHECK(moved.inner_products < fresh.inner_products * 3 / 2);
}

TEST_CASE_TEMPLATE("inserted points wait to be scanned, then join the tree", Tree, KDTree<float>, BallTree<float>) {
  const Index n = 8192;
  const std::vector<float> points = gaussian<float>(n, 2, 1);
  Tree tree({points.data(), n, 2});
  const std::int64_t before = work_of<float>(tree).inner_products;
  tree.insert({points.data(), 256, 2});
  CHECK(work_of<float>(tree).inner_products > before + 20 * 200);  // one by one
  tree.insert({points.data(), 1, 2});                              // one more than the buffer takes
  CHECK(work_of<float>(tree).inner_products < before + 20 * 100);
  // One at a time: parts of falling sizes, not one for every full buffer.
  for (Index k = 0; k < 5000; ++k) tree.insert({points.data() + 2 * k, 1, 2});
  CHECK(work_of<float>(tree).inner_products < 4 * before + 20 * 256);
  // Erasing most of them gives the memory back.
  std::vector<Index> ids(9000);
  std::iota(ids.begin(), ids.end(), Index{0});
  const std::size_t bytes = tree.bytes();
  tree.erase(ids.data(), 9000);
  CHECK(tree.size() == n + 257 + 5000 - 9000);
  CHECK(tree.bytes() < bytes * 3 / 4);
}

TEST_CASE("leaf size changes speed, not results, and is not negative") {
  const Index n = 3000, d = 3;
  const std::vector<float> points = gaussian<float>(n, d, 4), normals = gaussian<float>(10, d, 5);
  const std::vector<double> thresholds(10, 0.7);
  IdLists<Index> expected, lists;
  BruteForce<float>({points.data(), n, d}).report(normals.data(), thresholds.data(), 10, 1, expected);
  for (const Index leaf_size : {1, 2, 7, 5000}) {
    KDTree<float>({points.data(), n, d}, {leaf_size, {}}).report(normals.data(), thresholds.data(), 10, 1, lists);
    CHECK(lists.ids == expected.ids);
    BallTree<float>({points.data(), n, d}, {leaf_size, {}}).report(normals.data(), thresholds.data(), 10, 1, lists);
    CHECK(lists.ids == expected.ids);
  }
  CHECK_THROWS_AS(KDTree<float>({points.data(), n, d}, {-1, {}}), std::invalid_argument);
}

TEST_CASE_TEMPLATE("ids ascend within a leaf: the order is the points' and not the standard library's", Tree,
                   KDTree<float>, BallTree<double>, PartitionTree<float>) {
  using T = std::conditional_t<std::is_base_of_v<HalfSpaceIndex<float>, Tree>, float, double>;
  const Index n = 3000;
  std::vector<T> points = gaussian<T>(n, 3, 1);
  for (std::size_t k = 0; k < points.size(); k += 3) points[k] = std::round(points[k]);  // ties
  const Tree tree({points.data(), n, 3});
  const T normal[] = {1, 0, 0};
  std::vector<Index> ids;
  for (Index page = 0; page < tree.pages(); ++page) tree.report_page(normal, -HUGE_VAL, page, ids);
  REQUIRE(ids.size() == static_cast<std::size_t>(n));
  for (std::size_t k = 1; k < ids.size(); ++k)
    if (k % 16 != 0) CHECK(ids[k - 1] < ids[k]);
}
