/// @file
/// The few types every floor shares: sizes, neuron ids, aligned storage and a view of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// Signed size and position type, as in Eigen. Half-space reporting ids have this type too.
using Index = std::int64_t;

/// Position of a neuron in its network; a network has fewer than 2^31 neurons.
using NeuronId = std::int32_t;

/// Bytes of one canonical group of lanes, one cache line; rows start on this boundary where the dimension allows.
inline constexpr std::size_t kLaneBytes = 64;

/// Memory for `count` objects of `size` bytes that starts on a cache line. Large blocks ask the system for large pages,
/// where it gives them on request (Linux with transparent huge pages): rows picked at random from many megabytes then
/// miss fewer address translations.
/// @throws std::bad_alloc
[[nodiscard]] SUBLINEAR_API void* allocate_aligned(std::size_t count, std::size_t size);
/// Gives back what `allocate_aligned` gave for this many bytes.
SUBLINEAR_API void deallocate_aligned(void* block, std::size_t bytes) noexcept;

/// Standard allocator whose blocks start on a cache line, so that no lane group straddles two.
template <class T>
struct AlignedAllocator {
  using value_type = T;  ///< as the standard asks for
  AlignedAllocator() noexcept = default;
  /// It has no state: any one may free what another gave.
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}
  /// Room for `count` objects, not constructed. @throws std::bad_alloc
  [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(allocate_aligned(count, sizeof(T))); }
  /// Gives back what `allocate(count)` gave.
  void deallocate(T* block, std::size_t count) noexcept { deallocate_aligned(block, count * sizeof(T)); }
  /// Always equal.
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const noexcept {
    return true;
  }
  /// Never different.
  template <class U>
  bool operator!=(const AlignedAllocator<U>&) const noexcept {
    return false;
  }
};

/// A vector that starts on a cache line.
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// A read-only view of `count` points in `dimension` dimensions, row-major and contiguous: component j of point i is
/// `data[i * dimension + j]`. Does not own; the memory must outlive whatever was given the view.
template <class T>
struct Points {
  const T* data = nullptr;  ///< count * dimension values; may be null where that is 0
  Index count = 0;          ///< how many points
  Index dimension = 0;      ///< coordinates of a point

  /// Point i: `dimension` values.
  [[nodiscard]] const T* row(Index i) const noexcept { return data + i * dimension; }
};

}  // namespace sublinear
