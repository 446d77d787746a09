// A lower bound of a margin over an l2 ball that couples the unstable neurons by one trust-region problem.
//
// | letter | meaning |
// |---|---|
// | delta, e | a displacement in the ball, ||delta|| <= rho; e = delta - delta* |
// | t_r | t of neuron r at delta: its t at the centre plus <w_r, delta>; t_r* the same at delta* |
// | b_r, p_r | slope and curvature of the parabola below neuron r's part of the margin; p_r >= 0 |
// | lambda | multiplier of ||delta||^2 <= rho^2 |
// | beta_r | multiplier of a side that branching has chosen, >= 0 |
// | K | constant of the problem and the offsets of all parabolas |
//
// Parabolas. For c < 0 and any p > 0, c relu(t) >= -p t^2 + (c / 2) t - c^2 / (16 p), for all t, because relu(t) =
// (t + |t|) / 2 and |c| |t| / 2 <= p t^2 + c^2 / (16 p) (arithmetic and geometric mean). For c > 0 and alpha in [0, 1],
// c relu(t) >= alpha c t. The step of a jump has the line of linear_bounds.hpp. A neuron put on the side of those that
// fire has c t, and z~ - tau >= 0 there, so t + error >= 0: beta (t + error) may be taken off; on the other side it has
// nothing, and beta (error - t) may be taken off.
//
// Claim. With any delta* (a number of double for each component), lambda >= 0, and mu >= 0 such that M + mu I is
// positive semidefinite for M = lambda I - sum_r p_r w_r w_r^T, the margin over the ball is at least
//
//   K + <g, delta*> + sum_r (b_r t_r* - p_r t_r*^2) - lambda (rho^2 - ||delta*||^2)
//     - ||v|| (rho + ||delta*||) - mu (rho + ||delta*||)^2,     v = g + 2 lambda delta* + sum_r (b_r - 2 p_r t_r*) w_r.
//
// Proof. t_r = t_r* + <w_r, e>. So the parabolas and <g, delta> at delta are what they are at delta*, plus
// <v - 2 lambda delta*, e>, less sum_r p_r <w_r, e>^2 <= (lambda + mu) ||e||^2. And ||e||^2 = ||delta||^2 - 2 <delta*,
// e>
// - ||delta*||^2 <= rho^2 - 2 <delta*, e> - ||delta*||^2, so -lambda ||e||^2 >= -lambda (rho^2 - ||delta*||^2) +
// 2 lambda <delta*, e>. Finally ||e|| <= rho + ||delta*||.
//
// Where delta* is stationary, v = 0, and this is the Lagrangian dual. So whatever the search below finds, and however
// inexactly it solves its equations, is a proof as soon as the claim is evaluated rounded downward: `evaluate`.
//
// Search. The claim's value is concave in (lambda, p, alpha, beta) together, and greatest over p_r where p_r =
// |c_r| / (4 sqrt(E t_r^2)), E over a distribution of delta with E ||delta||^2 = rho^2 that is the dual of the
// semidefinite constraint. A barrier nu log det M makes the covariance of that distribution nu M^-1; so each step sets
// E t_r^2 = t_r*^2 + nu <w_r, M^-1 w_r>, moves lambda by Newton's step for ||delta*||^2 + nu trace M^-1 = rho^2, and
// shrinks nu. Six to nine steps come within 0.001 of the greatest value on digits.
#pragma once

#include <vector>

#include "certification/curvature.hpp"
#include "certification/margin_problem.hpp"

namespace sublinear {

class QuadraticBound {
 public:
  QuadraticBound(const Neighbourhood& near, const MarginProblem& problem, const std::vector<Side>& sides);

  // Searches for at most `steps` steps, until the bound is above 0 or no longer grows. Gives the best bound proved;
  // -infinity where nothing was.
  double maximize(int steps);

  // Where the relaxation of the last step is least: a displacement that an adversary may want to try.
  [[nodiscard]] const std::vector<double>& displacement() const noexcept { return delta_; }

  // How much each unstable neuron loses by its relaxation, about; 0 for those that branching has decided.
  [[nodiscard]] std::vector<double> gaps() const;

 private:
  struct Part {
    std::size_t neuron = 0;  // among the unstable ones
    double c = 0;
    Side side = Side::open;
    double line = 0, offset = 0;  // of the step of a jump
    double alpha = 0, beta = 0;
    double moment = 0;  // E t^2
    double curvature = 0;
    double slope = 0;
    double t = 0;  // t_r*, about
  };

  void begin();
  bool factor();
  void gradient(std::vector<double>& g) const;
  void update();
  [[nodiscard]] double evaluate() const;
  [[nodiscard]] double part_bound(const Part& part, double length, double& slope, double& error) const;
  [[nodiscard]] double norm(const Part& part) const { return near_.unstable[part.neuron].norm; }

  const Neighbourhood& near_;
  const MarginProblem& problem_;
  std::vector<Part> parts_;          // of coefficient other than 0
  std::vector<std::size_t> curved_;  // those parts that have a parabola
  Curvature curvature_;
  std::vector<double> delta_;
  double lambda_ = 0, barrier_ = 0, least_barrier_ = 0;
};

}  // namespace sublinear
