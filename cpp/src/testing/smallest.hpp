// How a failing case becomes a small one, and how it is printed.
#pragma once

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "sublinear/kernels/types.hpp"
#include "sublinear/testing/conformance.hpp"

namespace sublinear {

// A promise that a case broke: an exception on the way from a check to who looks for smaller cases.
struct BrokenPromise {
  std::string text;
};

inline void promise(bool kept, const std::string& text) {
  if (!kept) throw BrokenPromise{text};
}

// Removes halves, quarters, ... of what a case has of something, as long as it goes on failing. `size()` tells how much
// there is, `without(begin, end)` gives a smaller case and `fails` tries it and keeps it where it fails.
template <class Size, class TryWithout>
void shrink(Size&& size, TryWithout&& fails_without) {
  for (std::size_t step = size(); step > 0; step /= 2)
    for (std::size_t begin = 0; begin < size();) {
      const std::size_t end = begin + step < size() ? begin + step : size();
      if (!fails_without(begin, end)) begin += step;
    }
}

// Numbers as they can be pasted again.
template <class T>
std::string print(const T* values, Index count) {
  std::ostringstream text;
  text.precision(17);
  text << '[';
  for (Index k = 0; k < count; ++k) text << (k > 0 ? ", " : "") << +values[k];
  text << ']';
  return text.str();
}

template <class T>
std::string print(const std::vector<T>& values) {
  return print(values.data(), static_cast<Index>(values.size()));
}

template <class T>
std::string print_rows(const std::vector<T>& values, Index columns) {
  std::string text = "[";
  for (Index k = 0; k < static_cast<Index>(values.size()); k += columns)
    text += (k > 0 ? ", " : "") + print(values.data() + k, columns);
  return text + "]";
}

// A vector without its rows [begin, end).
template <class Vector>
Vector without_rows(Vector values, std::size_t begin, std::size_t end, Index columns) {
  const auto width = static_cast<std::size_t>(columns);
  values.erase(values.begin() + static_cast<std::ptrdiff_t>(begin * width),
               values.begin() + static_cast<std::ptrdiff_t>(end * width));
  return values;
}

}  // namespace sublinear
