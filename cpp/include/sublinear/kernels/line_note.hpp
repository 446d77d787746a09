/// @file
/// What is remembered of a neuron's pre-activation near an input.
#pragma once

#include <limits>

namespace sublinear {

/// Four numbers side by side. `LocalNetwork` writes and reads them; the finding floor only keeps them.
template <class T>
struct LineNote {
  T product = 0;                                  ///< canonical product with the input
  T slope = std::numeric_limits<T>::quiet_NaN();  ///< the same with a direction; NaN: not known
  T drift = -std::numeric_limits<T>::infinity();  ///< the row's drift at that time; -infinity: nothing is known
  T unused = 0;                                   ///< fills the four; always 0
};

}  // namespace sublinear
