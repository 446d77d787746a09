// On which side: the sign of a cross product, exactly.
#pragma once

namespace sublinear {

struct PlanePoint {
  double x, y;
};

// The sign (-1, 0 or 1) of (b - a) x (d - c) = (b.x - a.x) (d.y - c.y) - (b.y - a.y) (d.x - c.x), without any error,
// for all finite coordinates: collinear and repeated points, subnormal and huge ones. Doubles decide where their
// rounding cannot matter; exact products where the differences are exact, as on grids; else a sum in fixed point that
// is as wide as products of doubles can be.
[[nodiscard]] int cross_sign(PlanePoint a, PlanePoint b, PlanePoint c, PlanePoint d) noexcept;

}  // namespace sublinear
