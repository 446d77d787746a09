#include "kernels/processor_features.hpp"

#include <cstddef>
#include <initializer_list>

#if defined(SUBLINEAR_X86)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_M_ARM64) || (defined(__aarch64__) && defined(_WIN32))
#include "kernels/windows_calls.hpp"
#endif

namespace sublinear {

#if defined(SUBLINEAR_X86)

namespace {

bool has(unsigned word, std::initializer_list<int> bits) noexcept {
  for (const int bit : bits)
    if ((word >> bit & 1) == 0) return false;
  return true;
}

// Which registers the system saves when it changes threads (XCR0).
unsigned saved_registers() noexcept {
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

ProcessorFeatures processor_features() noexcept {
  ProcessorFeatures features;
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return features;
  const bool has_fma_and_avx = has(c, {12, 27, 28});  // 27: xgetbv may be asked
  if (!has_fma_and_avx || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return features;
  const unsigned saved = saved_registers();
  features.avx2 = has(saved, {1, 2}) && has(b, {5});
#if defined(__APPLE__)
  const bool saves_large = true;  // macOS says so only once they are used
#else
  const bool saves_large = has(saved, {5, 6, 7});
#endif
  features.avx512 = features.avx2 && saves_large && has(b, {16, 17, 30, 31});
  features.avx512vnni = features.avx512 && has(c, {11});
  return features;
}

#else

ProcessorFeatures processor_features() noexcept {
  ProcessorFeatures features;
#if defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long kDotProduct = 1UL << 20;  // HWCAP_ASIMDDP
  features.dot_product = (getauxval(AT_HWCAP) & kDotProduct) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  int value = 0;
  std::size_t size = sizeof value;
  features.dot_product = sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) == 0 && value != 0;
#elif defined(_M_ARM64) || (defined(__aarch64__) && defined(_WIN32))
  constexpr DWORD kDotProduct = 43;  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
  features.dot_product = IsProcessorFeaturePresent(kDotProduct) != 0;
#endif
  return features;
}

#endif

}  // namespace sublinear
