// Asks for memory that is needed soon; changes nothing but the time.
#pragma once

#include "sublinear/kernels/types.hpp"

namespace sublinear {

template <class T>
void prefetch(const T* from, Index count) {
  const char* const bytes = reinterpret_cast<const char*>(from);
  const Index size = count * static_cast<Index>(sizeof(T));
  for (Index at = 0; at < size; at += 64) __builtin_prefetch(bytes + at);
}

}  // namespace sublinear
