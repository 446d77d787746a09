// A point in 7 bits, and what that leaves out in 7 more, as a pass over the copies of many rows takes it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/copy_products.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// A vector as scale * (bytes - zero).
template <class T>
struct SevenBits {
  AlignedVector<std::uint8_t> bytes;
  std::vector<Quad> quads;  // those that are not 0, if it pays to skip the others; else empty
  std::int32_t zero = 0;    // the byte that stands for 0
  T scale = 0;
  double length = 0;  // at least the l2 norm of that vector
};

// v is `coarse` and `rest` and no more than `missing`, in l2.
template <class T>
struct PassPoint {
  SevenBits<T> coarse, rest;
  bool has_rest = false;
  double missing = 0;

  // Of d components, in `stride` bytes. There is a rest only with `with_rest`, and if it is worth a pass.
  void set(const T* v, Index d, Index stride, bool with_rest);

 private:
  std::vector<T> left_;
};

}  // namespace sublinear
