// The library's own threads: forked children, threads that the system refuses, several callers at once.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/pool_thread.hpp"
#include "kernels/thread_pool.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/progress.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

namespace {

// The sum of 0 ... count - 1, by threads.
Index sum_below(Index count, int threads) {
  std::vector<Index> parts(static_cast<std::size_t>(threads));
  parallel_for(count, threads, 1,
               [&](Index begin, Index, int worker) { parts[static_cast<std::size_t>(worker)] += begin; });
  Index sum = 0;
  for (const Index part : parts) sum += part;
  return sum;
}

// A loop whose first `together` ranges wait for each other, so that so many threads work on it.
void meet(int together, const std::function<void()>& meanwhile = {}) {
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  parallel_for(together, together, 1, [&](Index, Index, int worker) {
    std::unique_lock<std::mutex> lock(mutex);
    if (++here == together) all_here.notify_all();
    all_here.wait(lock, [&] { return here == together; });
    lock.unlock();
    if (worker == 0 && meanwhile) meanwhile();
  });
}

#if defined(__linux__)
// Whether `work` ends well in a forked child within 20 seconds.
bool ends_well_in_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    bool is_well = false;
    try {
      is_well = work();
    } catch (...) {
    }
    _exit(is_well ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#endif

}  // namespace

TEST_CASE("as many threads work at the same time as a call asks for" * doctest::test_suite("threads level-free")) {
  for (const int together : {2, 5}) {
    meet(together);
    CHECK(pool_threads() >= together - 1);
  }
}

TEST_CASE("loops within loops and several callers at the same time are done" *
          doctest::test_suite("threads level-free")) {
  std::atomic<Index> sum{0};
  parallel_for(8, 4, 1,
               [&](Index, Index, int) { parallel_for(4, 3, 1, [&](Index, Index, int) { sum += sum_below(50, 3); }); });
  CHECK(sum == 8 * 4 * 1225);

  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 6; ++caller)
    callers.emplace_back([&] {
      for (int k = 0; k < 300; ++k) right += sum_below(100, 1 + k % 4) == 4950 ? 1 : 0;
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(right == 6 * 300);
}

TEST_CASE("after an exception the ranges that nobody took are left out, and the next loop is as any other" *
          doctest::test_suite("threads level-free")) {
  for (const int threads : {1, 4}) {
    std::atomic<int> calls{0};
    CHECK_THROWS_AS(parallel_for(100000, threads, 1,
                                 [&](Index, Index, int) {
                                   ++calls;
                                   throw std::domain_error("each");
                                 }),
                    std::domain_error);
    CHECK(calls >= 1);
    CHECK(calls <= threads);
    CHECK(sum_below(1000, threads) == 499500);
  }
}

#if defined(__linux__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a forked child has threads of its own") {
  meet(3);
  CHECK(ends_well_in_child([] {
    if (pool_threads() != 0) return false;
    meet(3);
    return pool_threads() >= 2 && sum_below(1000, 3) == 499500 &&
           ends_well_in_child([] { return sum_below(1000, 3) == 499500; });
  }));
  CHECK(sum_below(1000, 3) == 499500);
}

TEST_CASE("a child forked while another thread is inside a loop has threads of its own") {
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) sum_below(64, 3);
  });
  int well = 0;
  for (int k = 0; k < 20; ++k) well += ends_well_in_child([] { return sum_below(1000, 3) == 499500; }) ? 1 : 0;
  stop = true;
  other.join();
  CHECK(well == 20);
}

TEST_CASE("a child forked by a loop itself is told that it cannot go on with it") {
  pid_t parent = getpid();
  bool is_well = false;
  try {
    meet(2, [&] {
      const pid_t child = fork();
      if (child == 0) {
        alarm(20);
        return;
      }
      int status = -1;
      is_well = waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
    });
    if (getpid() != parent) _exit(1);
  } catch (const std::runtime_error&) {
    if (getpid() != parent) _exit(sum_below(1000, 3) == 499500 ? 7 : 2);
    throw;
  }
  CHECK(is_well);
}

TEST_CASE("a child forked by the progress, while a loop waits for its other threads, is told the same") {
  const pid_t parent = getpid();
  std::mutex mutex;
  std::condition_variable changed;
  int here = 0;
  bool has_left = false, may_end = false, is_well = false;
  const ProgressScope told([&](double) {
    if (getpid() != parent) return;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!has_left || may_end) return;
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      return;
    }
    int status = -1;
    is_well = waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
    may_end = true;
    changed.notify_all();
  });
  try {
    parallel_for(2, 2, 1, [&](Index, Index, int worker) {
      std::unique_lock<std::mutex> lock(mutex);
      if (++here == 2) changed.notify_all();
      changed.wait(lock, [&] { return here == 2; });
      if (worker == 0)
        has_left = true;
      else
        changed.wait(lock, [&] { return may_end; });
    });
    if (getpid() != parent) _exit(1);
  } catch (const std::runtime_error&) {
    if (getpid() != parent) _exit(sum_below(1000, 3) == 499500 ? 7 : 2);
    throw;
  }
  CHECK(is_well);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("threads that the system does not grant are done without") {
  CHECK(ends_well_in_child([] {
    const rlimit none{1 << 20, 1 << 20};  // of address space: there are no stacks but those of threads that were
    if (setrlimit(RLIMIT_AS, &none) != 0) return false;
    // qemu takes the limit and does not keep to it: then all threads are granted.
    const bool is_limited = mmap(nullptr, 1 << 24, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
    for (int k = 0; k < 1000; ++k)
      if (sum_below(1000, 200) != 499500) return false;
    return !is_limited || pool_threads() < 199;
  }));
}
#endif

TEST_CASE("the library's threads leave signals to the application") {
  std::atomic<int> seen{0}, blocked{0};
  meet(3);
  parallel_for(1000, 3, 1, [&](Index, Index, int worker) {
    if (worker == 0) return;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    ++seen;
    blocked += sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGSEGV) == 0 ? 1 : 0;
  });
  CHECK(seen == blocked);
}
#endif

#if defined(__GLIBC__)
TEST_CASE("threads have room on their stack for what an application calls, whatever the system's default is") {
  pthread_attr_t before, small;
  REQUIRE(pthread_getattr_default_np(&before) == 0);
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, std::size_t{1} << 17);  // as musl has it
  REQUIRE(pthread_setattr_default_np(&small) == 0);
  std::size_t stack = 0;
  PoolThread thread;
  thread.start([&] {
    pthread_attr_t own;
    if (pthread_getattr_np(pthread_self(), &own) == 0) pthread_attr_getstacksize(&own, &stack);
    pthread_attr_destroy(&own);
  });
  thread.join();
  pthread_setattr_default_np(&before);
  pthread_attr_destroy(&before);
  pthread_attr_destroy(&small);
  CHECK(stack >= PoolThread::kLeastStack);
}
#endif

TEST_SUITE_END();
