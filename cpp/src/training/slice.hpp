// The slice of the unit sphere on which Gao, Qin, Song and Wang (arXiv 2208.05395, section 3) put data and adversary:
// ||x|| = 1 and x_d = 1/2.
//
// Only the first n = d - 1 coordinates move, on a sphere of radius R = sqrt(3)/2. Inputs are numbers of T, so each has
// a radius of its own, R up to rounding; its adversary keeps to that one. All sums are in double, in eight parts
// (`sum_in_parts`), and everything is computed as a displacement from the input, so that the error is relative to the
// displacement: that keeps small balls.
#pragma once

#include "sublinear/kernels/types.hpp"

namespace sublinear {

inline constexpr double kSliceRadius = 0.86602540378443865;
inline constexpr double kSliceHeight = 0.5;

// @throws std::invalid_argument for a point off the slice by more than rounding.
template <class T>
void require_on_slice(Points<T> points);

// Takes from a gradient at v what leads off the slice.
template <class T>
void project_to_tangent(const T* v, Index d, T* gradient);

// delta becomes v - x for a point v of the slice with ||v - x||_2 <= radius that is nearest to x + delta. Where all are
// equally near (x + delta in the axis of the slice), v = x; where a circle of them is, the one towards the coordinate
// axis along which x is shortest, the first of equal ones.
template <class T>
void project_to_slice(const T* x, Index d, double radius, T* delta);

}  // namespace sublinear
