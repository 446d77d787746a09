// Memory that a process can still have, read from files of the kernel.
#pragma once

#include <cstddef>
#include <string>

namespace sublinear {

// As available_memory() of require.hpp, with /proc and /sys below this root.
[[nodiscard]] std::size_t available_memory_below(const std::string& root);

}  // namespace sublinear
