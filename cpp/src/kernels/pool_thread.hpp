// A thread of the pool.
#pragma once

#include <functional>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define SUBLINEAR_PTHREADS
#else
#include <thread>
#endif

namespace sublinear {

// As std::thread, but with a stack that an application's loss or attack can count on: a thread has 128 KiB by default
// with musl, and 512 KiB on macOS. What `body` throws ends the program.
class PoolThread {
 public:
  static constexpr std::size_t kLeastStack = std::size_t{1} << 20;

  PoolThread() = default;
  // @throws std::system_error where the system refuses; std::bad_alloc
  void start(std::function<void()> body);
  void join() noexcept;
  void detach() noexcept;

 private:
#if defined(SUBLINEAR_PTHREADS)
  pthread_t thread_ = {};
#else
  std::thread thread_;
#endif
};

}  // namespace sublinear
