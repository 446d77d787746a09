#include "certification/neighbourhood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certification/lower_sum.hpp"
#include "finding/reach.hpp"

namespace sublinear {
namespace {

// k of the proof, and one more for the addition of the bias.
template <class T>
double roundings_of_product(Index d) {
  constexpr Index lanes = static_cast<Index>(kLaneBytes / sizeof(T));
  double folds = 0;
  for (Index left = lanes; left > 1; left /= 2) ++folds;
  return static_cast<double>((d + lanes - 1) / lanes) + folds + 1;
}

template <class T>
BallNeuron over_ball(const TwoLayerNetwork<T>& network, const T* x, double centre, double radius, double norm,
                     NeuronId id) {
  constexpr double u = unit_roundoff<T>;
  const Index d = network.dimension();
  const double tau = static_cast<double>(network.threshold()), beta = static_cast<double>(network.biases()[id]);
  const T* row = network.weights() + static_cast<Index>(id) * d;
  const double ku = roundings_of_product<T>(d) * u, g = ku / (1 - ku), eta = dot_underflow<T>(d);
  const double reached = norm * (centre + radius), offsets = std::abs(beta) + std::abs(tau);
  BallNeuron out;
  out.id = id;
  out.norm = norm;
  out.t = (product_of(row, x, d) + beta) - tau;
  const double computed = g * reached + eta + u * ((1 + g) * reached + eta + std::abs(beta));
  const double in_double = rounding_loss(reached + offsets, static_cast<double>(d) + 8);
  out.error = (computed + in_double + dot_underflow<double>(d)) * (1 + 32 * kRound) + kTiny;
  const double half = (radius * norm + out.error) * (1 + 32 * kRound);
  const double widening = 8 * kRound * (std::abs(out.t) + half);
  out.low = out.t - half - widening;
  out.high = out.t + half + widening;
  const bool jumps = network.activation() == Activation::jump;
  out.activity = (jumps ? std::max(std::abs(tau), std::abs(out.high + tau)) : std::max(out.high, 0.0)) * (1 + 2 * u);
  out.miss = (out.error + u * out.activity) * (1 + 8 * kRound);
  return out;
}

}  // namespace

template <class T>
RowNorms::RowNorms(const TwoLayerNetwork<T>& network, Norm ball_norm) : norm(ball_norm) {
  const Index d = network.dimension();
  dual.reserve(static_cast<std::size_t>(network.width()));
  for (Index r = 0; r < network.width(); ++r) {
    dual.push_back(dual_norm_bound(network.weights() + r * d, d, ball_norm));
    largest = std::max(largest, dual.back());
    bias = std::max(bias, std::abs(static_cast<double>(network.biases()[r])));
  }
}

template <class T>
Neighbourhood neighbourhood(const TwoLayerNetwork<T>& network, const RowNorms& norms, const T* x, double radius,
                            const NeuronId* candidates, Index count) {
  const Index d = network.dimension();
  const double centre = norm_bound(x, d, norms.norm), tau = static_cast<double>(network.threshold());
  Neighbourhood out;
  out.dimension = d;
  out.norm = norms.norm;
  out.radius = Reach<T>({radius, norms.norm}, centre, d, network.threshold()).radius;
  out.step = network.activation() == Activation::jump ? tau : 0;
  const double most = static_cast<double>(std::numeric_limits<T>::max()) / 2;
  out.bounded = norms.largest * (centre + out.radius) + norms.bias + std::abs(tau) < most &&
                roundings_of_product<T>(d) * unit_roundoff<T> < 0.125;
  for (Index k = 0; k < count; ++k) {
    const NeuronId id = candidates[k];
    const BallNeuron neuron = over_ball(network, x, centre, out.radius, norms.dual[static_cast<std::size_t>(id)], id);
    if (neuron.high < 0) continue;
    if (neuron.low >= 0) {
      out.on.push_back(neuron);
      continue;
    }
    out.unstable.push_back(neuron);
    const T* row = network.weights() + static_cast<Index>(id) * d;
    out.rows.insert(out.rows.end(), row, row + d);
  }
  return out;
}

template RowNorms::RowNorms(const TwoLayerNetwork<float>&, Norm);
template RowNorms::RowNorms(const TwoLayerNetwork<double>&, Norm);
template Neighbourhood neighbourhood<float>(const TwoLayerNetwork<float>&, const RowNorms&, const float*, double,
                                            const NeuronId*, Index);
template Neighbourhood neighbourhood<double>(const TwoLayerNetwork<double>&, const RowNorms&, const double*, double,
                                             const NeuronId*, Index);

}  // namespace sublinear
