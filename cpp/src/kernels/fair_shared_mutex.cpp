#include "sublinear/kernels/fair_shared_mutex.hpp"

#include <chrono>

// gcc does not see that a waiter has left the line, on its own or because it was let in, when its thread leaves `wait`.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

namespace sublinear {

void FairSharedMutex::enter(bool exclusive) noexcept {
  if (exclusive)
    writing_ = true;
  else
    ++readers_;
}

bool FairSharedMutex::take(bool exclusive) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (first_ != nullptr || !admits(exclusive)) return false;
  enter(exclusive);
  return true;
}

bool FairSharedMutex::wait(bool exclusive, const Patience& patient) {
  std::unique_lock<std::mutex> guard(mutex_);
  if (first_ == nullptr && admits(exclusive)) {
    enter(exclusive);
    return true;
  }
  Waiter own{exclusive};
  (first_ == nullptr ? first_ : last_->next) = &own;
  last_ = &own;
  while (!own.admitted) {
    if (patient == nullptr) {
      admitted_.wait(guard);
      continue;
    }
    if (admitted_.wait_for(guard, std::chrono::milliseconds(100), [&] { return own.admitted; })) break;
    bool goes_on = false;
    guard.unlock();
    try {
      goes_on = patient();
    } catch (...) {
      guard.lock();
      own.admitted ? leave(exclusive) : leave_line(own);
      throw;
    }
    guard.lock();
    if (goes_on || own.admitted) continue;
    leave_line(own);
    return false;
  }
  return true;
}

// Those at the head of the line who may go together.
void FairSharedMutex::admit_next() noexcept {
  bool any = false;
  while (first_ != nullptr && admits(first_->exclusive)) {
    Waiter& next = *first_;
    first_ = next.next;
    enter(next.exclusive);
    next.admitted = any = true;
  }
  if (first_ == nullptr) last_ = nullptr;
  if (any) admitted_.notify_all();
}

void FairSharedMutex::leave_line(const Waiter& waiter) noexcept {
  Waiter* before = nullptr;
  for (Waiter* each = first_; each != &waiter; each = each->next) before = each;
  (before == nullptr ? first_ : before->next) = waiter.next;
  if (last_ == &waiter) last_ = before;
  admit_next();  // who stood behind it may not have to wait any longer
}

void FairSharedMutex::leave(bool exclusive) noexcept {
  if (exclusive)
    writing_ = false;
  else
    --readers_;
  admit_next();
}

void FairSharedMutex::unlock() noexcept {
  const std::lock_guard<std::mutex> guard(mutex_);
  leave(true);
}

void FairSharedMutex::unlock_shared() noexcept {
  const std::lock_guard<std::mutex> guard(mutex_);
  leave(false);
}

}  // namespace sublinear
