// How many processors the system lets a process use, and how many threads it is asked to use.
#pragma once

#include <string>

namespace sublinear {

// What says nothing.
inline constexpr int kNoLimit = 1 << 20;

// Processors' worth of time that the control groups of this process, of either version, allow, rounded up; at least 1;
// kNoLimit where they do not say. With /proc and /sys below this root.
[[nodiscard]] int processor_quota_below(const std::string& root);

// The number of threads a value of OMP_NUM_THREADS asks for: of a list the first; kNoLimit where it is null or no
// positive whole number.
[[nodiscard]] int threads_in_variable(const char* value) noexcept;

}  // namespace sublinear
