#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sublinear/kernels/fair_shared_mutex.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("a fair mutex lets writers in between readers that never stop, and readers between writers" *
          doctest::test_suite("threads level-free")) {
  FairSharedMutex mutex;
  long left = 0, right = 0;  // always the same where nobody writes
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int k = 0; k < 3; ++k)
    readers.emplace_back([&] {
      while (!stop) {
        const std::shared_lock<FairSharedMutex> lock(mutex);
        torn += left == right ? 0 : 1;
      }
    });
  std::vector<std::thread> writers;
  for (int k = 0; k < 2; ++k)
    writers.emplace_back([&] {
      for (int change = 0; change < 500; ++change) {
        const std::unique_lock<FairSharedMutex> lock(mutex);
        ++left;
        ++right;
      }
    });
  for (std::thread& writer : writers) writer.join();  // where writers starve, this never ends
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(left == 1000);
  CHECK(torn == 0);
}

TEST_CASE("a fair mutex tells whether it can be had at once" * doctest::test_suite("threads level-free")) {
  FairSharedMutex mutex;
  REQUIRE(mutex.try_lock_shared());
  CHECK(mutex.try_lock_shared());
  CHECK(!mutex.try_lock());
  mutex.unlock_shared();
  CHECK(!mutex.try_lock());
  mutex.unlock_shared();
  REQUIRE(mutex.try_lock());
  CHECK(!mutex.try_lock());
  CHECK(!mutex.try_lock_shared());
  mutex.unlock();
  mutex.lock_shared();
  mutex.unlock_shared();
  mutex.lock();
  mutex.unlock();
}

TEST_CASE("a fair mutex is not had by who loses patience, and those behind go on" *
          doctest::test_suite("threads level-free")) {
  FairSharedMutex mutex;
  mutex.lock_shared();
  int asked = 0;
  CHECK(!mutex.lock_while([&] { return ++asked < 2; }));
  CHECK(asked == 2);
  CHECK_THROWS_AS(static_cast<void>(mutex.lock_while([]() -> bool { throw std::runtime_error("enough"); })),
                  std::runtime_error);
  CHECK(mutex.try_lock_shared());  // nobody is left in the line
  mutex.unlock_shared();

  // A reader behind a writer that gives up.
  std::atomic<bool> writer_waits{false}, gives_up{false}, read{false};
  std::thread writer([&] {
    CHECK(!mutex.lock_while([&] {
      writer_waits = true;
      return !gives_up;
    }));
  });
  while (!writer_waits) std::this_thread::yield();
  CHECK(!mutex.try_lock_shared());  // it would overtake the writer
  std::thread reader([&] {
    mutex.lock_shared();
    read = true;
    mutex.unlock_shared();
  });
  gives_up = true;
  writer.join();
  reader.join();
  CHECK(read);
  mutex.unlock_shared();
  CHECK(mutex.try_lock());
  mutex.unlock();
  CHECK(mutex.lock_while([] { return false; }));
  mutex.unlock();
  CHECK(mutex.lock_shared_while([] { return false; }));
  mutex.unlock_shared();
}

TEST_SUITE_END();
