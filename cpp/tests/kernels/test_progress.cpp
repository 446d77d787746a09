// Progress and stopping of parallel loops.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "kernels/told.hpp"
#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/progress.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("a loop tells how far it is before each range, and stops where the progress throws") {
  const Told told(Told::always);
  Listener all;
  {
    const ProgressScope scope(all.progress());
    parallel_for(40, 1, 4, [](Index, Index, int) {});
  }
  REQUIRE(all.shares.size() == 10);
  for (std::size_t k = 0; k < 10; ++k) CHECK(all.shares[k] == doctest::Approx(static_cast<double>(k) / 10));

  for (const int stop_at : {1, 4, 10}) {
    Listener some;
    some.stop_at = stop_at;
    const ProgressScope scope(some.progress());
    int ranges = 0;
    CHECK_THROWS_AS(parallel_for(40, 1, 4, [&](Index, Index, int) { ++ranges; }), Listener::Stop);
    CHECK(ranges == stop_at - 1);
    CHECK(static_cast<int>(some.shares.size()) == stop_at);
  }
}

TEST_CASE("a loop within a range tells its part of the share, and stops both") {
  const Told told(Told::always);
  const auto loops = [] {
    parallel_for(2, 1, 1, [](Index, Index, int) { parallel_for(4, 1, 1, [](Index, Index, int) {}); });
  };
  Listener listener;
  {
    const ProgressScope scope(listener.progress());
    loops();
  }
  const std::vector<double> expected{0, 0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.625, 0.75, 0.875};
  CHECK(listener.shares == expected);
  Listener stopping;
  stopping.stop_at = 8;
  const ProgressScope scope(stopping.progress());
  CHECK_THROWS_AS(loops(), Listener::Stop);
  CHECK(stopping.shares.size() == 8);
}

TEST_CASE("whoever waits for other threads is told, and stops them in the middle of their ranges" *
          doctest::test_suite("threads level-free")) {
  const Told told(Told::always);
  std::atomic<int> here{0};
  std::atomic<bool> is_stopped{false};
  const auto caller = std::this_thread::get_id();
  const ProgressScope scope([&](double) {
    CHECK((std::this_thread::get_id() == caller));
    if (here == 3) throw Listener::Stop{};  // this thread has no range left: it waits
  });
  const auto loop = [&] {
    parallel_for(3, 3, 1, [&](Index, Index, int worker) {
      if (worker == 0) {  // both others have to come: they cannot before they are told to
        while (here < 2) std::this_thread::yield();
        ++here;
        return;
      }
      ++here;
      try {
        for (;;) keep_watch();
      } catch (...) {
        is_stopped = true;
        throw;
      }
    });
  };
  CHECK_THROWS_AS(loop(), Listener::Stop);
  CHECK(is_stopped);
}

TEST_CASE("scopes nest; an empty progress, and what the progress itself calls, are not told of") {
  const Told told(Told::always);
  const auto loop = [] { parallel_for(5, 1, 1, [](Index, Index, int) {}); };
  Listener outer, inner;
  int calls = 0;
  const ProgressScope scope(outer.progress());
  {
    const ProgressScope within(inner.progress());
    loop();
  }
  {
    const ProgressScope nobody{Progress{}};
    loop();
  }
  CHECK(inner.shares.size() == 5);
  CHECK(outer.shares.empty());
  loop();
  CHECK(outer.shares.size() == 5);
  const ProgressScope calling([&](double) {
    ++calls;
    loop();
  });
  loop();
  CHECK(calls == 5);
  std::thread(loop).join();  // another thread's calls are its own
  CHECK(calls == 5);
}

TEST_CASE("short calls are not told of") {
  const Told told(Told::never);
  Listener listener;
  const ProgressScope scope(listener.progress());
  IdLists<Index> lists;
  fill_lists<Index>(1000, 2, 1, lists, [](Index q, std::vector<Index>& ids, int) {
    ids.push_back(q);
    return Work{};
  });
  CHECK(listener.shares.empty());
}

TEST_SUITE_END();
