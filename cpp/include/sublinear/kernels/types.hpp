/// @file
/// The few types every floor shares: sizes, neuron ids, aligned storage and a view of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace sublinear {

/// Signed size and position type, as in Eigen. Half-space reporting ids have this type too.
using Index = std::int64_t;

/// Position of a neuron in its network; a network has fewer than 2^31 neurons.
using NeuronId = std::int32_t;

/// Bytes of one canonical group of lanes, one cache line; rows start on this boundary where the dimension allows.
inline constexpr std::size_t kLaneBytes = 64;

/// Standard allocator whose blocks start on a cache line, so that no lane group straddles two.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() noexcept = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}
  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kLaneBytes}));
  }
  void deallocate(T* block, std::size_t) noexcept { ::operator delete (block, std::align_val_t{kLaneBytes}); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const noexcept {
    return true;
  }
  template <class U>
  bool operator!=(const AlignedAllocator<U>&) const noexcept {
    return false;
  }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// A read-only view of `count` points in `dimension` dimensions, row-major and contiguous: component j of point i is
/// `data[i * dimension + j]`. Does not own; the memory must outlive whatever was given the view.
template <class T>
struct Points {
  const T* data = nullptr;
  Index count = 0;
  Index dimension = 0;

  [[nodiscard]] const T* row(Index i) const noexcept { return data + i * dimension; }
};

}  // namespace sublinear
