// The one place where it is proved that no neuron that fires in a ball can be missed.
//
// Setting. T has unit roundoff u; d is the dimension; g and eta are the relative and absolute error of the canonical
// product (kernels/inner_product.hpp): |fl<w,x> - <w,x>| <= g sum|w_j x_j| + eta <= g ||w||_* ||x|| + eta, where ||.||
// is the ball's norm and ||.||_* its dual (Hoelder). An attack gives points x~ with ||x~ - x|| <= rho_e, where
//
//   rho_e = radius (1 + (2d + 64) u) + 2 u (||x|| + radius) + d * smallest subnormal,       rho_e = 0 for radius 0:
//
// the first term covers the norm, quotient and product of the projection, the second the rounding of x + delta to T,
// the third underflow.
//
// Claim. Neuron r fires at such an x~ only if  fl<w_r,x> >= tau - beta_r - reach ||w_r||_* - slack  with
//
//   reach = rho_e + g (2 ||x|| + rho_e),     slack = u |tau| + smallest subnormal + 2 eta.
//
// Proof. fl(y) >= tau for y = fl<w,x~> + beta needs y >= tau - u |tau| - subnormal, because tau is a number of T and
// the next lower one is at most 2 u |tau| away. Replacing fl<w,x~> by <w,x~> costs g ||w||_* (||x|| + rho_e) + eta, x~
// by x costs rho_e ||w||_*, and <w,x> by fl<w,x> costs g ||w||_* ||x|| + eta. The sum of these is reach ||w||_* +
// slack.
//
// Drift. Write K(s) = <w,x> + beta - tau + (reach - g ||x||) ||w||_* + slack - eta at time s; firing now needs
// K(now) >= 0, and the computed key(s) = fl<w,x> - limit at time s is at least K(s). Between the two times
// K grows by at most ||dw||_2 ||x||_2 + reach ||dw||_* + |dbeta|; so a neuron whose key was below -skin cannot fire
// while the sum of its steps is at most skin. (fl<w,x> - limit is exact enough: for numbers of T, fl(a - b) >= 0 iff
// a >= b, and fl(a - b) >= -s iff a - b >= -s up to one rounding, which `drift` includes.)
//
// Everything is evaluated in double and then widened by kWiden, which covers the roundings of that evaluation, and by
// kTiny where a product of doubles may underflow.
//
// All of this holds while no intermediate overflows. A product that is NaN counts as one that reaches every limit.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/norm_bounds.hpp"
#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

// ||a||_* and ||a - b||_*, rounded outward, in the dual of the ball's norm.
template <class T>
[[nodiscard]] double dual_norm_bound(const T* a, Index d, Norm norm) {
  return norm == Norm::two ? euclidean_norm_bound(a, d) : absolute_sum_bound(a, d);
}

template <class T>
[[nodiscard]] double dual_distance_bound(const T* a, const T* b, Index d, Norm norm) {
  return norm == Norm::two ? euclidean_distance_bound(a, b, d) : absolute_distance_bound(a, b, d);
}

// ||x|| in the ball's own norm, rounded outward.
template <class T>
[[nodiscard]] double norm_bound(const T* x, Index d, Norm norm) {
  if (norm == Norm::two) return euclidean_norm_bound(x, d);
  double largest = 0;
  for (Index j = 0; j < d; ++j) largest = std::max(largest, std::abs(static_cast<double>(x[j])));
  return largest;
}

// The two numbers of the claim above, for centres whose norm is at most `centre_norm`.
template <class T>
struct Reach {
  double radius = 0;  // rho_e
  double reach = 0;
  double slack = 0;

  Reach() = default;
  Reach(Ball ball, double centre_norm, Index d, T threshold) {
    const double u = unit_roundoff<T>, g = dot_error_factor<T>(d), terms = static_cast<double>(2 * d + 64);
    const double subnormal = static_cast<double>(std::numeric_limits<T>::denorm_min());
    if (ball.radius > 0)
      radius =
          (ball.radius * (1 + terms * u) + 2 * u * (centre_norm + ball.radius) + static_cast<double>(d) * subnormal) *
              (1 + 8 * kWiden) +
          kTiny;
    reach = (radius + g * (2 * centre_norm + radius)) * (1 + 8 * kWiden) + kTiny;
    slack = (u * std::abs(static_cast<double>(threshold)) + subnormal + 2 * dot_underflow<T>(d)) * (1 + 8 * kWiden);
  }

  // The number of T that fl<w,x> must reach for a neuron with this bias and dual norm to be able to fire.
  [[nodiscard]] T limit(T threshold, T bias, double dual_norm) const {
    const double tau = static_cast<double>(threshold), beta = static_cast<double>(bias);
    const double lowering = reach * dual_norm + slack;
    const double widening = 4 * kWiden * (std::abs(tau) + std::abs(beta) + lowering);
    return round_down<T>((tau - beta) - lowering - widening);
  }
};

// The lifted problem (design: one question, d + 2 dimensions): point (w_r, beta_r - tau, ||w_r||_*) and query
// (x, 1, reach'), answered by a `HalfSpaceIndex` with its own canonical product in d + 2 dimensions.
//
// With g', eta' for d + 2 dimensions: the lifted components are rounded (the second to nearest, costing at most
// u |beta - tau| + subnormal; the third and reach' upward, which only widens), and the index's product errs by at most
// g' (||w||_* ||x|| + |beta - tau| + ||w||_* reach') + eta'. From the claim, without its last step, firing needs
// <w,x> + beta - tau + (rho_e + g (||x|| + rho_e)) ||w||_* + slack >= 0. So every neuron that can fire has a computed
// lifted product of at least  -((g' + 2u) |beta - tau| + slack + eta'),  if
// reach' >= (rho_e + g (||x|| + rho_e) + g' ||x||) / (1 - g').
template <class T>
struct Lifting {
  static constexpr Index kExtra = 2;

  // Writes the d + 2 lifted coordinates of a neuron.
  static void lift_neuron(const Neurons<T>& neurons, NeuronId r, Norm norm, T* out) {
    const T* w = neurons.row(r);
    std::copy(w, w + neurons.dimension, out);
    out[neurons.dimension] = static_cast<T>(offset(neurons, r));
    out[neurons.dimension + 1] = round_up<T>(dual_norm_bound(w, neurons.dimension, norm));
  }

  // Writes the d + 2 lifted coordinates of an input.
  static void lift_input(const T* x, Index d, Ball ball, T threshold, T* out) {
    std::copy(x, x + d, out);
    out[d] = 1;
    const double size = norm_bound(x, d, ball.norm), g = dot_error_factor<T>(d), lifted = dot_error_factor<T>(d + 2);
    const Reach<T> reach(ball, size, d, threshold);
    out[d + 1] = round_up<T>(
        (reach.radius + g * (size + reach.radius) + lifted * size) / (1 - lifted) * (1 + 16 * kWiden) + kTiny);
  }

  // |beta_r - tau| enters the threshold of a query; over several neurons, its largest value does.
  static double offset(const Neurons<T>& neurons, NeuronId r) {
    return static_cast<double>(neurons.biases[r]) - static_cast<double>(neurons.threshold);
  }

  // The threshold at which a lifted product proposes a neuron with |beta - tau| <= largest_offset.
  static double threshold(const Neurons<T>& neurons, double largest_offset) {
    const Index d = neurons.dimension;
    const Reach<T> reach(Ball{}, 0, d, neurons.threshold);
    return -((dot_error_factor<T>(d + 2) + 2 * unit_roundoff<T>)*largest_offset + reach.slack +
             dot_underflow<T>(d + 2) + static_cast<double>(std::numeric_limits<T>::denorm_min())) *
           (1 + 16 * kWiden);
  }
};

}  // namespace sublinear
