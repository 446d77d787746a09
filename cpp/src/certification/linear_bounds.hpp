// Lower bounds of a margin over a ball from straight lines below each unstable neuron.
#pragma once

#include <vector>

#include "certification/margin_problem.hpp"

namespace sublinear {

// slope * t + offset.
struct Line {
  double slope = 0;
  double offset = 0;
};

// A line below jump [z~ >= tau] for all z~ - tau in [low, high], t within `error` of it (t itself is what lines are
// of).
//
// For jump > 0 and k in [0, 1 / high], [s >= 0] >= k s, hence >= k (t - error); for jump < 0 and k in [0, 1 / -low],
// [s >= 0] <= 1 + k s <= 1 + k (t + error). k is the one with the smaller area below it, shortened by its rounding.
[[nodiscard]] Line below_step(double jump, const BallNeuron& neuron);

// A line below c relu(t) for c < 0 and t in [low, high]: the chord, c k (t - low) with k (high - low) >= high, which
// k's rounding upward ensures.
[[nodiscard]] Line below_chord(double c, const BallNeuron& neuron);

// Each unstable neuron by itself at its worst: the cheapest bound.
[[nodiscard]] double interval_bound(const Neighbourhood& near, const MarginProblem& problem);

// CROWN's (Zhang et al. 2018) backward bound: the chord for neurons that lower the margin, for others alpha t with the
// alpha in {0, 1} that leaves the smaller area (`alphas` null) or as given, in [0, 1]; the sum of lines is least at one
// point of the ball.
[[nodiscard]] double linear_bound(const Neighbourhood& near, const MarginProblem& problem,
                                  const std::vector<Side>& sides, const std::vector<double>* alphas = nullptr);

}  // namespace sublinear
