#include "kernels/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <list>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "kernels/pool_thread.hpp"
#include "sublinear/kernels/parallel.hpp"

#if defined(SUBLINEAR_X86)
#include <immintrin.h>
#endif

namespace sublinear {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostThreads = 1023;
constexpr int kStartAgain = 256;               // so many tasks after the system refused a thread, it is asked again
constexpr std::chrono::milliseconds kNap{50};  // between two calls of PoolTask::wait

void pause() noexcept {
#if defined(SUBLINEAR_X86)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// How long threads look for what they wait for before they sleep. On a quiet machine waits are short, and to be woken
// takes longer than most. Where others work too, a thread that looks uses up its turn, and what it waits for comes
// later for it: so each wait that was long makes the next ones look much shorter, each short one a little longer.
class Patience {
 public:
  using Microseconds = std::chrono::duration<std::int64_t, std::micro>;

  // Looks until ready() or for some time; returns whether it is.
  template <class Ready>
  bool look(Ready&& ready) const noexcept {
    if (ready()) return true;
    const std::int64_t time = time_.load(std::memory_order_relaxed);
    if (time == 0) return false;
    for (const Clock::time_point end = Clock::now() + Microseconds(time); Clock::now() < end;)
      for (int k = 0; k < 16; ++k) {
        pause();
        if (ready()) return true;
      }
    return false;
  }

  // A wait took so long in all; looking may take `most`.
  void learn(Clock::duration took, std::int64_t most) noexcept {
    const std::int64_t time = time_.load(std::memory_order_relaxed);
    time_.store(took > Microseconds(kMost) ? time / 4 : std::min(time + 4, most), std::memory_order_relaxed);
  }

  static constexpr std::int64_t kMost = 200;  // microseconds

 private:
  std::atomic<std::int64_t> time_{0};
};

// Signals are for the application's own threads; but for those that a thread raises itself, and a profiler's.
class SignalsBlocked {
 public:
#if defined(SUBLINEAR_PTHREADS)
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF})
      sigdelset(&all, signal);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
#endif
};

// How often this process is a fork of the one that loaded the library.
std::atomic<std::uint64_t> forks{0};

class ThreadPool {
 public:
  void run(int workers, PoolTask& task) {
    Region region(task, std::min(workers - 1, kMostThreads));
    open(region);
    task.work(0);
    region.require_same_process();
    close(region);
  }

  // Ends the threads that are idle. Those that are not belong to a call that goes on while the process ends; they
  // share nothing that is destroyed.
  void stop() noexcept {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_.store(true, std::memory_order_relaxed);
    }
    wake_.notify_all();
    for (Thread& each : threads_) {
      std::unique_lock<std::mutex> lock(mutex_);
      const bool is_busy = each.is_busy;
      lock.unlock();
      if (is_busy)
        each.thread.detach();
      else
        each.thread.join();
    }
  }

  [[nodiscard]] int size() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int>(threads_.size());
  }

  ThreadPool* of_parent = nullptr;  // that of the parent, whose memory is still there

 private:
  struct Region {
    Region(PoolTask& brought, int wanted) : task(brought), places(wanted) {}

    // To be asked after each call of the task: the application may have forked in it.
    void require_same_process() const {
      if (forks.load(std::memory_order_relaxed) == forks_before) return;
      throw std::runtime_error(
          "the process was forked inside a call that uses several threads, which the child does not have; fork between "
          "calls, or let the child do nothing but exec or exit");
    }

    const std::uint64_t forks_before = forks.load(std::memory_order_relaxed);
    PoolTask& task;
    int places;               // for threads of the pool that may still come
    int joined = 0;           // threads of the pool that came
    bool is_waiting = false;  // whoever brought it sleeps until `inside` is 0
    std::atomic<int> inside{0};
    Region* next = nullptr;
  };
  struct Thread {
    PoolThread thread;
    bool is_busy = false;
    Patience patience;
  };

  void open(Region& region) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (stopping_.load(std::memory_order_relaxed)) region.places = 0;
    if (region.places == 0) return;
    start_threads(region.places);
    region.next = open_;
    open_ = &region;
    wanted_.store(wanted_.load(std::memory_order_relaxed) + region.places, std::memory_order_relaxed);
    const int to_wake = std::min(region.places, sleeping_);
    lock.unlock();
    for (int k = 0; k < to_wake; ++k) wake_.notify_one();
  }

  void close(Region& region) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (region.places > 0) remove(region);
    }
    const auto is_done = [&] { return region.inside.load(std::memory_order_acquire) == 0; };
    if (is_done()) return;
    const Clock::time_point began = Clock::now();
    if (!callers_.look(is_done)) {
      std::unique_lock<std::mutex> lock(mutex_);
      region.is_waiting = true;
      while (!finished_.wait_for(lock, kNap, is_done)) {
        lock.unlock();
        region.task.wait();
        region.require_same_process();
        lock.lock();
      }
    }
    callers_.learn(Clock::now() - began, longest_look_.load(std::memory_order_relaxed));
  }

  // Nobody comes to this region any more.
  void remove(Region& region) noexcept {
    wanted_.store(wanted_.load(std::memory_order_relaxed) - region.places, std::memory_order_relaxed);
    region.places = 0;
    Region** at = &open_;
    while (*at != &region) at = &(*at)->next;
    *at = region.next;
  }

  // As many threads as one call asks for; where several ask at the same time, as many as there are processors.
  void start_threads(int asked) noexcept {
    if (start_again_in_ > 0) {
      --start_again_in_;
      return;
    }
    const int idle = static_cast<int>(threads_.size()) - busy_, missing = asked + wanted_ - idle;
    if (missing <= 0) return;
    const int processors = available_processors();
    const int most = std::max(asked, processors - 1);
    const int count = std::min(static_cast<int>(threads_.size()) + missing, most);
    if (static_cast<int>(threads_.size()) >= count) return;
    try {
      [[maybe_unused]] const SignalsBlocked blocked;
      while (static_cast<int>(threads_.size()) < count) {
        threads_.emplace_back();
        Thread* const own = &threads_.back();
        try {
          own->thread.start([this, own] { serve(*own); });
        } catch (...) {
          threads_.pop_back();
          throw;
        }
      }
    } catch (const std::exception&) {  // std::system_error or std::bad_alloc: those that there are do all the work
      start_again_in_ = kStartAgain;
    }
    // To look is to keep a processor busy that another thread may need.
    const bool fits = static_cast<int>(threads_.size()) < processors;
    longest_look_.store(fits ? Patience::kMost : 0, std::memory_order_relaxed);
  }

  void serve(Thread& own) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto is_called = [&] {
      return wanted_.load(std::memory_order_relaxed) > 0 || stopping_.load(std::memory_order_relaxed);
    };
    while (!stopping_.load(std::memory_order_relaxed)) {
      if (open_ != nullptr) {
        serve(*open_, own, lock);
        continue;
      }
      const Clock::time_point began = Clock::now();
      lock.unlock();
      own.patience.look(is_called);
      lock.lock();
      if (!is_called()) {
        ++sleeping_;
        wake_.wait(lock, is_called);
        --sleeping_;
      }
      own.patience.learn(Clock::now() - began, longest_look_.load(std::memory_order_relaxed));
    }
  }

  void serve(Region& region, Thread& own, std::unique_lock<std::mutex>& lock) {
    region.inside.store(region.inside.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const int worker = ++region.joined;
    wanted_.store(wanted_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    if (--region.places == 0) remove(region);
    own.is_busy = true;
    ++busy_;
    lock.unlock();
    region.task.work(worker);
    lock.lock();
    own.is_busy = false;
    --busy_;
    // Once `inside` is 0 the region is gone, unless whoever brought it waits for the mutex.
    const bool is_waiting = region.is_waiting;
    if (region.inside.fetch_sub(1, std::memory_order_release) == 1 && is_waiting) finished_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::list<Thread> threads_;
  Region* open_ = nullptr;  // those that have places
  int busy_ = 0, sleeping_ = 0, start_again_in_ = 0;
  Patience callers_;
  std::atomic<std::int64_t> longest_look_{0};  // microseconds
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<int> wanted_{0};  // places of all open regions; changed under the mutex
};

std::atomic<ThreadPool*> current{nullptr};
std::atomic<ThreadPool*> of_parents{nullptr};

// In a forked child none of the threads is there, and any mutex may be locked for ever: the pool is left alone.
[[maybe_unused]] void leave_to_parent() noexcept {
  forks.fetch_add(1, std::memory_order_relaxed);
  if (ThreadPool* const left = current.exchange(nullptr)) {
    left->of_parent = of_parents.load();
    of_parents.store(left);
  }
}

#if defined(SUBLINEAR_PTHREADS)
const bool is_told_of_forks = pthread_atfork(nullptr, nullptr, leave_to_parent) == 0;
#else
const bool is_told_of_forks = true;  // there are none
#endif

ThreadPool* pool() noexcept {
  if (ThreadPool* const there = current.load(std::memory_order_acquire)) return there;
  if (!is_told_of_forks) return nullptr;
  auto* const made = new (std::nothrow) ThreadPool;
  ThreadPool* there = nullptr;
  if (made == nullptr || current.compare_exchange_strong(there, made)) return made;
  delete made;
  return there;
}

// When the process ends or the library is unloaded. What is left of the pool stays for whoever calls still later.
struct Ending {
  ~Ending() {
    if (ThreadPool* const there = current.load()) there->stop();
  }
} ending;

}  // namespace

void run_in_pool(int workers, PoolTask& task) {
  ThreadPool* const there = workers > 1 ? pool() : nullptr;
  if (there == nullptr)
    task.work(0);
  else
    there->run(workers, task);
}

int pool_threads() noexcept {
  ThreadPool* const there = current.load(std::memory_order_acquire);
  return there == nullptr ? 0 : there->size();
}

}  // namespace sublinear
