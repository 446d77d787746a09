// What every index promises, on every index of the library; and what is the library's own.
#include <doctest/doctest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_choice.hpp"
#include "sublinear/testing/conformance.hpp"
#include "testing/hard_points.hpp"

using namespace sublinear;

namespace {

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> over(const std::string& name, const std::vector<T>& points, Index d) {
  return make_index<T>(name, {points.data(), static_cast<Index>(points.size()) / d, d});
}

template <class T>
std::vector<Index> ask(const HalfSpaceIndex<T>& index, const std::vector<T>& normal, double threshold) {
  IdLists<Index> lists;
  index.report(normal.data(), &threshold, 1, 1, lists);
  return lists.ids;
}

}  // namespace

TEST_CASE_TEMPLATE("every index keeps what HalfSpaceIndex promises", T, float, double) {
  for (const std::string& name : index_names()) CHECK_NOTHROW(check_index<T>(name));
}

TEST_CASE_TEMPLATE("readers at the same time, each like one alone" * doctest::test_suite("threads"), T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const Index d = 2, queries = 60;
    HardPoints<T> generate(Kind::gaussian, d, 3);
    const std::vector<T> points = generate.points(4000), normals = generate.points(queries);
    const auto index = over<T>(name, points, d);
    const std::vector<double> thresholds(static_cast<std::size_t>(queries), 0.5);
    IdLists<Index> expected;
    TopLists<T> expected_top;
    index->report(normals.data(), thresholds.data(), queries, 1, expected);
    index->top(normals.data(), queries, 5, 1, expected_top);
    std::vector<char> alike(4, 0);
    std::vector<std::thread> readers;
    for (std::size_t r = 0; r < alike.size(); ++r)
      readers.emplace_back([&, r] {
        IdLists<Index> lists;
        TopLists<T> top;
        std::vector<Index> page;
        index->report(normals.data(), thresholds.data(), queries, 1, lists);
        index->top(normals.data(), queries, 5, 1, top);
        index->report_page(normals.data(), 0.5, 0, page);
        alike[r] = lists.ids == expected.ids && top.lists.ids == expected_top.lists.ids &&
                   static_cast<Index>(page.size()) == expected.length(0);
      });
    for (std::thread& reader : readers) reader.join();
    CHECK(alike == std::vector<char>(4, 1));
  }
}

TEST_CASE("pages have a bounded number of points, and a stream stops when it is told to") {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const std::vector<float> points = HardPoints<float>(Kind::gaussian, 2, 1).points(200000);
    const auto index = over<float>(name, points, 2);
    CHECK(index->pages() == 4);
    const float normal[] = {1, 0};
    Index largest = 0, all = 0, calls = 0;
    stream<float>(*index, normal, -100, [&](const Index*, Index count) {
      largest = std::max(largest, count);
      all += count;
      return true;
    });
    CHECK(largest <= 65536);
    CHECK(all == 200000);
    stream<float>(*index, normal, -100, [&](const Index*, Index) { return ++calls < 2; });
    CHECK(calls == 2);
    std::vector<Index> ids;
    CHECK_THROWS_AS(index->report_page(normal, 0, 4, ids), std::invalid_argument);
    CHECK_THROWS_AS(index->report_page(normal, 0, -1, ids), std::invalid_argument);
  }
}

TEST_CASE("a build is told of, and stops when the callback throws") {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const std::vector<float> points = HardPoints<float>(Kind::gaussian, 2, 1).points(200000);
    std::vector<double> told;
    IndexOptions options;
    options.progress = [&](double done) { told.push_back(done); };
    const auto index = make_index<float>(name, {points.data(), 200000, 2}, options);
    const bool builds = name.find("tree") != std::string::npos || name == "convex-layers";
    CHECK(told.empty() != builds);
    CHECK(std::is_sorted(told.begin(), told.end()));
    if (!builds) continue;
    CHECK(told.front() > 0);
    CHECK(told.back() <= 1);
    options.progress = [](double) { throw std::domain_error("enough"); };
    CHECK_THROWS_AS(static_cast<void>(make_index<float>(name, {points.data(), 200000, 2}, options)), std::domain_error);
  }
}

TEST_CASE("the automatic choice is an index that serves, with a reason") {
  for (const Index count : {0, 100, 5000, 100000, 10000000})
    for (const Index d : {1, 2, 5, 8, 11, 13, 64, 50000})
      for (const Index queries : {1, 1000})
        for (const double share : {-1.0, 0.01, 0.5}) {
          const IndexChoice choice = choose_index(count, d, queries, share);
          CHECK((index_serves(choice.name, d) || d > 40000));
          CHECK(choice.why.find(std::to_string(count) + " points") == 0);
        }
  CHECK(choose_index(100000, 3, 1000).name == "kd-tree");
  CHECK(choose_index(100000, 6, 1000).name == "ball-tree");
  CHECK(choose_index(100000, 64, 1000).name == "quantized-scan");
  CHECK(choose_index(100000, 11, 1).name == "brute-force");
  const std::vector<float> points(3000, 1.0F);
  CHECK(make_index<float>("auto", {points.data(), 1500, 2})->name() == std::string("kd-tree"));
  CHECK_THROWS_AS(static_cast<void>(choose_index(-1, 2, 1)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(choose_index(1, 0, 1)), std::invalid_argument);
}

TEST_CASE_TEMPLATE("bad input is refused in words, and the index is as it was", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
  const std::vector<T> points{1, 2, 3, 4, 5, 6}, bad{1, nan}, worse{infinity, 1};
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const auto index = over<T>(name, points, 2);
    const std::vector<Index> twice{1, 1}, unknown{3}, negative{-1}, first{0};
    CHECK_THROWS_WITH_AS(index->insert({bad.data(), 1, 2}),
                         "points: the value in row 0, column 1 is nan; every value must be finite",
                         std::invalid_argument);
    CHECK_THROWS_AS(index->insert({points.data(), 2, 3}), std::invalid_argument);
    CHECK_THROWS_AS(index->insert({points.data(), -1, 2}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(index->erase(twice.data(), 2), "id 1 is given more than once; ids must be distinct",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(index->erase(unknown.data(), 1),
                         "id 3 was never given; the index has 3 points and ids below 3", std::invalid_argument);
    CHECK_THROWS_AS(index->erase(negative.data(), 1), std::invalid_argument);
    CHECK_THROWS_AS(index->move(first.data(), 1, worse.data()), std::invalid_argument);
    CHECK_THROWS_AS(index->move(unknown.data(), 1, points.data()), std::invalid_argument);
    CHECK_THROWS_AS(ask<T>(*index, bad, 0), std::invalid_argument);
    CHECK_THROWS_AS(ask<T>(*index, {1, 1}, std::nan("")), std::invalid_argument);
    IdLists<Index> lists;
    const double threshold = 0;
    CHECK_THROWS_AS(index->report(points.data(), &threshold, 1, -1, lists), std::invalid_argument);
    CHECK_THROWS_AS(index->report(points.data(), &threshold, -1, 1, lists), std::invalid_argument);
    CHECK(index->size() == 3);
    CHECK(ask<T>(*index, {1, 1}, 7) == std::vector<Index>{1, 2});
    index->erase(first.data(), 1);
    CHECK_THROWS_WITH_AS(index->erase(first.data(), 1), "id 0 was erased; the index has 2 points and ids below 3",
                         std::invalid_argument);
    CHECK_THROWS_AS(over<T>(name, bad, 2), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(make_index<T>(name, Points<T>{points.data(), 3, 0})), std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(
      static_cast<void>(make_index<T>("octree", Points<T>{points.data(), 3, 2})),
      "index is \"octree\"; known are \"auto\", \"brute-force\", \"quantized-scan\", \"kd-tree\", \"ball-tree\", "
      "\"partition-tree\", \"convex-layers\"",
      std::invalid_argument);
}

TEST_CASE_TEMPLATE("bytes count at least what is kept of the points, and less when they are gone", T, float, double) {
  HardPoints<T> generator(Kind::gaussian, 2, 3);
  const Index count = 20000;
  const std::vector<T> points = generator.points(count);
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const auto index = over<T>(name, points, 2);
    const auto few = make_index<T>(name, {points.data(), 10, 2});
    CHECK(index->bytes() >= points.size() * sizeof(T));
    CHECK(index->bytes() < 100 * points.size() * sizeof(T));
    CHECK(few->bytes() < index->bytes() / 10);
  }
}

TEST_CASE("a dimension that a structure does not serve is refused with the name of one that does") {
  const std::vector<float> zeros(1 << 17, 0.0F);
  int refused = 0;
  for (const std::string& name : index_names())
    for (const Index d : {1, 2, 3, 16, 17, 1 << 17}) {
      CAPTURE(name);
      CAPTURE(d);
      const Points<float> points{zeros.data(), 1, d};
      if (index_serves(name, d)) {
        CHECK(make_index<float>(name, points)->dimension() == d);
        continue;
      }
      ++refused;
      const std::string refusal = "points have " + std::to_string(d) + " columns; " + name + " serves";
      CHECK_THROWS_WITH_AS(static_cast<void>(make_index<float>(name, points)), doctest::Contains(refusal.c_str()),
                           std::invalid_argument);
    }
  CHECK(refused > 6);
}
