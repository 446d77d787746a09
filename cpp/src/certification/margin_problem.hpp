// The margin over a ball as one problem: what is linear in it, and what is not.
#pragma once

#include <cstdint>
#include <vector>

#include "certification/neighbourhood.hpp"

namespace sublinear {

// A margin: f_own - f_rival, or with rival = -1 the output `own` times `sign`.
struct Margin {
  Index own = 0;
  Index rival = -1;
  double sign = 1;
};

// For every point x~ = x + delta of the ball, the margin of the outputs as the network computes them is at least
//
//   constant + <slope, delta> + sum_k coefficients[k] phi_k(t_k + <w_k, delta>)
//
// over the unstable neurons k, where phi(t) = relu(t) + step [z~ >= tau]; all numbers here are taken as exact.
//
// Proof. Let N neurons be on or unstable, a~_r the activation of r as computed, s the scale. Output k is computed from
// +0 by N multiplications and N additions at most, then times s: it errs from s sum_r a_rk a~_r by at most
//   |s| gamma_{N+3} sum_r |a_rk| activity_r + |s| (N + 3) subnormals + one subnormal      (gamma_n = n u / (1 - n u)),
// as long as nothing overflows; two outputs err twice. What is left is sum_r c_r a~_r with c_r = s (a_own - a_rival):
// replacing c_r by its double costs at most (2 kRound |c_r| + 2 kTiny) activity_r (and |c_r| activity_r where it is so
// small that 0 is taken), replacing a~_r by phi_r costs |c_r| miss_r. A neuron that is on has phi(t) = t + step, which
// is linear; the sum of the products c_r w_r in double errs by a vector whose dual norm is at most rounding_loss(sum_r
// |c_r| ||w_r||_*, N + 8) + d N kTiny, by the triangle inequality, so its inner product with delta by at most rho times
// that. All of these are taken off `constant`.
struct MarginProblem {
  double constant = 0;
  std::vector<double> slope;
  double slope_norm = 0;             // at least ||slope||_*
  std::vector<double> coefficients;  // c of the unstable neurons
};

template <class T>
[[nodiscard]] MarginProblem margin_problem(const TwoLayerNetwork<T>& network, const Neighbourhood& near, Margin margin);

// What branching has decided of an unstable neuron: that it fires, does not fire, or nothing.
enum class Side : std::int8_t { off = -1, open = 0, on = 1 };

}  // namespace sublinear
