#include "certification/margin_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certification/lower_sum.hpp"
#include "finding/reach.hpp"

namespace sublinear {
namespace {

// Adds up what is lost on the way from the outputs as computed to the problem.
template <class T>
class Losses {
 public:
  Losses(const TwoLayerNetwork<T>& network, Margin margin) : network_(network), margin_(margin) {}

  // c of a neuron, in double; counts what it loses into `sum`.
  double coefficient(const BallNeuron& neuron, LowerSum& sum) {
    const double own = weight(neuron.id, margin_.own);
    const double rival = margin_.rival < 0 ? 0 : weight(neuron.id, margin_.rival);
    const double c = margin_.sign * static_cast<double>(network_.scale()) * (own - rival);
    sum.lose((2 * kRound * std::abs(c) + 2 * kTiny) * neuron.activity);
    sum.lose(std::abs(c) * neuron.miss);
    activity_ += (std::abs(own) + std::abs(rival)) * neuron.activity;
    ++neurons_;
    if (std::abs(c) >= kLeast) return c;
    sum.lose(std::abs(c) * neuron.activity);
    return 0;
  }

  // What the sums over neurons lose, in both outputs; infinite where they may overflow.
  [[nodiscard]] double of_sums() const {
    const double scale = std::abs(static_cast<double>(network_.scale())), terms = neurons_ + 3;
    const double ku = terms * unit_roundoff<T>, all = upper_of_sum(activity_, neurons_);
    const double most = static_cast<double>(std::numeric_limits<T>::max()) / 4;
    if (!(ku < 0.125) || !(all < most) || !(scale * all < most)) return std::numeric_limits<double>::infinity();
    const double subnormal = static_cast<double>(std::numeric_limits<T>::denorm_min());
    return (scale * (ku / (1 - ku) * all + 2 * terms * subnormal) + 2 * subnormal + kTiny) * (1 + 16 * kRound);
  }

 private:
  static constexpr double kLeast = 1e-200;  // smaller coefficients are dropped: their products may underflow

  [[nodiscard]] double weight(NeuronId id, Index output) const {
    return static_cast<double>(network_.output_weights()[static_cast<Index>(id) * network_.outputs() + output]);
  }

  const TwoLayerNetwork<T>& network_;
  Margin margin_;
  double activity_ = 0, neurons_ = 0;
};

}  // namespace

template <class T>
MarginProblem margin_problem(const TwoLayerNetwork<T>& network, const Neighbourhood& near, Margin margin) {
  const Index d = near.dimension;
  MarginProblem out;
  out.slope.assign(static_cast<std::size_t>(d), 0.0);
  LowerSum constant;
  Losses<T> losses(network, margin);
  double size = 0;
  for (const BallNeuron& neuron : near.on) {
    const double c = losses.coefficient(neuron, constant);
    constant.add(c * (neuron.t + near.step), std::abs(c) * (std::abs(neuron.t) + std::abs(near.step)));
    add_multiple(c, network.weights() + static_cast<Index>(neuron.id) * d, d, out.slope.data());
    size += std::abs(c) * neuron.norm;
  }
  const double on = static_cast<double>(near.on.size());
  const double underflow = static_cast<double>(d) * (on + 1) * kTiny;
  constant.lose(near.radius * (rounding_loss(upper_of_sum(size, on), on + 8) + underflow));
  out.coefficients.reserve(near.unstable.size());
  for (const BallNeuron& neuron : near.unstable) out.coefficients.push_back(losses.coefficient(neuron, constant));
  constant.lose(losses.of_sums());
  out.constant = near.bounded ? constant.lower() : -std::numeric_limits<double>::infinity();
  out.slope_norm = dual_norm_bound(out.slope.data(), d, near.norm);
  return out;
}

template MarginProblem margin_problem<float>(const TwoLayerNetwork<float>&, const Neighbourhood&, Margin);
template MarginProblem margin_problem<double>(const TwoLayerNetwork<double>&, const Neighbourhood&, Margin);

}  // namespace sublinear
