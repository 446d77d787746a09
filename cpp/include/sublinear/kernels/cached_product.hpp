/// @file
/// What is remembered of a neuron's product with an input.
#pragma once

#include <limits>

namespace sublinear {

/// Two numbers side by side. `LocalNetwork` writes and reads them; the finding floor only keeps them.
template <class T>
struct CachedProduct {
  T product = 0;                                  ///< the canonical one
  T drift = -std::numeric_limits<T>::infinity();  ///< the row's drift at that time; -infinity: nothing is known
};

}  // namespace sublinear
