#include <cmath>
#include <limits>
#include <stdexcept>

#include "kernels/watch.hpp"
#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {
namespace {

// What a named initialisation fixes, for width m.
struct Scheme {
  double weight_deviation, output_weight, scale;
  bool draws_biases;
  Activation activation;
  double kappa_factor;  // kappa = sqrt(kappa_factor log m)
};

Scheme scheme_named(const std::string& name, double m) {
  if (name == "ntk") return {1, 1, 1 / std::sqrt(m), false, Activation::shifted, 0.4};
  if (name == "hu") return {1, 1, 1 / std::sqrt(m), false, Activation::shifted, 0.48};
  if (name == "gao") return {1 / std::sqrt(m), exponential(-0.2 * logarithm(m)), 1, true, Activation::jump, 0.4};
  if (name == "zhang") return {1 / std::sqrt(m), exponential(-logarithm(m) / 3), 1, true, Activation::shifted, 0};
  std::string known;
  for (const std::string& each : initialization_names()) known += (known.empty() ? "\"" : ", \"") + each + "\"";
  throw std::invalid_argument("name is \"" + name + "\"; known are " + known);
}

}  // namespace

const std::vector<std::string>& initialization_names() {
  static const std::vector<std::string> names{"ntk", "hu", "gao", "zhang"};
  return names;
}

template <class T>
TwoLayerNetwork<T> random_network(const Initialization& initialization) {
  using Bias = Initialization::Bias;
  using Choice = Initialization::ActivationChoice;
  const Index m = initialization.width, d = initialization.dimension, c = initialization.outputs;
  require(m >= 1, "width is below 1; a network needs at least one neuron");
  require(d >= 1, "dimension is below 1; inputs need at least one dimension");
  require(c >= 1, "outputs is below 1; a network needs at least one output");
  require(std::isfinite(initialization.kappa), "kappa is not finite; give a number of standard deviations");
  require(std::isfinite(static_cast<T>(initialization.bias_value)), "bias_value is not finite; give a finite number");
  require(initialization.bias_value == 0 || initialization.bias == Bias::constant,
          "bias_value is given and biases are not constant; choose constant biases with it");
  require(!initialization.coupled || m % 2 == 0, "width is odd; coupled neurons come in pairs, give an even width");
  if (m > std::numeric_limits<NeuronId>::max())
    throw std::length_error("width is " + std::to_string(m) + "; a network has fewer than 2^31 neurons");
  const double width = static_cast<double>(m);
  const Scheme scheme = scheme_named(initialization.name, width);
  const bool draws_biases =
      initialization.bias == Bias::as_named ? scheme.draws_biases : initialization.bias == Bias::gaussian;
  const Activation activation =
      initialization.activation == Choice::as_named
          ? scheme.activation
          : (initialization.activation == Choice::jump ? Activation::jump : Activation::shifted);

  const FloatingPointScope scope;
  RandomStream weight_stream(initialization.seed, RandomPurpose::weights);
  RandomStream output_stream(initialization.seed, RandomPurpose::output_weights);
  RandomStream bias_stream(initialization.seed, RandomPurpose::biases);
  AlignedVector<T> weights(static_cast<std::size_t>(m * d)), outputs(static_cast<std::size_t>(m * c)),
      biases(static_cast<std::size_t>(m), static_cast<T>(initialization.bias_value));
  const auto twin = [&](Index r, AlignedVector<T>& values, Index columns, T sign) {
    for (Index j = 0; j < columns; ++j)
      values[static_cast<std::size_t>(r * columns + j)] =
          sign * values[static_cast<std::size_t>((r - 1) * columns + j)];
  };
  for (Index r = 0; r < m; ++r) {
    keep_watch(static_cast<double>(r) / width);
    if (initialization.coupled && r % 2 == 1) {
      twin(r, weights, d, T(1));
      twin(r, biases, 1, T(1));
      twin(r, outputs, c, T(-1));
      continue;
    }
    for (Index j = 0; j < d; ++j)
      weights[static_cast<std::size_t>(r * d + j)] = static_cast<T>(scheme.weight_deviation * weight_stream.normal());
    if (draws_biases)
      biases[static_cast<std::size_t>(r)] = static_cast<T>(scheme.weight_deviation * bias_stream.normal());
    for (Index k = 0; k < c; ++k)
      outputs[static_cast<std::size_t>(r * c + k)] =
          static_cast<T>((output_stream.next() >> 63) != 0 ? scheme.output_weight : -scheme.output_weight);
  }
  const double kappa =
      initialization.kappa >= 0 ? initialization.kappa : std::sqrt(scheme.kappa_factor * logarithm(width));
  const double deviation = scheme.weight_deviation * std::sqrt(draws_biases ? 2.0 : 1.0);
  return TwoLayerNetwork<T>({weights.data(), m, d}, outputs.data(), c, biases.data(), static_cast<T>(kappa * deviation),
                            static_cast<T>(scheme.scale), activation);
}

template TwoLayerNetwork<float> random_network<float>(const Initialization&);
template TwoLayerNetwork<double> random_network<double>(const Initialization&);

}  // namespace sublinear
