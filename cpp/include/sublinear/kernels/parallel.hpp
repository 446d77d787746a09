/// @file
/// Loops over independent items on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Holds the calling thread's floating-point environment at the default (round to nearest, subnormals kept) while it
/// lives, and restores what it found: bits must not depend on what the application set.
class SUBLINEAR_API FloatingPointScope {
 public:
  FloatingPointScope() noexcept;
  ~FloatingPointScope();
  FloatingPointScope(const FloatingPointScope&) = delete;
  FloatingPointScope& operator=(const FloatingPointScope&) = delete;

 private:
  unsigned long long saved_;
};

/// The number of threads to use: `requested`, or for 0 as many as the process may run on.
/// @throws std::invalid_argument if `requested` is negative.
[[nodiscard]] SUBLINEAR_API int resolve_threads(int requested);

/// Runs `work(worker)` for worker = 0 ... workers - 1, each on a thread of its own and in the default floating-point
/// environment, and waits for all; the first exception is thrown again here. With one worker it runs on this thread.
SUBLINEAR_API void run_workers(int workers, const std::function<void(int)>& work);

/// Calls `body(begin, end, worker)` on ranges of at most `grain` items that cover [0, count), handed out as workers
/// come free. What an item computes must not depend on its worker; worker < threads tells which scratch space is free.
template <class Body>
void parallel_for(Index count, int threads, Index grain, Body&& body) {
  const Index ranges = (count + grain - 1) / grain;
  const int workers = static_cast<int>(std::min<Index>(threads, ranges));
  if (workers <= 0) return;
  std::atomic<Index> next{0};
  run_workers(workers, [&](int worker) {
    for (Index range = next++; range < ranges; range = next++)
      body(range * grain, std::min(count, (range + 1) * grain), worker);
  });
}

}  // namespace sublinear
