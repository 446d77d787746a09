#include "sublinear/kernels/progress.hpp"

#include <algorithm>
#include <utility>

#include "kernels/watch.hpp"

namespace sublinear {
namespace {

thread_local Watch* watch = nullptr;
thread_local const std::atomic<bool>* stopped_loop = nullptr;

// Ends a range whose loop was stopped elsewhere; the loop knows why.
struct Stopped {};

}  // namespace

void Watch::tell(double share) {
  const Unwatched within;
  told_ = std::max(told_, std::min(1.0, from_ + (to_ - from_) * share));
  has_stopped_ = true;
  progress_(told_);
  has_stopped_ = false;
  next_ = Clock::now() + interval_;
}

Watch* current_watch() noexcept { return watch; }

void keep_watch(double share) {
  if (stopped_loop != nullptr && stopped_loop->load(std::memory_order_relaxed)) throw Stopped{};
  if (watch != nullptr) watch->look(share);
}

Unwatched::Unwatched() noexcept
    : watch_(std::exchange(watch, nullptr)), stopped_(std::exchange(stopped_loop, nullptr)) {}
Unwatched::~Unwatched() {
  watch = watch_;
  stopped_loop = stopped_;
}

WorkingFor::WorkingFor(const std::atomic<bool>& stopped) noexcept : before_(std::exchange(stopped_loop, &stopped)) {}
WorkingFor::~WorkingFor() { stopped_loop = before_; }

WatchScope::WatchScope(Watch own) : own_(std::move(own)), before_(std::exchange(watch, &own_)) {}
WatchScope::WatchScope(const Progress& option, Watch::Clock::duration interval)
    : own_(option, interval), before_(watch) {
  if (option) watch = &own_;
}
WatchScope::~WatchScope() { watch = before_; }

struct ProgressScope::State {
  WatchScope scope;
};

ProgressScope::ProgressScope(Progress progress)
    : state_(new State{WatchScope(Watch(std::move(progress), Watch::usual_interval()))}) {}
ProgressScope::~ProgressScope() = default;

}  // namespace sublinear
