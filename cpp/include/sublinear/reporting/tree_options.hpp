/// @file
/// What the trees have in common to choose.
#pragma once

#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Choices of a tree; they change speed and memory, never results.
struct TreeOptions {
  /// Most points of a leaf, at least 1. Points of a leaf that the hyperplane cuts are looked at one by one, together.
  Index leaf_size = 32;
};

}  // namespace sublinear
