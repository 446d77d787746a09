#include "sublinear/kernels/parallel.hpp"

#include <cfenv>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(SUBLINEAR_X86)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(SUBLINEAR_OPENMP)
#include <omp.h>
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

int resolve_threads(int requested) {
  if (requested < 0)
    throw std::invalid_argument("threads is " + std::to_string(requested) +
                                "; give a positive number, or 0 for all processors");
  if (requested > 0) return requested;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void run_workers(int workers, const std::function<void(int)>& work) {
  if (workers == 1) {
    const FloatingPointScope scope;
    work(0);
    return;
  }
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto guarded = [&](int worker) {
    try {
      const FloatingPointScope scope;
      work(worker);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
#if defined(SUBLINEAR_OPENMP)
  // OpenMP may grant fewer threads than asked for; the loop gives every worker its turn all the same.
#pragma omp parallel for num_threads(workers) schedule(static, 1)
  for (int worker = 0; worker < workers; ++worker) guarded(worker);
#else
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(workers));
  int started = 1;
  try {
    for (; started < workers; ++started) threads.emplace_back(guarded, started);
  } catch (const std::system_error&) {  // the system grants no more threads: this one takes their turns
  } catch (const std::bad_alloc&) {
  }
  guarded(0);
  for (int worker = started; worker < workers; ++worker) guarded(worker);
  for (std::thread& thread : threads) thread.join();
#endif
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sublinear
