// What every index promises, on every index.
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
#include "sublinear/reporting/index_file.hpp"

using namespace sublinear;

namespace {

enum class Kind { integers, gaussian, clustered, line, sphere, far, subnormal, spread };

template <class T>
class Generator {
 public:
  Generator(Kind kind, Index dimension, unsigned seed) : kind_(kind), d_(dimension), random_(seed) {}

  std::vector<T> points(Index count) {
    std::vector<T> values(static_cast<std::size_t>(count * d_));
    for (Index k = 0; k < count; ++k) {
      T* const row = values.data() + k * d_;
      const double shared = value(), cluster = 1000.0 * static_cast<double>(random_() % 3);
      double squares = 0;
      for (Index j = 0; j < d_; ++j) {
        double coordinate = value();
        if (kind_ == Kind::clustered) coordinate += cluster;
        if (kind_ == Kind::line) coordinate = shared * static_cast<double>(j + 1);
        if (kind_ == Kind::far) coordinate += 1e6;
        if (kind_ == Kind::subnormal) coordinate *= static_cast<double>(std::numeric_limits<T>::denorm_min()) * 100;
        if (kind_ == Kind::spread) coordinate *= std::pow(10.0, static_cast<double>(random_() % 61) - 30);
        row[j] = static_cast<T>(coordinate);
        squares += coordinate * coordinate;
      }
      if (kind_ == Kind::sphere)
        for (Index j = 0; j < d_; ++j) row[j] = static_cast<T>(static_cast<double>(row[j]) / std::sqrt(squares));
    }
    // Some points are there twice.
    for (Index k = 1; k < count; k += 5) std::copy_n(values.begin() + (k - 1) * d_, d_, values.begin() + k * d_);
    return values;
  }
  double value() {
    if (kind_ == Kind::integers) return static_cast<double>(static_cast<int>(random_() % 9) - 4);
    return std::normal_distribution<double>()(random_);
  }
  unsigned below(std::size_t bound) { return static_cast<unsigned>(random_() % bound); }

 private:
  Kind kind_;
  Index d_;
  std::mt19937 random_;
};

// The oracle: a map of points, each judged by itself.
template <class T>
using Oracle = std::map<Index, std::vector<T>>;

template <class T>
std::vector<Index> judged(const Oracle<T>& oracle, const T* normal, double threshold, Index d) {
  std::vector<Index> ids;
  for (const auto& [id, point] : oracle)
    if (static_cast<double>(inner_product(point.data(), normal, d)) >= threshold) ids.push_back(id);
  return ids;
}

// The other ways to ask give what follows from the lists.
template <class T>
void check_variants(const HalfSpaceIndex<T>& index, const Oracle<T>& oracle, const std::vector<T>& normals,
                    const std::vector<double>& thresholds, const IdLists<Index>& lists) {
  const Index d = index.dimension(), queries = lists.size(), k = 7;
  IdLists<Index> unsorted, limited, again;
  index.report(normals.data(), thresholds.data(), queries, ReportOptions(2, false), unsorted);
  const Work work = index.report(normals.data(), thresholds.data(), queries, ReportOptions(1, true, k), limited);
  CHECK(index.report(normals.data(), thresholds.data(), queries, ReportOptions(3, true, k), again) == work);
  CHECK(again.ids == limited.ids);
  TopLists<T> top;
  index.top(normals.data(), queries, k, 2, top);
  for (Index q = 0; q < queries; ++q) {
    const std::vector<Index> all(lists.begin(q), lists.end(q));
    std::vector<Index> other(unsorted.begin(q), unsorted.end(q));
    std::sort(other.begin(), other.end());
    CHECK(other == all);
    const std::vector<Index> some(limited.begin(q), limited.end(q));
    CHECK(static_cast<Index>(some.size()) == std::min(k, static_cast<Index>(all.size())));
    CHECK(std::includes(all.begin(), all.end(), some.begin(), some.end()));
    std::vector<Index> streamed;
    const auto take = [&](const Index* ids, Index count) {
      streamed.insert(streamed.end(), ids, ids + count);
      return true;
    };
    stream<T>(index, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)], take);
    std::sort(streamed.begin(), streamed.end());
    CHECK(streamed == all);
    // The largest products, equal ones by id.
    std::vector<std::pair<T, Index>> products;
    for (const auto& [id, point] : oracle) {
      const T product = inner_product(point.data(), normals.data() + q * d, d);
      if (product == product) products.emplace_back(-product, id);
    }
    std::sort(products.begin(), products.end());
    products.resize(std::min(products.size(), static_cast<std::size_t>(k)));
    REQUIRE(top.lists.length(q) == static_cast<Index>(products.size()));
    for (std::size_t p = 0; p < products.size(); ++p) {
      CHECK(top.lists.begin(q)[p] == products[p].second);
      CHECK(top.products[static_cast<std::size_t>(top.lists.offsets[static_cast<std::size_t>(q)]) + p] ==
            -products[p].first);
    }
  }
}

// What is saved answers alike, and for trees with the same work.
template <class T>
void check_saved(const HalfSpaceIndex<T>& index, const std::vector<T>& normals) {
  const std::string bytes = index_bytes(index);
  const auto loaded = index_from_bytes<T>(bytes.data(), bytes.size());
  const Index queries = static_cast<Index>(normals.size()) / index.dimension();
  const std::vector<double> thresholds(static_cast<std::size_t>(queries), 0.5);
  IdLists<Index> expected, lists;
  const Work work = index.report(normals.data(), thresholds.data(), queries, 1, expected);
  CHECK(loaded->report(normals.data(), thresholds.data(), queries, 1, lists) == work);
  CHECK(lists.ids == expected.ids);
  CHECK(loaded->name() == std::string(index.name()));
  CHECK(index_bytes(*loaded) == bytes);
  CHECK(loaded->insert({nullptr, 0, index.dimension()}) ==
        const_cast<HalfSpaceIndex<T>&>(index).insert({nullptr, 0, index.dimension()}));
}

// Asks for a few normals, at thresholds that some point meets exactly, and compares everything with the oracle.
template <class T>
void check_queries(const HalfSpaceIndex<T>& index, const Oracle<T>& oracle, Generator<T>& generate) {
  const Index d = index.dimension(), queries = 9;
  REQUIRE(index.size() == static_cast<Index>(oracle.size()));
  const std::vector<T> normals = generate.points(queries);
  std::vector<double> thresholds;
  for (Index q = 0; q < queries; ++q) {
    double threshold = generate.value();
    if (q % 3 == 0 && !oracle.empty()) {
      const auto chosen = std::next(oracle.begin(), generate.below(oracle.size()));
      threshold = static_cast<double>(inner_product(chosen->second.data(), normals.data() + q * d, d));
      if (std::isnan(threshold)) threshold = 0;
    }
    if (q == 7) threshold = -std::numeric_limits<double>::infinity();
    if (q == 8) threshold = std::numeric_limits<double>::infinity();
    thresholds.push_back(threshold);
  }
  IdLists<Index> lists, again;
  std::vector<Index> counts(queries);
  const Work work = index.report(normals.data(), thresholds.data(), queries, 1, lists);
  const Work counted = index.count(normals.data(), thresholds.data(), queries, 1, counts.data());
  REQUIRE(lists.size() == queries);
  std::int64_t fired = 0;
  for (Index q = 0; q < queries; ++q) {
    const auto expected = judged(oracle, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)], d);
    CHECK(std::vector<Index>(lists.begin(q), lists.end(q)) == expected);
    CHECK(counts[static_cast<std::size_t>(q)] == static_cast<Index>(expected.size()));
    fired += static_cast<std::int64_t>(expected.size());
  }
  CHECK(work.fired == fired);
  CHECK(counted.fired == fired);
  CHECK(work.inner_products == counted.inner_products);
  CHECK(index.report(normals.data(), thresholds.data(), queries, 3, again) == work);
  CHECK(again.ids == lists.ids);
  CHECK(again.offsets == lists.offsets);
  CHECK(index.count(normals.data(), thresholds.data(), queries, 3, counts.data()) == counted);
  check_variants(index, oracle, normals, thresholds, lists);
}

template <class T>
void run_history(const std::string& name, Kind kind, Index d, unsigned seed, int operations, Index at_once) {
  Generator<T> generate(kind, d, seed);
  Oracle<T> oracle;
  const Index start = seed % 4 == 0 ? 0 : at_once;
  const std::vector<T> first = generate.points(start);
  const auto index = make_index<T>(name, {first.data(), start, d});
  Index next = 0;
  const auto remember = [&](const std::vector<T>& points, Index count) {
    for (Index k = 0; k < count; ++k, ++next) oracle[next].assign(points.begin() + k * d, points.begin() + (k + 1) * d);
  };
  remember(first, start);
  const auto some_ids = [&] {
    std::vector<Index> ids;
    for (const auto& entry : oracle)
      if (generate.below(3) == 0) ids.push_back(entry.first);
    for (std::size_t k = ids.size(); k > 1; --k) std::swap(ids[k - 1], ids[generate.below(k)]);
    return ids;
  };
  check_queries(*index, oracle, generate);
  for (int step = 0; step < operations; ++step) {
    CAPTURE(step);
    switch (generate.below(4)) {
      case 0: {
        const Index count = static_cast<Index>(generate.below(static_cast<std::size_t>(at_once)));
        const std::vector<T> points = generate.points(count);
        CHECK(index->insert({points.data(), count, d}) == next);
        remember(points, count);
        break;
      }
      case 1: {
        const std::vector<Index> ids = some_ids();
        index->erase(ids.data(), static_cast<Index>(ids.size()));
        for (const Index id : ids) oracle.erase(id);
        break;
      }
      default: {
        const std::vector<Index> ids = some_ids();
        std::vector<T> points = generate.points(static_cast<Index>(ids.size()));
        if (generate.below(8) == 0)  // far away, so that bounds degrade
          for (T& v : points) v *= T(64);
        index->move(ids.data(), static_cast<Index>(ids.size()), points.data());
        for (std::size_t k = 0; k < ids.size(); ++k)
          oracle[ids[k]].assign(points.begin() + static_cast<Index>(k) * d,
                                points.begin() + static_cast<Index>(k + 1) * d);
      }
    }
    check_queries(*index, oracle, generate);
  }
  check_saved(*index, generate.points(5));
}

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

TEST_CASE_TEMPLATE("random histories agree with the oracle", T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    for (const Kind kind : {Kind::integers, Kind::gaussian, Kind::clustered})
      for (const Index d : {1, 2, 3, 8, 17, 66})
        for (unsigned seed = 0; seed < 3; ++seed) {
          CAPTURE(d);
          CAPTURE(seed);
          if (!index_serves(name, d)) continue;
          run_history<T>(name, kind, d, 100 * static_cast<unsigned>(d) + seed, seed == 2 ? 5 : 12,
                         seed == 2 ? 700 : 60);
        }
  }
}

TEST_CASE_TEMPLATE("hard inputs: a line, a sphere, far from the origin, subnormal, of all sizes", T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    for (const Kind kind : {Kind::line, Kind::sphere, Kind::far, Kind::subnormal, Kind::spread})
      for (const Index d : {1, 2, 3, 6})
        for (unsigned seed = 0; seed < 2; ++seed) {
          CAPTURE(static_cast<int>(kind));
          CAPTURE(d);
          if (!index_serves(name, d)) continue;
          run_history<T>(name, kind, d, 7 * static_cast<unsigned>(d) + seed, seed == 1 ? 3 : 8, seed == 1 ? 600 : 50);
        }
    if (index_serves(name, 1000)) run_history<T>(name, Kind::gaussian, 1000, 1, 4, 300);
  }
}

TEST_CASE_TEMPLATE("readers at the same time, each like one alone" * doctest::test_suite("threads"), T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const Index d = 2, queries = 60;
    Generator<T> generate(Kind::gaussian, d, 3);
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

TEST_CASE_TEMPLATE("answers do not depend on the caller's floating-point environment", T, float, double) {
  for (const std::string& name : index_names())
    for (const int rounding : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
      CAPTURE(name);
      const Index d = 2, count = 2000, queries = 40;
      Generator<T> generate(Kind::spread, d, 5);
      const std::vector<T> points = generate.points(count), moved = generate.points(count / 2);
      const std::vector<T> normals = generate.points(queries);
      std::vector<Index> ids(static_cast<std::size_t>(count / 2));
      std::iota(ids.begin(), ids.end(), Index{0});
      Oracle<T> oracle;
      for (Index k = 0; k < count; ++k) {
        const auto& from = k < count / 2 ? moved : points;
        oracle[k].assign(from.begin() + k * d, from.begin() + (k + 1) * d);
      }
      std::vector<double> thresholds;  // products themselves: a margin rounded inwards would miss some
      for (Index q = 0; q < queries; ++q) {
        const double product = static_cast<double>(inner_product(oracle[17 * q].data(), normals.data() + q * d, d));
        thresholds.push_back(std::isnan(product) ? 0 : product);
      }
      IdLists<Index> lists;
      std::fesetround(rounding);
      const auto index = over<T>(name, points, d);
      index->move(ids.data(), count / 2, moved.data());
      index->report(normals.data(), thresholds.data(), queries, 2, lists);
      const bool kept = std::fegetround() == rounding;
      std::fesetround(FE_TONEAREST);
      CHECK(kept);
      for (Index q = 0; q < queries; ++q)
        CHECK(std::vector<Index>(lists.begin(q), lists.end(q)) ==
              judged(oracle, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)], d));
    }
}

TEST_CASE("pages have a bounded number of points, and a stream stops when it is told to") {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const std::vector<float> points = Generator<float>(Kind::gaussian, 2, 1).points(200000);
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
    const std::vector<float> points = Generator<float>(Kind::gaussian, 2, 1).points(200000);
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

TEST_CASE_TEMPLATE("a point exactly on the threshold is reported", T, float, double) {
  for (const std::string& name : index_names()) {
    const std::vector<T> points{1, 2, 3, 4, -1, 0, 1, 2};
    const auto index = over<T>(name, points, 2);
    CHECK(ask<T>(*index, {1, 1}, 3) == std::vector<Index>{0, 1, 3});
    CHECK(ask<T>(*index, {1, 1}, std::nextafter(3.0, 4.0)) == std::vector<Index>{1});
    CHECK(ask<T>(*index, {0, 0}, 0) == std::vector<Index>{0, 1, 2, 3});
    CHECK(ask<T>(*index, {0, 0}, 5e-324).empty());
  }
}

TEST_CASE_TEMPLATE("empty sets, one point and all points equal", T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    if (!index_serves(name, 3)) continue;
    const auto empty = over<T>(name, {}, 3);
    CHECK(empty->size() == 0);
    CHECK(ask<T>(*empty, {1, 2, 3}, -HUGE_VAL).empty());
    IdLists<Index> lists;
    empty->report(nullptr, nullptr, 0, 1, lists);
    CHECK(lists.size() == 0);
    const std::vector<T> same(3 * 3000, T(0.1));
    CHECK(empty->insert({same.data(), 3000, 3}) == 0);
    CHECK(ask<T>(*empty, {1, 1, 1}, 0.2).size() == 3000);
    std::vector<Index> all(3000);
    std::iota(all.begin(), all.end(), Index{0});
    empty->erase(all.data(), 3000);
    CHECK(empty->size() == 0);
    CHECK(ask<T>(*empty, {1, 1, 1}, -HUGE_VAL).empty());
    CHECK(empty->insert({same.data(), 1, 3}) == 3000);  // ids are never used again
    CHECK(ask<T>(*empty, {1, 1, 1}, 0.2) == std::vector<Index>{3000});
  }
}

TEST_CASE_TEMPLATE("extreme values are judged by the canonical product like all others", T, float, double) {
  const T huge = std::numeric_limits<T>::max() / 2, tiny = std::numeric_limits<T>::denorm_min();
  const std::vector<T> values{huge, -huge, tiny, -tiny, T(1), T(0), -T(0), std::sqrt(huge), 1 / std::sqrt(huge)};
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    if (!index_serves(name, 3)) continue;
    std::mt19937 random(5);
    std::vector<T> points(400 * 3);
    for (T& v : points) v = values[random() % values.size()];
    const auto index = over<T>(name, points, 3);
    for (int q = 0; q < 200; ++q) {
      std::vector<T> normal(3);
      for (T& v : normal) v = values[random() % values.size()];
      for (const double threshold :
           {-HUGE_VAL, -1e30, -1.0, 0.0, 1e-300, static_cast<double>(tiny), 1.0, 1e30, HUGE_VAL}) {
        std::vector<Index> expected;
        for (Index k = 0; k < 400; ++k)
          if (static_cast<double>(inner_product(points.data() + 3 * k, normal.data(), 3)) >= threshold)
            expected.push_back(k);
        CHECK(ask<T>(*index, normal, threshold) == expected);
      }
    }
  }
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
  Generator<T> generator(Kind::gaussian, 2, 3);
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
