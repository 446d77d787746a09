// How the calling thread's processor rounds, and what it does with subnormal numbers.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#define SUBLINEAR_TESTS_FLOATING_POINT_STATE
#elif defined(__aarch64__)
#define SUBLINEAR_TESTS_FLOATING_POINT_STATE
#endif

namespace sublinear::testing {

#if defined(__SSE2__)
inline constexpr unsigned long long kFlushSubnormals = 0x8040, kRoundDown = 0x2000, kRoundToZero = 0x6000;
inline unsigned long long floating_point_state() { return _mm_getcsr(); }
inline void set_floating_point_state(unsigned long long state) { _mm_setcsr(static_cast<unsigned>(state)); }
#elif defined(__aarch64__)
inline constexpr unsigned long long kFlushSubnormals = 1ULL << 24, kRoundDown = 2ULL << 22, kRoundToZero = 3ULL << 22;
inline unsigned long long floating_point_state() {
  unsigned long long state;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
inline void set_floating_point_state(unsigned long long state) { asm volatile("msr fpcr, %0" : : "r"(state)); }
#endif

}  // namespace sublinear::testing
