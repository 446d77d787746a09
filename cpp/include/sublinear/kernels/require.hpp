/// @file
/// Checks of what a caller gave. Each throws before anything was changed and says what was given, what was expected
/// and what to do.
#pragma once

#include <string>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// @throws std::invalid_argument naming the first element of `values` (count rows of `dimension`) that is not finite,
/// or if `values` is null and there should be some.
template <class T>
SUBLINEAR_API void require_finite(const T* values, Index count, Index dimension, const char* what);

/// @throws std::invalid_argument with `message` unless `condition` holds. Build the message only where it is cheap.
SUBLINEAR_API void require(bool condition, const char* message);

/// @throws std::invalid_argument naming `what` if `values` is null and there should be `count` of them.
SUBLINEAR_API void require_pointer(const void* values, Index count, const char* what);

/// @throws std::invalid_argument if two sizes differ; `what` and `other` name them.
SUBLINEAR_API void require_equal(Index given, Index expected, const char* what, const char* other);

/// `need` bytes for `what` must be at most `limit`.
/// @throws MemoryLimitError naming both and how to raise the limit.
SUBLINEAR_API void require_memory(std::size_t need, std::size_t limit, const std::string& what);

/// Memory this process can still have, in bytes: what the system has available, less where a control group allows
/// less. A large number where the system does not tell.
[[nodiscard]] SUBLINEAR_API std::size_t available_memory();

/// A number in a message: as many of nine digits as it takes, never hundreds of zeros.
[[nodiscard]] SUBLINEAR_API std::string format_number(double value);

/// "1.5 GiB" for people.
[[nodiscard]] SUBLINEAR_API std::string format_bytes(std::size_t bytes);

}  // namespace sublinear
