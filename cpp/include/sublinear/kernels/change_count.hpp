/// @file
/// How whoever keeps something about an object knows whether the object is still the one it was.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sublinear {

/// A member that counts an object's changes, whole replacements among them: moved or assigned to, the object gets a
/// count that neither of the two had; moved from, one it did not have. A copy has the count of its original.
class ChangeCount {
 public:
  ChangeCount() noexcept = default;
  ChangeCount(const ChangeCount&) noexcept = default;                    ///< the count of the original
  ChangeCount(ChangeCount&& other) noexcept : count_(other.count_++) {}  ///< the other object has lost its value
  /// Another value has taken this object's place.
  ChangeCount& operator=(const ChangeCount& other) noexcept {
    count_ = std::max(count_, other.count_) + 1;
    return *this;
  }
  /// The same, and the other object has lost its value.
  ChangeCount& operator=(ChangeCount&& other) noexcept {
    count_ = std::max(count_, other.count_) + 1;
    other.count_ = count_ + 1;
    return *this;
  }
  ~ChangeCount() = default;

  /// One change more.
  void note() noexcept { ++count_; }
  /// Grows with every change.
  [[nodiscard]] std::uint64_t value() const noexcept { return count_; }

 private:
  std::uint64_t count_ = 0;
};

}  // namespace sublinear
