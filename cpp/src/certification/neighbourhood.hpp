// An input's ball, and what each neuron can do in it.
//
// Proof of the bounds on a neuron. x~ is any point of T^d with ||x~ - x|| <= rho, delta = x~ - x; u, and everything
// "rounded", is of T; X = ||x|| + rho, W >= ||w||_* (the dual norm), so sum_j |w_j x~_j| <= W X (Hoelder).
//
// z~ = fl(y + beta), y = fl<w, x~>, is what the canonical test computes. In `inner_product` each product meets one
// multiplication, at most ceil(d / lanes) - 1 additions in its lane (the first, to +0, is exact) and log2(lanes)
// foldings: k = ceil(d / lanes) + log2(lanes) roundings. So with g = (k + 1) u / (1 - (k + 1) u),
//   |y - <w, x~>| <= g W X + eta                       (eta: products that underflow, dot_underflow)
//   |z~ - (y + beta)| <= u (|y| + |beta|) <= u ((1 + g) W X + eta + |beta|).
// t = fl(<w, x> + beta - tau) in double errs by at most rounding_loss(W X + |beta| + |tau|, d + 8). Hence
//   |(z~ - tau) - (t + <w, delta>)| <= error,  the sum of the three, and
//   low = t - rho W - error <= z~ - tau <= high = t + rho W + error.
// A neuron with high < 0 fires nowhere in the ball, one with low >= 0 everywhere.
//
// What a firing neuron passes on is fl(z~ - tau) (shifted), at most u |z~ - tau| from z~ - tau, or z~ itself (jump). So
// its activation a~ differs from relu(t + <w, delta>) (jump: from relu(t + <w, delta>) + tau [z~ >= tau]) by at most
//   miss = error + u activity,   activity >= |a~|.
//
// No intermediate of T overflows where 2 (W X + |beta| + |tau|) is below its largest number for all neurons; else
// `bounded` is false, and nothing is claimed (the finder's candidates neither).
#pragma once

#include <vector>

#include "sublinear/training/network.hpp"

namespace sublinear {

// One neuron over a ball: see above.
struct BallNeuron {
  NeuronId id = 0;
  double t = 0;         // pre-activation less threshold at the centre
  double norm = 0;      // W, rounded up
  double low = 0;       // of the computed pre-activation less threshold, over the ball
  double high = 0;      // the same
  double error = 0;     // of the computed pre-activation against t + <w, delta>
  double miss = 0;      // of the activation
  double activity = 0;  // what it passes on, at most
};

// A ball and the neurons that can fire in it. Numbers are double whatever the network's type; rows convert exactly.
struct Neighbourhood {
  Index dimension = 0;
  Norm norm = Norm::two;
  double radius = 0;                 // rho: the ball's, widened by the rounding of an attack (finding/reach.hpp)
  double step = 0;                   // what an activation jumps by where it fires: tau for jump, 0 for shifted
  bool bounded = true;               // nothing overflows
  std::vector<BallNeuron> on;        // those that fire everywhere
  std::vector<BallNeuron> unstable;  // those that fire at some points, perhaps
  std::vector<double> rows;          // the weights of the unstable ones

  [[nodiscard]] const double* row(std::size_t k) const { return rows.data() + static_cast<Index>(k) * dimension; }
};

// What is known of all rows, for balls in one norm.
struct RowNorms {
  Norm norm = Norm::two;
  std::vector<double> dual;  // at least ||w_r||_*
  double largest = 0;        // of them
  double bias = 0;           // the largest |beta_r|

  RowNorms() = default;
  template <class T>
  RowNorms(const TwoLayerNetwork<T>& network, Norm ball_norm);
};

// Sorts the candidates of the ball around x.
template <class T>
[[nodiscard]] Neighbourhood neighbourhood(const TwoLayerNetwork<T>& network, const RowNorms& norms, const T* x,
                                          double radius, const NeuronId* candidates, Index count);

}  // namespace sublinear
