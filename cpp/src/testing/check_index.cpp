// The list of what every index promises. A case is a history of points with queries after it; one that fails is made
// smaller before it is printed.
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "testing/conformance_checks.hpp"
#include "testing/hard_points.hpp"
#include "testing/smallest.hpp"

namespace sublinear {
namespace {

// The oracle: a map of points, each judged by itself.
template <class T>
using Oracle = std::map<Index, std::vector<T>>;

// Points that come, go or move. Ids are places among those that are there then, so that a history stays one when parts
// of it are left out.
template <class T>
struct Change {
  enum class What { insert, erase, move } what = What::insert;
  std::vector<Index> places = {};
  std::vector<T> points = {};
};

// The threshold is the product with the point at `tie`, where there is one.
template <class T>
struct Query {
  std::vector<T> normal = {};
  double threshold = 0;
  Index tie = -1;
};

template <class T>
struct Case {
  Index dimension = 1;
  std::vector<T> first = {};
  std::vector<Change<T>> changes = {};
  std::vector<Query<T>> queries = {};
};

template <class T>
class IndexChecks : ConformanceChecks<T> {
 public:
  IndexChecks(IndexMaker<T> make, IndexInfo info)
      : ConformanceChecks<T>("index \"" + info.name + "\""), make_(std::move(make)), info_(std::move(info)) {}

  void run() {
    histories();
    single("a point exactly on the threshold is reported", [this] { ties(); });
    single("empty sets and equal points", [this] { empty_sets(); });
    single("extreme values are judged by the canonical product", [this] { extreme_values(); });
    single("bad arguments are std::invalid_argument and change nothing", [this] { bad_arguments(); });
    single("several threads may ask at the same time", [this] { readers(); });
    single("answers do not depend on the rounding mode", [this] { rounding_modes(); });
    single("what is copied or saved answers alike", [this] { copies(); });
  }

 private:
  using ConformanceChecks<T>::fail;
  using ConformanceChecks<T>::refuse;
  using ConformanceChecks<T>::single;
  using Pointer = std::unique_ptr<HalfSpaceIndex<T>>;

  [[nodiscard]] bool serves(Index d) const { return d >= info_.least_dimensions && d <= info_.most_dimensions; }
  [[nodiscard]] Index served(Index wanted) const {
    return std::min(std::max(wanted, info_.least_dimensions), info_.most_dimensions);
  }
  [[nodiscard]] Pointer over(const std::vector<T>& points, Index d) const {
    Pointer index = make_({points.data(), static_cast<Index>(points.size()) / d, d}, {});
    promise(index != nullptr, "an index is made");
    return index;
  }

  // ---- histories

  void histories() const {
    for (const Kind kind : {Kind::integers, Kind::gaussian, Kind::clustered, Kind::line, Kind::sphere, Kind::far,
                            Kind::subnormal, Kind::spread})
      for (const Index d : {1, 2, 3, 8, 17, 66})
        for (unsigned seed = 0; seed < 3; ++seed) {
          if (!serves(d) || (kind > Kind::clustered && d > 3)) continue;
          try_case(draw(kind, d, seed), kind);
        }
    if (serves(1000)) try_case(draw(Kind::gaussian, 1000, 1), Kind::gaussian);
  }

  [[nodiscard]] Case<T> draw(Kind kind, Index d, unsigned seed) const {
    HardPoints<T> random(kind, d, 100 * static_cast<unsigned>(d) + seed);
    const Index at_once = seed == 0 ? 9 : seed == 1 ? 60 : 600;
    const int changes = seed == 2 ? 4 : 9;
    Case<T> drawn;
    drawn.dimension = d;
    drawn.first = random.points(seed == 0 ? 3 : at_once);
    for (int k = 0; k < changes; ++k) {
      Change<T> change;
      change.what = static_cast<typename Change<T>::What>(std::min(random.below(4), 2U));
      const Index count = static_cast<Index>(random.below(static_cast<std::size_t>(at_once)));
      for (Index p = 0; p < count; ++p) change.places.push_back(static_cast<Index>(random.below(1U << 20U)));
      change.points = random.points(count);
      if (random.below(8) == 0)  // far away, so that bounds degrade
        for (T& v : change.points) v *= T(64);
      drawn.changes.push_back(change);
    }
    for (int q = 0; q < 9; ++q) {
      Query<T> query{random.points(1), random.value(), -1};
      if (q % 3 == 0) query.tie = static_cast<Index>(random.below(1U << 20U));
      if (q == 7) query.threshold = -std::numeric_limits<double>::infinity();
      if (q == 8) query.threshold = std::numeric_limits<double>::infinity();
      drawn.queries.push_back(query);
    }
    return drawn;
  }

  void try_case(Case<T> tried, Kind kind) const {
    std::optional<std::string> failure = failure_of(tried);
    if (!failure) return;
    const auto keep = [&](Case<T> smaller) {
      const std::optional<std::string> again = failure_of(smaller);
      if (!again) return false;
      tried = std::move(smaller), failure = again;
      return true;
    };
    shrink([&] { return tried.changes.size(); },
           [&](std::size_t begin, std::size_t end) {
             Case<T> smaller = tried;
             smaller.changes = without_rows(smaller.changes, begin, end, 1);
             return keep(smaller);
           });
    shrink([&] { return tried.queries.size(); },
           [&](std::size_t begin, std::size_t end) {
             Case<T> smaller = tried;
             smaller.queries = without_rows(smaller.queries, begin, end, 1);
             return keep(smaller);
           });
    const auto d = static_cast<std::size_t>(tried.dimension);
    shrink([&] { return tried.first.size() / d; },
           [&](std::size_t begin, std::size_t end) {
             Case<T> smaller = tried;
             smaller.first = without_rows(smaller.first, begin, end, smaller.dimension);
             return keep(smaller);
           });
    for (std::size_t c = 0; c < tried.changes.size(); ++c)
      shrink([&] { return tried.changes[c].places.size(); },
             [&](std::size_t begin, std::size_t end) {
               Case<T> smaller = tried;
               Change<T>& change = smaller.changes[c];
               change.places = without_rows(change.places, begin, end, 1);
               change.points = without_rows(change.points, begin, end, smaller.dimension);
               return keep(smaller);
             });
    fail("histories of points, " + std::string(kKindNames[static_cast<int>(kind)]) + ": " + *failure);
  }

  // What is broken in a case, with the case; nothing where it passes.
  [[nodiscard]] std::optional<std::string> failure_of(const Case<T>& tried) const {
    std::string history = std::to_string(static_cast<Index>(tried.first.size()) / tried.dimension) + " points " +
                          print_rows(tried.first, tried.dimension);
    if (tried.first.empty()) history = "no points, dimension " + std::to_string(tried.dimension);
    try {
      replay(tried, history);
      return std::nullopt;
    } catch (const BrokenPromise& broken) {
      return broken.text + "\n  case: " + history;
    } catch (const std::exception& error) {
      return std::string("it threw ") + error.what() + "\n  case: " + history;
    }
  }

  void replay(const Case<T>& tried, std::string& history) const {
    const Index d = tried.dimension;
    Oracle<T> oracle;
    Index next = 0;
    const auto remember = [&](const std::vector<T>& points) {
      for (Index k = 0; k * d < static_cast<Index>(points.size()); ++k, ++next)
        oracle[next].assign(points.begin() + k * d, points.begin() + (k + 1) * d);
    };
    const Pointer index = over(tried.first, d);
    remember(tried.first);
    ask(*index, oracle, tried.queries);
    for (const Change<T>& change : tried.changes) {
      const auto count = static_cast<Index>(change.places.size());
      if (change.what == Change<T>::What::insert) {
        history += ", then insert " + print_rows(change.points, d);
        promise(index->insert({change.points.data(), count, d}) == next, "new ids go on from the last one");
        remember(change.points);
      } else {
        std::vector<T> points;
        const std::vector<Index> ids = ids_at(change, oracle, d, points);
        if (change.what == Change<T>::What::erase) {
          history += ", then erase " + print(ids);
          index->erase(ids.data(), static_cast<Index>(ids.size()));
          for (const Index id : ids) oracle.erase(id);
        } else {
          history += ", then move " + print(ids) + " to " + print_rows(points, d);
          index->move(ids.data(), static_cast<Index>(ids.size()), points.data());
          for (std::size_t k = 0; k < ids.size(); ++k)
            oracle[ids[k]].assign(points.begin() + static_cast<Index>(k) * d,
                                  points.begin() + static_cast<Index>(k + 1) * d);
        }
      }
      promise(index->size() == static_cast<Index>(oracle.size()), "size() is the number of points");
      ask(*index, oracle, tried.queries);
    }
  }

  // The distinct ids at the places of a change, and the points that are theirs.
  static std::vector<Index> ids_at(const Change<T>& change, const Oracle<T>& oracle, Index d, std::vector<T>& points) {
    std::vector<Index> alive, ids;
    for (const auto& each : oracle) alive.push_back(each.first);
    for (std::size_t k = 0; k < change.places.size() && !alive.empty(); ++k) {
      const Index id = alive[static_cast<std::size_t>(change.places[k]) % alive.size()];
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
      ids.push_back(id);
      points.insert(points.end(), change.points.begin() + static_cast<Index>(k) * d,
                    change.points.begin() + static_cast<Index>(k + 1) * d);
    }
    return ids;
  }

  // ---- queries

  static std::vector<Index> judged(const Oracle<T>& oracle, const T* normal, double threshold, Index d) {
    std::vector<Index> ids;
    for (const auto& [id, point] : oracle)
      if (static_cast<double>(inner_product(point.data(), normal, d)) >= threshold) ids.push_back(id);
    return ids;
  }

  // Asks in every way, and compares with the oracle.
  void ask(const HalfSpaceIndex<T>& index, const Oracle<T>& oracle, const std::vector<Query<T>>& queries) const {
    const Index d = index.dimension();
    std::vector<T> normals;
    std::vector<double> thresholds;
    for (const Query<T>& query : queries) {
      normals.insert(normals.end(), query.normal.begin(), query.normal.end());
      double threshold = query.threshold;
      if (query.tie >= 0 && !oracle.empty()) {
        const auto at = std::next(oracle.begin(), query.tie % static_cast<Index>(oracle.size()));
        const auto product = static_cast<double>(inner_product(at->second.data(), query.normal.data(), d));
        threshold = std::isnan(product) ? 0 : product;
      }
      thresholds.push_back(threshold);
    }
    const auto count = static_cast<Index>(queries.size());
    IdLists<Index> lists;
    const Work work = index.report(normals.data(), thresholds.data(), count, 1, lists);
    promise(lists.size() == count, "there is a list for each query");
    for (Index q = 0; q < count; ++q)
      compare(lists, q, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)], oracle, d);
    promise(work.fired == static_cast<std::int64_t>(lists.ids.size()), "work.fired is the number of ids reported");
    ask_otherwise(index, normals, thresholds, lists, work);
    if (info_.exact) ask_for_top(index, oracle, normals, count);
  }

  void compare(const IdLists<Index>& lists, Index q, const T* normal, double threshold, const Oracle<T>& oracle,
               Index d) const {
    const std::vector<Index> expected = judged(oracle, normal, threshold, d), found(lists.begin(q), lists.end(q));
    const bool right = info_.exact ? found == expected
                                   : std::is_sorted(found.begin(), found.end()) &&
                                         std::includes(expected.begin(), expected.end(), found.begin(), found.end());
    promise(right, "normal " + print(normal, d) + ", threshold " + print(&threshold, 1) + ": reported are " +
                       print(found) + (info_.exact ? " instead of " : ", which are not all among ") + print(expected));
  }

  void ask_otherwise(const HalfSpaceIndex<T>& index, const std::vector<T>& normals,
                     const std::vector<double>& thresholds, const IdLists<Index>& lists, const Work& work) const {
    const Index d = index.dimension(), queries = lists.size(), limit = 7;
    IdLists<Index> again, unsorted, limited;
    std::vector<Index> counts(static_cast<std::size_t>(queries));
    const Work threaded = index.report(normals.data(), thresholds.data(), queries, 3, again);
    promise(again.ids == lists.ids && again.offsets == lists.offsets, "three threads report the ids of one");
    promise(threaded == work, "three threads do the work of one");
    const Work counted = index.count(normals.data(), thresholds.data(), queries, 2, counts.data());
    promise(counted.fired == work.fired && counted.inner_products == work.inner_products,
            "count does the inner products of report");
    index.report(normals.data(), thresholds.data(), queries, ReportOptions(2, false), unsorted);
    index.report(normals.data(), thresholds.data(), queries, ReportOptions(1, true, limit), limited);
    for (Index q = 0; q < queries; ++q) {
      const std::vector<Index> all(lists.begin(q), lists.end(q)), some(limited.begin(q), limited.end(q));
      std::vector<Index> other(unsorted.begin(q), unsorted.end(q)), streamed;
      std::sort(other.begin(), other.end());
      promise(counts[static_cast<std::size_t>(q)] == lists.length(q), "count is the number of ids reported");
      promise(other == all, "ids that need not be sorted are the same ids");
      promise(static_cast<Index>(some.size()) == std::min(limit, lists.length(q)) &&
                  std::includes(all.begin(), all.end(), some.begin(), some.end()),
              "a limit of 7 gives 7 of the ids, or all");
      stream<T>(index, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)],
                [&](const Index* ids, Index count) { return streamed.insert(streamed.end(), ids, ids + count), true; });
      std::sort(streamed.begin(), streamed.end());
      promise(streamed == all, "all pages together are the report");
    }
  }

  // The largest products, equal ones by id; where it is offered.
  void ask_for_top(const HalfSpaceIndex<T>& index, const Oracle<T>& oracle, const std::vector<T>& normals,
                   Index queries) const {
    const Index d = index.dimension(), k = 7;
    TopLists<T> top;
    try {
      index.top(normals.data(), queries, k, 2, top);
    } catch (const std::logic_error& error) {
      require_not_offered(error);
      return;
    }
    for (Index q = 0; q < queries; ++q) {
      std::vector<std::pair<T, Index>> ranked;
      for (const auto& [id, point] : oracle) {
        const T product = inner_product(point.data(), normals.data() + q * d, d);
        if (product == product) ranked.emplace_back(-product, id);
      }
      std::sort(ranked.begin(), ranked.end());
      ranked.resize(std::min(ranked.size(), static_cast<std::size_t>(k)));
      bool right = top.lists.length(q) == static_cast<Index>(ranked.size());
      for (std::size_t p = 0; right && p < ranked.size(); ++p) {
        const auto at = static_cast<std::size_t>(top.lists.offsets[static_cast<std::size_t>(q)]) + p;
        right = top.lists.ids[at] == ranked[p].second && top.products[at] == -ranked[p].first;
      }
      promise(right, "top gives the largest products in order, for normal " + print(normals.data() + q * d, d));
    }
  }

  [[nodiscard]] static std::vector<Index> report_one(const HalfSpaceIndex<T>& index, const std::vector<T>& normal,
                                                     double threshold) {
    IdLists<Index> lists;
    index.report(normal.data(), &threshold, 1, 1, lists);
    return lists.ids;
  }

  // A call that an index does not offer is a plain std::logic_error.
  static void require_not_offered(const std::logic_error& error) {
    promise(typeid(error) == typeid(std::logic_error), std::string("it threw ") + error.what());
  }

  // ---- single checks

  // `values` as the first coordinates of points in a dimension that is served, the others 0.
  [[nodiscard]] std::vector<T> padded(const std::vector<std::vector<T>>& rows, Index d) const {
    std::vector<T> points;
    for (const std::vector<T>& row : rows)
      for (Index j = 0; j < d; ++j)
        points.push_back(j < static_cast<Index>(row.size()) ? row[static_cast<std::size_t>(j)] : T(0));
    return points;
  }

  void ties() const {
    if (!info_.exact) return;
    const Index d = served(2);
    if (d < 2) return;
    const Pointer index = over(padded({{1, 2}, {3, 4}, {-1, 0}, {1, 2}}, d), d);
    const std::vector<T> ones = padded({{1, 1}}, d), zeros = padded({{0, 0}}, d);
    const auto expect = [&](const std::vector<T>& normal, double threshold, const std::vector<Index>& ids) {
      const std::vector<Index> found = report_one(*index, normal, threshold);
      promise(found == ids, "points (1,2), (3,4), (-1,0), (1,2), normal " + print(normal) + ", threshold " +
                                print(&threshold, 1) + ": reported are " + print(found) + " instead of " + print(ids));
    };
    expect(ones, 3, {0, 1, 3});
    expect(ones, std::nextafter(3.0, 4.0), {1});
    expect(zeros, 0, {0, 1, 2, 3});
    expect(zeros, 5e-324, {});
  }

  void empty_sets() const {
    const Index d = served(3), many = 3000;
    const double everything = -std::numeric_limits<double>::infinity();
    const std::vector<T> ones(static_cast<std::size_t>(d), T(1)), same(static_cast<std::size_t>(many * d), T(0.1));
    const Pointer empty = over({}, d);
    promise(empty->size() == 0 && report_one(*empty, ones, everything).empty(), "an empty index reports nothing");
    IdLists<Index> lists;
    empty->report(nullptr, nullptr, 0, 1, lists);
    promise(lists.size() == 0, "no queries have no lists");
    promise(empty->insert({same.data(), many, d}) == 0, "the first id is 0");
    if (info_.exact)
      promise(static_cast<Index>(report_one(*empty, ones, 0.05).size()) == many, "3000 equal points are all reported");
    std::vector<Index> all(static_cast<std::size_t>(many));
    std::iota(all.begin(), all.end(), Index{0});
    empty->erase(all.data(), many);
    promise(empty->size() == 0 && report_one(*empty, ones, everything).empty(), "erased points are not reported");
    promise(empty->insert({same.data(), 1, d}) == many, "ids are never used again");
    if (info_.exact) promise(report_one(*empty, ones, 0.05) == std::vector<Index>{many}, "a later point is reported");
  }

  void extreme_values() const {
    const T huge = std::numeric_limits<T>::max() / 2, tiny = std::numeric_limits<T>::denorm_min();
    const std::vector<T> values{huge, -huge, tiny, -tiny, T(1), T(0), -T(0), std::sqrt(huge), 1 / std::sqrt(huge)};
    const Index d = served(3), count = 400;
    std::mt19937 random(5);
    std::vector<T> points(static_cast<std::size_t>(count * d));
    for (T& v : points) v = values[random() % values.size()];
    Oracle<T> oracle;
    for (Index k = 0; k < count; ++k) oracle[k].assign(points.begin() + k * d, points.begin() + (k + 1) * d);
    const Pointer index = over(points, d);
    for (int q = 0; q < 200; ++q) {
      std::vector<T> normal(static_cast<std::size_t>(d));
      for (T& v : normal) v = values[random() % values.size()];
      for (const double threshold :
           {-HUGE_VAL, -1e30, -1.0, 0.0, 1e-300, static_cast<double>(tiny), 1.0, 1e30, HUGE_VAL}) {
        IdLists<Index> lists;
        index->report(normal.data(), &threshold, 1, 1, lists);
        compare(lists, 0, normal.data(), threshold, oracle, d);
      }
    }
  }

  void bad_arguments() const {
    const Index d = served(2);
    const T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
    std::vector<T> points(static_cast<std::size_t>(3 * d)), bad(static_cast<std::size_t>(d), T(1));
    std::iota(points.begin(), points.end(), T(1));
    const std::vector<T> good = bad;
    const Pointer index = over(points, d);
    const std::vector<Index> twice{1, 1}, unknown{3}, negative{-1}, first{0};
    const std::vector<Index> before = report_one(*index, good, 7);
    for (const T value : {nan, infinity}) {
      bad[0] = value;
      refuse("a point that is not finite", [&] { index->insert({bad.data(), 1, d}); });
      refuse("moving to a point that is not finite", [&] { index->move(first.data(), 1, bad.data()); });
      refuse("a normal that is not finite", [&] { static_cast<void>(report_one(*index, bad, 0)); });
      refuse("an index over a point that is not finite", [&] { static_cast<void>(over(bad, d)); });
    }
    refuse("another dimension", [&] { index->insert({points.data(), 1, d + 1}); });
    refuse("a negative count", [&] { index->insert({points.data(), -1, d}); });
    refuse("an id given twice", [&] { index->erase(twice.data(), 2); });
    refuse("an unknown id", [&] { index->erase(unknown.data(), 1); });
    refuse("a negative id", [&] { index->erase(negative.data(), 1); });
    refuse("moving an unknown id", [&] { index->move(unknown.data(), 1, points.data()); });
    refuse("a threshold that is NaN", [&] { static_cast<void>(report_one(*index, good, std::nan(""))); });
    IdLists<Index> lists;
    const double threshold = 0;
    refuse("a negative number of threads", [&] { index->report(points.data(), &threshold, 1, -1, lists); });
    refuse("a negative number of queries", [&] { index->report(points.data(), &threshold, -1, 1, lists); });
    promise(index->size() == 3 && report_one(*index, good, 7) == before, "what was refused has changed nothing");
    index->erase(first.data(), 1);
    refuse("erasing an id again", [&] { index->erase(first.data(), 1); });
    refuse("a dimension of 0", [&] { static_cast<void>(make_({points.data(), 3, 0}, {})); });
  }

  void readers() const {
    const Index d = served(2), queries = 60;
    HardPoints<T> random(Kind::gaussian, d, 3);
    const std::vector<T> points = random.points(4000), normals = random.points(queries);
    const Pointer index = over(points, d);
    const std::vector<double> thresholds(static_cast<std::size_t>(queries), 0.5);
    IdLists<Index> expected;
    index->report(normals.data(), thresholds.data(), queries, 1, expected);
    std::vector<char> alike(4, 0);
    std::vector<std::thread> threads;
    for (char& each : alike)
      threads.emplace_back([&] {
        try {
          IdLists<Index> lists;
          index->report(normals.data(), thresholds.data(), queries, 1, lists);
          each = lists.ids == expected.ids;
        } catch (...) {  // it stays 0
        }
      });
    for (std::thread& each : threads) each.join();
    promise(alike == std::vector<char>(4, 1), "4000 points, 60 queries, four threads: each gets what one alone gets");
  }

  void rounding_modes() const {
    const Index d = served(2), count = 2000, queries = 40;
    for (const int rounding : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
      HardPoints<T> random(Kind::spread, d, 5);
      const std::vector<T> points = random.points(count), moved = random.points(count / 2);
      const std::vector<T> normals = random.points(queries);
      std::vector<Index> ids(static_cast<std::size_t>(count / 2));
      std::iota(ids.begin(), ids.end(), Index{0});
      Oracle<T> oracle;
      for (Index k = 0; k < count; ++k) {
        const auto& from = k < count / 2 ? moved : points;
        oracle[k].assign(from.begin() + k * d, from.begin() + (k + 1) * d);
      }
      std::vector<double> thresholds;  // products themselves: a margin rounded inwards would miss some
      for (Index q = 0; q < queries; ++q) {
        const auto product = static_cast<double>(inner_product(oracle[17 * q].data(), normals.data() + q * d, d));
        thresholds.push_back(std::isnan(product) ? 0 : product);
      }
      IdLists<Index> lists;
      std::fesetround(rounding);
      bool kept = false;
      try {
        const Pointer index = over(points, d);
        index->move(ids.data(), count / 2, moved.data());
        index->report(normals.data(), thresholds.data(), queries, 2, lists);
        kept = std::fegetround() == rounding;
      } catch (...) {
        std::fesetround(FE_TONEAREST);
        throw;
      }
      std::fesetround(FE_TONEAREST);
      promise(kept, "the caller's rounding mode is left alone");
      for (Index q = 0; q < queries; ++q)
        compare(lists, q, normals.data() + q * d, thresholds[static_cast<std::size_t>(q)], oracle, d);
    }
  }

  // Where they are offered.
  void copies() const {
    const Index d = served(3);
    HardPoints<T> random(Kind::gaussian, d, 7);
    const Pointer index = over(random.points(700), d);
    const std::vector<Index> gone{3, 5, 699};
    index->erase(gone.data(), 3);
    const std::vector<T> normals = random.points(5);
    const std::vector<double> thresholds(5, 0.5);
    IdLists<Index> expected;
    index->report(normals.data(), thresholds.data(), 5, 1, expected);
    const auto same = [&](HalfSpaceIndex<T>& other, const char* what) {
      IdLists<Index> lists;
      other.report(normals.data(), thresholds.data(), 5, 1, lists);
      promise(lists.ids == expected.ids && other.size() == index->size() && other.exact() == index->exact() &&
                  other.insert({nullptr, 0, d}) == index->insert({nullptr, 0, d}) &&
                  other.name() == std::string(index->name()),
              std::string(what) + " has the same name, points, answers and ids to come");
    };
    try {
      same(*index->clone(), "a copy");
    } catch (const std::logic_error& error) {
      require_not_offered(error);
    }
    std::string bytes;
    try {
      bytes = index_bytes<T>(*index);
    } catch (const std::logic_error& error) {
      require_not_offered(error);
      return;
    }
    const Pointer loaded = index_from_bytes<T>(bytes.data(), bytes.size());
    same(*loaded, "what was loaded");
    promise(index_bytes<T>(*loaded) == bytes, "what was loaded is saved with the same bytes");
  }

  IndexMaker<T> make_;
  IndexInfo info_;
};

}  // namespace

template <class T>
void check_index(const IndexMaker<T>& make, const IndexInfo& info) {
  IndexChecks<T>(make, info).run();
}

template <class T>
void check_index(const std::string& name) {
  const IndexInfo info = index_info(name);
  check_index<T>([name](Points<T> points, const IndexOptions& options) { return make_index<T>(name, points, options); },
                 info);
}

template void check_index<float>(const IndexMaker<float>&, const IndexInfo&);
template void check_index<double>(const IndexMaker<double>&, const IndexInfo&);
template void check_index<float>(const std::string&);
template void check_index<double>(const std::string&);

}  // namespace sublinear
