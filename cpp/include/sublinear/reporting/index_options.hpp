/// @file
/// What there is to choose when a half-space index is made.
#pragma once

#include "sublinear/kernels/progress.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Choices of an index; they change speed and memory, never results.
struct IndexOptions {
  /// Of trees: most points of a leaf, rounded up to a multiple of 16; 0 = the structure's own choice. Points of a leaf
  /// that the hyperplane may cut are looked at together. Other structures ignore it.
  Index leaf_size = 0;
  /// Told while the first points are arranged. What it throws stops that and reaches the caller.
  Progress progress = {};
};

}  // namespace sublinear
