/// @file
/// The exceptions of this library beside the standard ones.
///
/// `std::invalid_argument`: an argument is wrong (value, shape, name, id); `std::length_error`: too many points or
/// neurons for the id type; `std::logic_error`: a call that the object says it cannot serve; `std::bad_alloc`: memory
/// ran out. All calls that throw leave the object as it was unless they say otherwise.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// A structure would need more memory than it may have. Derives from `std::bad_alloc`, so that handlers of that see it.
class SUBLINEAR_API MemoryLimitError : public std::bad_alloc {
 public:
  /// @param message what `what` gives: how much is needed, how much there is, and what to do.
  explicit MemoryLimitError(std::string message) : message_(std::move(message)) {}
  /// The message, while the exception lives.
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// Something of the application's own - an index, a strategy - broke what it promises. The message names it, the call
/// and the property. Derives from `std::logic_error`: the mistake is in the program.
class SUBLINEAR_API PluginError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Training produced numbers that are not finite; the weights are those before the step that was refused.
class SUBLINEAR_API DivergenceError : public std::overflow_error {
 public:
  using std::overflow_error::overflow_error;
};

}  // namespace sublinear
