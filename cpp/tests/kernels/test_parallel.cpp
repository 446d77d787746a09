#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/require.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("every item is visited once, whatever the number of threads" * doctest::test_suite("threads level-free")) {
  for (const int threads : {1, 2, 7}) {
    for (const Index count : {0, 1, 5, 64, 1000}) {
      std::vector<int> visits(static_cast<std::size_t>(count));
      std::atomic<bool> known_workers{true};
      parallel_for(count, threads, 3, [&](Index begin, Index end, int worker) {
        if (worker < 0 || worker >= threads) known_workers = false;
        for (Index k = begin; k < end; ++k) ++visits[static_cast<std::size_t>(k)];
      });
      CHECK(known_workers);
      CHECK(visits == std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST_CASE("an exception on any worker reaches the caller" * doctest::test_suite("threads level-free")) {
  for (const int threads : {1, 4})
    CHECK_THROWS_WITH_AS(parallel_for(100, threads, 1,
                                      [](Index begin, Index, int) {
                                        if (begin == 57) throw std::invalid_argument("item 57");
                                      }),
                         "item 57", std::invalid_argument);
}

TEST_CASE("lists and work do not depend on the number of threads" * doctest::test_suite("threads level-free")) {
  const auto fill = [](int threads, IdLists<Index>& lists) {
    return fill_lists<Index>(100, threads, 7, lists, [](Index q, std::vector<Index>& ids, int) {
      for (Index k = 0; k < q % 5; ++k) ids.push_back(10 * q + k);
      Work work;
      work.bounds = q;
      return work;
    });
  };
  IdLists<Index> one, three;
  const Work work = fill(1, one);
  CHECK(work.bounds == 4950);
  CHECK(fill(3, three) == work);
  CHECK(one.ids == three.ids);
  CHECK(one.offsets == three.offsets);
  CHECK(one.size() == 100);
  CHECK(one.length(98) == 3);
  CHECK(*one.begin(98) == 980);
}

TEST_CASE("lists do not depend on the order in which they are filled") {
  for (const Index count : {0, 1, 7, 100}) {
    std::vector<Index> order;
    for (Index v = 0; v < count; ++v) order.push_back(v * 37 % count);  // 37 has no factor in common with these
    const auto append = [](Index q, std::vector<Index>& ids) {
      for (Index k = 0; k < q % 5; ++k) ids.push_back(10 * q + k);
      Work work;
      work.bounds = q;
      return work;
    };
    IdLists<Index> expected;
    const Work work =
        fill_lists<Index>(count, 1, 7, expected, [&](Index q, std::vector<Index>& ids, int) { return append(q, ids); });
    for (const int threads : {1, 3}) {
      for (const Index grain : {1, 8}) {
        IdLists<Index> lists;
        const Work own = fill_lists<Index>(
            count, threads, grain, lists,
            [&](Index v, std::vector<Index>& ids, int) { return append(order[static_cast<std::size_t>(v)], ids); },
            order.data());
        CHECK(own == work);
        CHECK(lists.ids == expected.ids);
        CHECK(lists.offsets == expected.offsets);
      }
    }
  }
}

TEST_CASE("many lists are joined by several threads, over what the object held before") {
  IdLists<Index> lists;
  lists.ids.assign(1000000, -1);
  for (const Index count : {1000, 20, 0}) {
    fill_lists<Index>(count, 4, 3, lists, [](Index q, std::vector<Index>& ids, int) {
      for (Index k = 0; k < 100 + q % 7; ++k) ids.push_back(1000 * q + k);
      return Work{};
    });
    REQUIRE(lists.size() == count);
    CHECK(static_cast<Index>(lists.ids.size()) == lists.offsets.back());
    bool right = true;
    for (Index q = 0; q < count; ++q) {
      right = right && lists.length(q) == 100 + q % 7;
      for (Index k = 0; k < lists.length(q); ++k) right = right && lists.begin(q)[k] == 1000 * q + k;
    }
    CHECK(right);
  }
}

TEST_CASE("threads and memory are checked with words that help") {
  CHECK(resolve_threads(0) >= 1);
  CHECK(resolve_threads(3) == 3);
  CHECK_THROWS_AS(static_cast<void>(resolve_threads(-1)), std::invalid_argument);
  CHECK_THROWS_WITH_AS(parallel_for(1, 0, 1, [](Index, Index, int) {}),
                       "threads is below 1; give what resolve_threads makes of it", std::invalid_argument);
  CHECK_NOTHROW(require_memory(100, 100, "a table"));
  CHECK_THROWS_WITH_AS(
      require_memory(3 << 20, 1024, "a table"),
      "a table needs 3.0 MiB (3145728 bytes) and may have 1.0 KiB (1024 bytes); raise max_bytes if the "
      "machine has more, or use a strategy that stores less",
      MemoryLimitError);
  CHECK(available_memory() > 1 << 20);
  const double values[] = {1, 2, 3, -HUGE_VAL};
  CHECK_THROWS_WITH_AS(require_finite(values, 2, 2, "points"),
                       "points: the value in row 1, column 1 is -inf; every value must be finite",
                       std::invalid_argument);
}

TEST_SUITE_END();
