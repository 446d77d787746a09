#include "certification/quadratic_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certification/linear_bounds.hpp"
#include "certification/lower_sum.hpp"

namespace sublinear {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// Of the search only; a bound holds whatever they are.
constexpr double kFirstBarrier = 0.05, kLeastBarrier = 1e-3, kBarrierShrinks = 0.55;
constexpr double kDamping = 0.6;          // of the steps of moments and alphas
constexpr int kMostRaises = 80;           // of lambda, until M is positive definite
constexpr double kRelativeGrowth = 1e-4;  // of the bound in a step, below which the search ends

std::vector<std::size_t> curved_neurons(const MarginProblem& problem, const std::vector<Side>& sides) {
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < sides.size(); ++k)
    if (sides[k] == Side::open && problem.coefficients[k] < 0) out.push_back(k);
  return out;
}

}  // namespace

QuadraticBound::QuadraticBound(const Neighbourhood& near, const MarginProblem& problem, const std::vector<Side>& sides)
    : near_(near), problem_(problem), curvature_(near, curved_neurons(problem, sides)) {
  for (std::size_t k = 0; k < sides.size(); ++k) {
    Part part;
    part.neuron = k;
    part.c = problem.coefficients[k];
    part.side = sides[k];
    if (part.c == 0 && part.side == Side::open) continue;
    const double jump = part.c * near.step;
    if (part.side == Side::open && jump != 0) {
      const Line line = below_step(jump, near.unstable[k]);
      part.line = line.slope;
      part.offset = line.offset;
    } else if (part.side == Side::on) {
      part.offset = jump;
    }
    if (part.side == Side::open && part.c < 0) curved_.push_back(parts_.size());
    parts_.push_back(part);
  }
  begin();
}

// As if every neuron were on the side that it is at the centre: the ball's point where that is least, and about as much
// spread as a ball has in one direction.
void QuadraticBound::begin() {
  const Index d = near_.dimension;
  std::vector<double> g = problem_.slope;
  double size = problem_.slope_norm;
  for (const Part& part : parts_) {
    const BallNeuron& neuron = near_.unstable[part.neuron];
    const bool fires = part.side == Side::on || (part.side == Side::open && neuron.t > 0);
    if (fires) add_multiple(part.c, near_.row(part.neuron), d, g.data());
    size += std::abs(part.c) * neuron.norm;
  }
  const double length = std::sqrt(product_of(g.data(), g.data(), d)), rho = near_.radius;
  delta_.assign(g.size(), 0.0);
  if (length > 0) add_multiple(-rho / length, g.data(), d, delta_.data());
  const double scale = rho * (length > 0 ? length : size);
  barrier_ = kFirstBarrier * scale / static_cast<double>(d);
  least_barrier_ = kLeastBarrier * scale / static_cast<double>(d);
  for (Part& part : parts_) {
    const double* row = near_.row(part.neuron);
    part.t = near_.unstable[part.neuron].t + product_of(row, delta_.data(), d);
    part.moment = part.t * part.t + 0.4 * rho * rho * norm(part) * norm(part) / static_cast<double>(d);
    part.alpha = part.t > 0 ? 0.9 : 0.1;
  }
}

// Slopes and curvatures from moments, alphas and betas, and M's factor at a lambda that makes it positive definite.
bool QuadraticBound::factor() {
  std::vector<double> weights;
  double mass = 0;
  for (Part& part : parts_) {
    part.curvature = 0;
    if (part.side == Side::on) {
      part.slope = part.c - part.beta;
    } else if (part.side == Side::off) {
      part.slope = part.beta;
    } else if (part.c > 0) {
      part.slope = part.alpha * part.c + part.line;
    } else {
      part.curvature = -part.c / (4 * std::sqrt(part.moment));
      part.slope = part.c / 2 + part.line;
      weights.push_back(part.curvature);
      mass += part.curvature * norm(part) * norm(part);
    }
  }
  curvature_.set_weights(weights);
  if (lambda_ == 0) {
    std::vector<double> g;
    gradient(g);
    lambda_ = std::sqrt(product_of(g.data(), g.data(), near_.dimension)) / (2 * near_.radius) +
              mass / static_cast<double>(near_.dimension) + Curvature::kSmallest;
  }
  for (int raises = 0; raises < kMostRaises; ++raises, lambda_ *= 1.25)
    if (curvature_.factor(lambda_)) return true;
  return false;
}

// Of the relaxation at the centre, without lambda's part.
void QuadraticBound::gradient(std::vector<double>& g) const {
  g = problem_.slope;
  for (const Part& part : parts_)
    add_multiple(part.slope - 2 * part.curvature * near_.unstable[part.neuron].t, near_.row(part.neuron),
                 near_.dimension, g.data());
}

// The next moments, alphas, betas and lambda, from where the relaxation is least and the barrier's covariance.
void QuadraticBound::update() {
  const auto d = static_cast<double>(near_.dimension);
  std::vector<double> spreads, along;
  const Curvature::Traces traces = curvature_.spreads(spreads);
  const double usual = traces.first / d;
  std::size_t next = 0;
  for (Part& part : parts_) {
    if (part.side != Side::open) {  // Newton's step of one multiplier
      const double sign = part.side == Side::on ? 1 : -1, error = near_.unstable[part.neuron].error;
      const double bend = norm(part) * norm(part) * usual / 2 + std::numeric_limits<double>::min();
      part.beta = std::max(0.0, part.beta - kDamping * (sign * part.t + error) / bend);
      continue;
    }
    const bool curved = part.c < 0;
    const double spread = barrier_ * (curved ? spreads[next++] : usual * norm(part) * norm(part));
    const double moment = part.t * part.t + spread;
    if (curved) {
      const double least = 1e-12 * near_.radius * norm(part);
      part.moment = std::pow(part.moment, 1 - kDamping) * std::pow(std::max(moment, least * least), kDamping);
    } else {
      part.alpha += kDamping * ((moment > 0 ? 0.5 * (1 + part.t / std::sqrt(moment)) : 0.5) - part.alpha);
      part.alpha = std::min(1.0, std::max(0.0, part.alpha));
      part.moment = moment;
    }
  }
  curvature_.solve(delta_, along);
  const double total = product_of(delta_.data(), delta_.data(), near_.dimension) + barrier_ * traces.first;
  const double fall = 2 * product_of(delta_.data(), along.data(), near_.dimension) + barrier_ * traces.second;
  const double step = 2 * total * (std::sqrt(total) / near_.radius - 1) / fall;
  if (std::isfinite(step)) lambda_ = std::max(lambda_ + step, lambda_ / 2);
  barrier_ = std::max(barrier_ * kBarrierShrinks, least_barrier_);
}

double QuadraticBound::maximize(int steps) {
  double best = kNothing, before = kNothing;
  std::vector<double> g, solved;
  for (int step = 0; step < steps && !(best > 0); ++step) {
    if (step > 0) update();
    if (!factor()) break;
    gradient(g);
    curvature_.solve(g, solved);
    for (std::size_t j = 0; j < delta_.size(); ++j) delta_[j] = -0.5 * solved[j];
    for (Part& part : parts_)
      part.t = near_.unstable[part.neuron].t + product_of(near_.row(part.neuron), delta_.data(), near_.dimension);
    const double bound = evaluate();
    if (bound > best) best = bound;
    // What is gained falls by a half a step, about: where four times as much is too little, the rest would be.
    const double growth = best - before, enough = kRelativeGrowth * std::abs(best);
    if (step > 3 && (growth <= enough || best + 4 * growth < 0)) break;
    before = best;
  }
  return best;
}

// One part of the claim's sum at delta*, of this length; its slope 2-norm contributions are the caller's. `slope` is
// b - 2 p t*, `error` bounds what it errs by.
double QuadraticBound::part_bound(const Part& part, double length, double& slope, double& error) const {
  const BallNeuron& neuron = near_.unstable[part.neuron];
  const double t = part.t, d = static_cast<double>(near_.dimension);
  const double miss = rounding_loss(std::abs(neuron.t) + neuron.norm * length, d + 9) + d * kTiny;
  const double p = part.curvature, b = part.slope;
  LowerSum sum;
  sum.add(b * t);
  sum.lose(std::abs(b) * miss);
  sum.add(part.offset);
  sum.lose(part.beta * neuron.error);
  // b is what was rounded: its distance from a slope that the claim allows, over the ball.
  const double farthest = std::abs(neuron.t) + neuron.norm * near_.radius + neuron.error;
  sum.lose(rounding_loss(std::abs(part.c) + std::abs(part.line) + part.beta, 4) * farthest);
  if (p > 0) {
    sum.lose(p * t * t);
    sum.lose(p * (2 * std::abs(t) + miss) * miss);
    sum.lose(part.c * part.c / (16 * p));
  }
  slope = b - 2 * p * t;
  error = (2 * p * miss + rounding_loss(std::abs(b) + 2 * p * std::abs(t), 4)) * (1 + 8 * kRound) + kTiny;
  return sum.lower();
}

double QuadraticBound::evaluate() const {
  const Index d = near_.dimension;
  const double terms = static_cast<double>(parts_.size()), dimension = static_cast<double>(d);
  const double length = euclidean_norm_bound(delta_.data(), d);
  LowerSum sum;
  sum.add(problem_.constant);
  sum.add(product_of(problem_.slope.data(), delta_.data(), d));
  sum.lose(rounding_loss(problem_.slope_norm * length, dimension + 8) + dimension * kTiny);
  std::vector<double> v = problem_.slope;
  add_multiple(2 * lambda_, delta_.data(), d, v.data());
  double size = problem_.slope_norm + 2 * lambda_ * length, missed = 0;
  for (const Part& part : parts_) {
    if (!(std::abs(part.c) <= Curvature::kLargest) || (part.c != 0 && !(std::abs(part.c) >= Curvature::kSmallest)))
      return kNothing;
    double slope = 0, error = 0;
    sum.add(part_bound(part, length, slope, error));
    add_multiple(slope, near_.row(part.neuron), d, v.data());
    size += std::abs(slope) * norm(part);
    missed += error * norm(part);
  }
  // v errs by the rounding of its sums, component by component, and by that of the slopes.
  const double of_sums = rounding_loss(upper_of_sum(size, terms + 2), terms + 10) + dimension * (terms + 2) * kTiny;
  const double residual = euclidean_norm_bound(v.data(), d) + of_sums + upper_of_sum(missed, terms);
  const double far = near_.radius + length;
  sum.lose(residual * far);
  sum.lose(curvature_.deficit() * far * far);
  sum.lose(lambda_ * near_.radius * near_.radius);
  sum.add(lambda_ * product_of(delta_.data(), delta_.data(), d));
  sum.lose(rounding_loss(lambda_ * length * length, dimension + 8) + dimension * kTiny * (1 + lambda_));
  return sum.lower();
}

std::vector<double> QuadraticBound::gaps() const {
  std::vector<double> out(near_.unstable.size(), 0.0);
  for (const Part& part : parts_)
    if (part.side == Side::open)
      out[part.neuron] =
          std::abs(part.c) * (std::sqrt(part.moment) - std::abs(part.t)) / 2 + std::abs(part.c * near_.step);
  return out;
}

}  // namespace sublinear
