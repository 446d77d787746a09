/// @file
/// Loops over independent items on several threads.
#pragma once

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

/// The number of threads to use: `requested`, or for 0 the default: the processors that this thread may run on, or
/// fewer where a control group's quota of processor time (version 1 or 2, rounded up) or OMP_NUM_THREADS says so. (Of a
/// list the first number counts; what is no positive whole number says nothing.) They are read at every call, a quota
/// once a second.
/// @throws std::invalid_argument if `requested` is negative.
[[nodiscard]] SUBLINEAR_API int resolve_threads(int requested);

/// The same without OMP_NUM_THREADS.
[[nodiscard]] SUBLINEAR_API int available_processors() noexcept;

/// What `run_ranges` does: (begin, end, worker).
using RangeBody = std::function<void(Index, Index, int)>;

/// As `parallel_for`, which see, for a body of any type.
SUBLINEAR_API void run_ranges(Index count, int threads, Index grain, const RangeBody& body);

/// Calls `body(begin, end, worker)` on ranges of at most `grain` items that cover [0, count), handed out as workers
/// come free, in the default floating-point environment. What an item computes must not depend on its worker; worker <
/// threads tells which scratch space is free. Worker 0 is this thread, the others are the library's own, as many as the
/// system grants. The first exception is thrown again here, after all have stopped; the ranges after it are left out.
/// A `ProgressScope` of this thread is told between ranges. May be called on any threads at the same time, and by a
/// body.
/// @throws std::invalid_argument if there are items and `threads` is below 1.
template <class Body>
void parallel_for(Index count, int threads, Index grain, Body&& body) {
  run_ranges(count, threads, grain, [&body](Index begin, Index end, int worker) { body(begin, end, worker); });
}

}  // namespace sublinear
