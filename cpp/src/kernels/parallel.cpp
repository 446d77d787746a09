#include "sublinear/kernels/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <exception>
#include <mutex>

#include "kernels/thread_pool.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/require.hpp"

#if defined(SUBLINEAR_X86)
#include <immintrin.h>
#endif

namespace sublinear {

#if defined(SUBLINEAR_X86)
// The control bits of MXCSR: all exceptions masked, round to nearest, subnormals kept.
FloatingPointScope::FloatingPointScope() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(0x1F80); }
FloatingPointScope::~FloatingPointScope() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FloatingPointScope::FloatingPointScope() noexcept {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" : : "r"(0ULL));
}
FloatingPointScope::~FloatingPointScope() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
FloatingPointScope::FloatingPointScope() noexcept : saved_(static_cast<unsigned long long>(std::fegetround())) {
  std::fesetround(FE_TONEAREST);
}
FloatingPointScope::~FloatingPointScope() { std::fesetround(static_cast<int>(saved_)); }
#endif

namespace {

// A loop over ranges, for whoever comes.
class Loop final : public PoolTask {
 public:
  Loop(Index count, Index grain, const RangeBody& body)
      : count_(count), grain_(grain), ranges_((count + grain - 1) / grain), body_(body), watch_(current_watch()) {}

  [[nodiscard]] Index ranges() const noexcept { return ranges_; }

  void work(int worker) noexcept override {
    const FloatingPointScope environment;
    const WorkingFor loop(stopped_);
    Watch* const watch = worker == 0 ? watch_ : nullptr;
    try {
      for (Index range = next_++; range < ranges_; range = next_++) {
        const double all = static_cast<double>(ranges_), done = static_cast<double>(range) / all;
        if (watch != nullptr) watch->look(done);
        const WatchedPart part(watch, done, done + 1 / all);
        body_(range * grain_, std::min(count_, (range + 1) * grain_), worker);
      }
    } catch (...) {
      fail();
    }
  }

  void wait() noexcept override {
    if (watch_ == nullptr || stopped_.load(std::memory_order_relaxed)) return;
    try {
      watch_->look(std::min(1.0, static_cast<double>(next_) / static_cast<double>(ranges_)));
    } catch (...) {
      fail();
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // Keeps the first exception, and has the others stop.
  void fail() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    next_ = ranges_;
    stopped_.store(true, std::memory_order_relaxed);
  }

  const Index count_, grain_, ranges_;
  const RangeBody& body_;
  Watch* const watch_;
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::atomic<bool> stopped_{false};
  std::atomic<Index> next_{0};
};

}  // namespace

void run_ranges(Index count, int threads, Index grain, const RangeBody& body) {
  Loop loop(count, grain, body);
  if (loop.ranges() <= 0) return;
  require(threads >= 1, "threads is below 1; give what resolve_threads makes of it");
  const int workers = static_cast<int>(std::min<Index>(threads, loop.ranges()));
  run_in_pool(workers, loop);
  loop.rethrow();
}

}  // namespace sublinear
