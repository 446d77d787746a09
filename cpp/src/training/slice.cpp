#include "training/slice.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/norm_bounds.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

// Below this share of a vector its part across the input is rounding.
constexpr double kParallel = 0x1p-40;

template <class A, class B>
[[nodiscard]] double product(const A* a, const B* b, Index n) {
  return sum_in_parts(n, [=](Index j) { return static_cast<double>(a[j]) * static_cast<double>(b[j]); });
}

// Takes from v its part along x, twice: the second time takes what rounding left. Returns the rest's length.
template <class T>
double remove_along(const T* x, double squares, Index n, double* v) {
  for (int pass = 0; pass < 2; ++pass) {
    const double share = product(v, x, n) / squares;
    for (Index j = 0; j < n; ++j) v[j] -= share * static_cast<double>(x[j]);
  }
  return std::sqrt(product(v, v, n));
}

// The unit vector e of the shortest coordinate of x.
template <class T>
void take_axis(const T* x, Index n, double* e) {
  Index shortest = 0;
  for (Index j = 1; j < n; ++j)
    if (std::abs(x[j]) < std::abs(x[shortest])) shortest = j;
  std::fill(e, e + n, 0.0);
  e[shortest] = 1;
}

}  // namespace

template <class T>
void require_on_slice(Points<T> points) {
  const Index n = points.dimension - 1;
  const double tolerance = static_cast<double>(2 * points.dimension + 64) * static_cast<double>(unit_roundoff<T>);
  for (Index i = 0; i < points.count; ++i) {
    const T* const x = points.row(i);
    const double radius = std::sqrt(product(x, x, n)), height = static_cast<double>(x[n]);
    if (height == kSliceHeight && std::abs(radius - kSliceRadius) <= tolerance) continue;
    throw std::invalid_argument("the input in row " + std::to_string(i) + " has length " +
                                format_number(std::sqrt(radius * radius + height * height)) + " and last coordinate " +
                                format_number(height) + "; on the slice these are 1 and 0.5, put inputs there");
  }
}

template <class T>
void project_to_tangent(const T* v, Index d, T* gradient) {
  const Index n = d - 1;
  const double share = product(v, gradient, n) / product(v, v, n);
  for (Index j = 0; j < n; ++j)
    gradient[j] = static_cast<T>(static_cast<double>(gradient[j]) - share * static_cast<double>(v[j]));
  gradient[n] = 0;
}

// With q = x + delta (n coordinates) the nearest point of the whole sphere is v = (R / ||q||) q, so
// v - x = delta / h + g x,  h = ||q|| / R,  g = 1 / h - 1 = -e / (h (1 + h)),  e = h^2 - 1 = (2 <x, delta> + delta^2) /
// R^2. If that is outside the ball, the nearest point of the cap lies on its edge, at the angle phi = 2 arcsin(s), s =
// radius / (2R), from x, in the half-plane of q: v - x = (cos phi - 1) x + R sin(phi) t = -2 s^2 x + 2 R s c t with c =
// sqrt(1 - s^2) and t the unit vector of q's part across x.
template <class T>
void project_to_slice(const T* x, Index d, double radius, T* delta) {
  const Index n = d - 1;
  thread_local std::vector<double> buffer;
  buffer.resize(static_cast<std::size_t>(2 * n));
  double *const moved = buffer.data(), *const across = moved + n;
  const double squares = product(x, x, n), R = std::sqrt(squares);
  const double grown = (2 * product(x, delta, n) + product(delta, delta, n)) / squares;
  for (Index j = 0; j < n; ++j) across[j] = static_cast<double>(x[j]) + static_cast<double>(delta[j]);  // q
  const double height = std::sqrt(product(across, across, n)) / R;
  delta[n] = 0;
  if (!(height > 0)) {
    std::fill(delta, delta + n, T(0));
    return;
  }
  const double gain = -grown / (height * (1 + height));
  for (Index j = 0; j < n; ++j) moved[j] = static_cast<double>(delta[j]) / height + gain * static_cast<double>(x[j]);
  if (product(moved, moved, n) > radius * radius) {
    const double length = std::sqrt(product(delta, delta, n));
    for (Index j = 0; j < n; ++j) across[j] = static_cast<double>(delta[j]);
    double size = remove_along(x, squares, n, across);
    if (!(size > kParallel * length)) {
      take_axis(x, n, across);
      size = n > 1 ? remove_along(x, squares, n, across) : 0;
    }
    const double s = std::min(1.0, radius / (2 * R)), c = std::sqrt((1 - s) * (1 + s));
    const double back = size > 0 ? -2 * s * s : 0, aside = size > 0 ? 2 * R * s * c / size : 0;
    for (Index j = 0; j < n; ++j) moved[j] = back * static_cast<double>(x[j]) + aside * across[j];
  }
  for (Index j = 0; j < n; ++j) delta[j] = static_cast<T>(moved[j]);
}

template void require_on_slice<float>(Points<float>);
template void require_on_slice<double>(Points<double>);
template void project_to_tangent<float>(const float*, Index, float*);
template void project_to_tangent<double>(const double*, Index, double*);
template void project_to_slice<float>(const float*, Index, double, float*);
template void project_to_slice<double>(const double*, Index, double, double*);

}  // namespace sublinear
