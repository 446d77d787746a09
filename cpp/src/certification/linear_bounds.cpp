#include "certification/linear_bounds.hpp"

#include <cmath>

#include "certification/lower_sum.hpp"
#include "finding/reach.hpp"

namespace sublinear {

Line below_step(double jump, const BallNeuron& neuron) {
  if (jump == 0) return {};
  const double underflow = kTiny * (neuron.high - neuron.low);  // of the slope
  if (jump > 0) {
    if (!(neuron.high > -neuron.low)) return {};
    const double slope = jump / neuron.high * (1 - 4 * kRound);
    return {slope, -slope * neuron.error - underflow};
  }
  if (!(neuron.high < -neuron.low)) return {0, jump};
  const double slope = jump / -neuron.low * (1 - 4 * kRound);
  return {slope, jump + slope * neuron.error - underflow};
}

Line below_chord(double c, const BallNeuron& neuron) {
  const double slope = c * (neuron.high / (neuron.high - neuron.low)) * (1 + 8 * kRound);
  return {slope, -slope * neuron.low - kTiny * (neuron.high - neuron.low)};
}

double interval_bound(const Neighbourhood& near, const MarginProblem& problem) {
  LowerSum sum;
  sum.add(problem.constant);
  sum.lose(near.radius * problem.slope_norm);
  for (std::size_t k = 0; k < near.unstable.size(); ++k) {
    const double c = problem.coefficients[k], jump = c * near.step;
    if (c < 0) sum.add(c * near.unstable[k].high);
    if (jump < 0) sum.add(jump);
  }
  return sum.lower();
}

double linear_bound(const Neighbourhood& near, const MarginProblem& problem, const std::vector<Side>& sides,
                    const std::vector<double>* alphas) {
  const Index d = near.dimension;
  LowerSum sum;
  sum.add(problem.constant);
  std::vector<double> slope = problem.slope;
  double size = problem.slope_norm;
  const auto add = [&](std::size_t k, Line line) {
    sum.add(line.slope * near.unstable[k].t);
    sum.add(line.offset);
    add_multiple(line.slope, near.row(k), d, slope.data());
    size += std::abs(line.slope) * near.unstable[k].norm;
  };
  for (std::size_t k = 0; k < near.unstable.size(); ++k) {
    const BallNeuron& neuron = near.unstable[k];
    const double c = problem.coefficients[k], jump = c * near.step;
    if (c == 0 || sides[k] == Side::off) continue;
    if (sides[k] == Side::on) {
      add(k, {c, jump});
      continue;
    }
    if (jump != 0) add(k, below_step(jump, neuron));
    if (c < 0)
      add(k, below_chord(c, neuron));
    else if (const double alpha = alphas != nullptr ? (*alphas)[k] : neuron.high > -neuron.low ? 1 : 0; alpha > 0)
      add(k, {alpha * c, 0});
  }
  // slope errs as margin_problem.hpp says: its size and the number of terms bound the dual norm of the error.
  const double terms = static_cast<double>(2 * near.unstable.size());
  const double error =
      rounding_loss(upper_of_sum(size, terms), terms + 8) + static_cast<double>(d) * (terms + 1) * kTiny;
  sum.lose(near.radius * (dual_norm_bound(slope.data(), d, near.norm) + error));
  return sum.lower();
}

}  // namespace sublinear
