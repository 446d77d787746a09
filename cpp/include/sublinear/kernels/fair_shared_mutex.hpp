/// @file
/// A lock for many readers and a writer that keeps none of them waiting for ever.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// Shared for queries, exclusive for changes, in the order of arrival: whoever comes after a waiting writer waits
/// behind it, and readers who wait together go together. So neither a stream of readers keeps a writer out (as glibc's
/// `std::shared_mutex` does) nor a stream of writers the readers.
///
/// Serves where a `std::shared_mutex` does, with `std::shared_lock` and `std::unique_lock`. A thread may not take it
/// again while it holds it. Cost without contention: an uncontended `std::mutex` at each end.
/// @note Thread safety: all functions, from any thread.
class SUBLINEAR_API FairSharedMutex {
 public:
  /// Asked ten times a second by who waits; false ends the waiting, and so does what it throws.
  using Patience = std::function<bool()>;

  FairSharedMutex() = default;
  FairSharedMutex(const FairSharedMutex&) = delete;
  FairSharedMutex& operator=(const FairSharedMutex&) = delete;

  /// Waits until nobody else holds it.
  void lock() { static_cast<void>(wait(true, {})); }
  /// The same while `patient` says so. @return whether it is held now.
  [[nodiscard]] bool lock_while(const Patience& patient) { return wait(true, patient); }
  /// Only if that is possible at once and nobody waits. @return whether it is held now.
  [[nodiscard]] bool try_lock() { return take(true); }
  /// Lets the next ones in.
  void unlock() noexcept;

  /// Waits until no writer holds it, nor one that came before waits.
  void lock_shared() { static_cast<void>(wait(false, {})); }
  /// The same while `patient` says so. @return whether it is held now.
  [[nodiscard]] bool lock_shared_while(const Patience& patient) { return wait(false, patient); }
  /// Only if that is possible at once and nobody waits. @return whether it is held now.
  [[nodiscard]] bool try_lock_shared() { return take(false); }
  /// The last reader lets the next ones in.
  void unlock_shared() noexcept;

 private:
  struct Waiter {
    bool exclusive;
    bool admitted = false;
    Waiter* next = nullptr;
  };

  [[nodiscard]] bool take(bool exclusive);
  [[nodiscard]] bool wait(bool exclusive, const Patience& patient);
  [[nodiscard]] bool admits(bool exclusive) const noexcept { return !writing_ && !(exclusive && readers_ > 0); }
  void enter(bool exclusive) noexcept;
  void leave(bool exclusive) noexcept;
  void admit_next() noexcept;
  void leave_line(const Waiter& waiter) noexcept;

  std::mutex mutex_;
  std::condition_variable admitted_;
  Waiter* first_ = nullptr;  // who waits, by arrival; each lies on the stack of its thread
  Waiter* last_ = nullptr;
  long readers_ = 0;
  bool writing_ = false;
};

}  // namespace sublinear
