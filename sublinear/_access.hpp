// Who may use an object of the C++ library now: Python's threads share it for questions, and take turns where they
// change it. Called with the GIL, which is given away while a thread waits.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "sublinear/kernels/fair_shared_mutex.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace {

// Grows in every child of a fork, where threads are gone that may have held locks.
inline std::uint64_t forks = 0;
#if defined(__unix__) || defined(__APPLE__)
inline const int forks_are_counted = pthread_atfork(nullptr, nullptr, [] { ++forks; });
#endif

// One object's. `ask` and `change` return 0, or -1 with a Python error set; `done` ends what the same thread began
// last.
class Access {
 public:
  // To look at the object; again from within, too.
  int ask() { return enter(false); }
  // To have it for oneself.
  int change() { return enter(true); }

  void done() noexcept {
    const auto hold = find();
    if (--hold->depth > 0) return;
    const Hold ended = *hold;
    holds().erase(hold);
    if (ended.exclusive) changing_ = false;
    if (ended.fork == fork_) leave(ended.exclusive);  // else the lock was made anew since
  }

 private:
  struct Hold {
    const Access* access;
    bool exclusive, waiting;
    int depth;
    std::uint64_t fork;
  };
  // What this thread holds or waits for.
  static std::vector<Hold>& holds() {
    thread_local std::vector<Hold> held;
    return held;
  }
  std::vector<Hold>::iterator find() const {
    return std::find_if(holds().begin(), holds().end(), [this](const Hold& hold) { return hold.access == this; });
  }

  int enter(bool exclusive) {
    renew_after_fork();
    if (const auto hold = find(); hold != holds().end()) {
      if (exclusive || hold->exclusive || hold->waiting)
        return refuse(
            "this thread is in the middle of a call on the object, whose callback or signal handler this is; "
            "do it when that has returned");
      ++hold->depth;
      return 0;
    }
    if (half_changed_)
      return refuse("another thread was changing the object when this process was forked; make the object anew");
    try {
      holds().push_back({this, exclusive, false, 1, fork_});
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
      return -1;
    }
    if (!(exclusive ? mutex_->try_lock() : mutex_->try_lock_shared()) && !wait(exclusive)) return -1;
    changing_ = exclusive;
    return 0;
  }

  // With the GIL given away. False where a signal's handler raised.
  bool wait(bool exclusive) {
    find()->waiting = true;
    PyThreadState* state = PyEval_SaveThread();
    const auto patient = [&state] {
      PyEval_RestoreThread(state);
      const bool goes_on = PyErr_CheckSignals() == 0;
      state = PyEval_SaveThread();
      return goes_on;
    };
    sublinear::FairSharedMutex& mutex = *mutex_;
    const bool got = exclusive ? mutex.lock_while(patient) : mutex.lock_shared_while(patient);
    PyEval_RestoreThread(state);
    if (got && PyErr_Occurred() == nullptr) {
      find()->waiting = false;
      return true;
    }
    if (got) leave(exclusive);  // its turn came together with the signal
    holds().erase(find());
    return false;
  }

  void leave(bool exclusive) noexcept { exclusive ? mutex_->unlock() : mutex_->unlock_shared(); }

  // The lock of the parent may be held by threads that are not here: it is left as it is.
  void renew_after_fork() {
    if (fork_ == forks) return;
    half_changed_ = half_changed_ || (changing_ && find() == holds().end());
    changing_ = false;
    static_cast<void>(mutex_.release());
    mutex_ = std::make_unique<sublinear::FairSharedMutex>();
    fork_ = forks;
  }

  static int refuse(const char* why) {
    PyErr_SetString(PyExc_RuntimeError, why);
    return -1;
  }

  std::unique_ptr<sublinear::FairSharedMutex> mutex_ = std::make_unique<sublinear::FairSharedMutex>();
  std::uint64_t fork_ = forks;
  bool changing_ = false, half_changed_ = false;
};

}  // namespace
