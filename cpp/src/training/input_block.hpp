// What training and prediction share in going through inputs: checks, and how many to take at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "finding/reach.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/loss.hpp"
#include "training/activation/group_activation.hpp"

namespace sublinear {

// Inputs whose candidates are held at the same time: at worst all neurons for each, in at most 256 MiB of ids, or in
// max_bytes where that is given and smaller; never fewer than 16 inputs.
inline Index inputs_per_block(Index width, Index count, std::size_t max_bytes) {
  std::size_t bytes = std::size_t{1} << 28;
  if (max_bytes != 0) bytes = std::min(bytes, max_bytes);
  return std::min(count, std::max<Index>(16, static_cast<Index>(bytes / sizeof(NeuronId)) / width));
}

// Inputs that one thread takes together: all threads have some, and what is known of every neuron takes at most 64 MiB
// a thread.
template <class T>
Index inputs_per_group(Index width, Index count, int threads) {
  const Index most =
      std::clamp((Index{64} << 20) / (2 * width * static_cast<Index>(sizeof(T))), Index{1}, kMostOfGroup);
  const Index rounds = std::max<Index>(1, (count + most * threads - 1) / (most * threads));
  return std::max<Index>(1, (count + rounds * threads - 1) / (rounds * threads));
}

// How far, in l2, a point of the ball can be from its centre.
inline double euclidean_radius(Ball ball, Index d) {
  return ball.norm == Norm::two ? ball.radius : ball.radius * std::sqrt(static_cast<double>(d));
}

template <class T>
void require_inputs(Points<T> points, Index dimension) {
  if (points.dimension != dimension)
    throw std::invalid_argument("inputs have " + std::to_string(points.dimension) + " columns, the network takes " +
                                std::to_string(dimension));
  require_finite(points.data, points.count, dimension, "inputs");
}

inline void check_labels(const double* labels, Index count, const Loss& loss, Index outputs) {
  if (!loss.serves(outputs))
    throw std::invalid_argument("loss \"" + std::string(loss.name()) + "\" takes a network with " +
                                loss.outputs_text() + ", this one has " + std::to_string(outputs));
  require_pointer(labels, count, "labels");
  for (Index i = 0; i < count; ++i)
    if (!loss.knows(labels[i], outputs))
      throw std::invalid_argument("the label in row " + std::to_string(i) + " is " + format_number(labels[i]) +
                                  "; loss \"" + loss.name() + "\" takes " + loss.label_text());
}

// An attack that leaves its ball could make a neuron fire that no finder was asked for.
template <class T>
void check_in_ball(const T* x, const T* attacked, Index d, Ball ball, T threshold) {
  double distance = 0;
  for (Index j = 0; j < d; ++j) {
    const double step = std::abs(static_cast<double>(attacked[j]) - static_cast<double>(x[j]));
    distance = ball.norm == Norm::two ? distance + step * step : std::max(distance, step);
  }
  if (ball.norm == Norm::two) distance = std::sqrt(distance) * (1 - static_cast<double>(d + 8) * kWiden);
  const Reach<T> reach(ball, norm_bound(x, d, ball.norm), d, threshold);
  if (!(distance <= reach.radius))
    throw std::logic_error("the attack moved an input by " + format_number(distance) + ", out of its ball of radius " +
                           format_number(ball.radius) + "; runs must stay inside Attack::ball");
}

}  // namespace sublinear
