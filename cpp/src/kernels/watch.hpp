// How calls are told of and stopped: what stands between ProgressScope and the loops.
#pragma once

#include <atomic>
#include <chrono>
#include <utility>

#include "sublinear/kernels/progress.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// One progress in force on one thread. The work in hand is a part [from, to] of all of it.
class Watch {
 public:
  using Clock = std::chrono::steady_clock;

  // Tells at every look that comes `interval` after the one before.
  Watch(Progress progress, Clock::duration interval)
      : progress_(std::move(progress)), interval_(interval), next_(Clock::now() + interval) {}

  // So much of the part in hand is done: tells if it is time.
  void look(double share) {
    if (progress_ && Clock::now() >= next_) tell(share);
  }

  // Whether it threw when it was told last.
  [[nodiscard]] bool has_stopped() const noexcept { return has_stopped_; }

  // That of those who wish no other. Tests set it: 0 tells at every look.
  [[nodiscard]] static Clock::duration usual_interval() noexcept { return Clock::duration(ticks_.load()); }
  static void set_usual_interval(Clock::duration interval) noexcept { ticks_.store(interval.count()); }
  static constexpr Clock::duration kUsualInterval = std::chrono::milliseconds(50);

 private:
  friend class WatchedPart;

  void tell(double share);

  static inline std::atomic<Clock::duration::rep> ticks_{kUsualInterval.count()};

  Progress progress_;
  Clock::duration interval_;
  Clock::time_point next_;
  double from_ = 0, to_ = 1, told_ = 0;
  bool has_stopped_ = false;
};

// That of this thread; null: nobody is told.
[[nodiscard]] Watch* current_watch() noexcept;

// Puts a progress in force on this thread while it lives; one that is empty, and given as an option of a call, leaves
// that of an outer scope in force.
class WatchScope {
 public:
  WatchScope(Watch watch);
  explicit WatchScope(const Progress& option, Watch::Clock::duration interval = Watch::usual_interval());
  ~WatchScope();
  WatchScope(const WatchScope&) = delete;
  WatchScope& operator=(const WatchScope&) = delete;

 private:
  Watch own_;
  Watch* before_;
};

// To be called in the middle of long work: tells whoever watches this thread, and ends a range of a parallel loop that
// was stopped on another thread. Throws to stop.
void keep_watch(double share = 0);

// What is done while it lives is the part [from, to] of the work in hand; it must not be watched from other threads.
class WatchedPart {
 public:
  WatchedPart(double from, double to) noexcept : WatchedPart(current_watch(), from, to) {}
  WatchedPart(Watch* watch, double from, double to) noexcept : watch_(watch) {
    if (watch_ == nullptr) return;
    from_ = watch_->from_;
    to_ = watch_->to_;
    watch_->from_ = from_ + (to_ - from_) * from;
    watch_->to_ = from_ + (to_ - from_) * to;
  }
  ~WatchedPart() {
    if (watch_ == nullptr) return;
    watch_->from_ = from_;
    watch_->to_ = to_;
  }
  WatchedPart(const WatchedPart&) = delete;
  WatchedPart& operator=(const WatchedPart&) = delete;

 private:
  Watch* watch_;
  double from_ = 0, to_ = 0;
};

// While it lives nobody is told and nothing is stopped: work that must be done to its end.
class Unwatched {
 public:
  Unwatched() noexcept;
  ~Unwatched();
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;

 private:
  Watch* watch_;
  const std::atomic<bool>* stopped_;
};

// While it lives, this thread works for a loop that ends early once `stopped` is true.
class WorkingFor {
 public:
  explicit WorkingFor(const std::atomic<bool>& stopped) noexcept;
  ~WorkingFor();
  WorkingFor(const WorkingFor&) = delete;
  WorkingFor& operator=(const WorkingFor&) = delete;

 private:
  const std::atomic<bool>* before_;
};

}  // namespace sublinear
