// Memory that is needed soon; changes nothing but the time.
#pragma once

#include "sublinear/kernels/types.hpp"

namespace sublinear {

template <class T>
void prefetch(const T* from, Index count) {
  const char* const bytes = reinterpret_cast<const char*>(from);
  const Index size = count * static_cast<Index>(sizeof(T));
  for (Index at = 0; at < size; at += 64) __builtin_prefetch(bytes + at);
}

// Whether so many rows are so much memory that the caches of few processors hold them, however they are visited.
template <class T>
[[nodiscard]] constexpr bool outgrows_caches(Index rows, Index dimension) {
  return rows * dimension * static_cast<Index>(sizeof(T)) >= Index{16} << 20;
}

}  // namespace sublinear
