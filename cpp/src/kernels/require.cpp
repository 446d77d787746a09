#include "sublinear/kernels/require.hpp"

#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "sublinear/kernels/errors.hpp"

namespace sublinear {

template <class T>
void require_finite(const T* values, Index count, Index dimension, const char* what) {
  require_pointer(values, count, what);
  for (Index k = 0; k < count * dimension; ++k)
    if (!std::isfinite(values[k]))
      throw std::invalid_argument(std::string(what) + ": the value in row " + std::to_string(k / dimension) +
                                  ", column " + std::to_string(k % dimension) + " is " +
                                  format_number(static_cast<double>(values[k])) + "; every value must be finite");
}
template void require_finite<float>(const float*, Index, Index, const char*);
template void require_finite<double>(const double*, Index, Index, const char*);

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_pointer(const void* values, Index count, const char* what) {
  if (values == nullptr && count > 0)
    throw std::invalid_argument(std::string(what) + " is a null pointer, and there should be " + std::to_string(count) +
                                "; give where they lie, or a count of 0");
}

void require_equal(Index given, Index expected, const char* what, const char* other) {
  if (given != expected)
    throw std::invalid_argument(std::string(what) + " is " + std::to_string(given) + ", but " + other + " is " +
                                std::to_string(expected) + "; give what fits together");
}

void require_memory(std::size_t need, std::size_t limit, const std::string& what) {
  if (need <= limit) return;
  throw MemoryLimitError(what + " needs " + format_bytes(need) + " (" + std::to_string(need) + " bytes) and may have " +
                         format_bytes(limit) + " (" + std::to_string(limit) +
                         " bytes); raise max_bytes if the machine has more, or use a strategy that stores less");
}

std::string format_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string format_bytes(std::size_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 6) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

}  // namespace sublinear
