// The library's own threads.
#pragma once

namespace sublinear {

// What a call hands to the pool. Its items are its own affair: whoever comes takes some until none are left, so that
// it is done whether all threads come or none does.
class PoolTask {
 public:
  // Takes items until none are left. Called once on the thread that brought the task, with worker 0, and at most once
  // with each of the other workers on threads of the pool.
  virtual void work(int worker) noexcept = 0;
  // Called now and then on the thread that brought the task while it waits for the others.
  virtual void wait() noexcept = 0;

 protected:
  PoolTask() = default;
  ~PoolTask() = default;
  PoolTask(const PoolTask&) = delete;
  PoolTask& operator=(const PoolTask&) = delete;
};

// Runs the task on this thread, and on up to `workers` - 1 threads of the pool, if that many are idle or can be had;
// returns when all of them are done. Any number of threads may call it at the same time, also from within a task.
// Threads that have nothing to do look for work for some microseconds, then sleep. They are started when first needed
// and end when the library is unloaded. A forked child has none and starts its own.
// @throws std::runtime_error in a child that was forked by the task itself: its threads are not there.
void run_in_pool(int workers, PoolTask& task);

// How many threads the pool of this process has.
[[nodiscard]] int pool_threads() noexcept;

}  // namespace sublinear
