/// @file
/// The two-layer network.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/change_count.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// What a fired neuron passes on: `shifted` z - threshold (Song-Yang-Zhang), `jump` z itself (Gao et al.).
enum class Activation { shifted, jump };

/// f(x) = scale * sum_r a_r act(z_r), z_r = fl(inner_product(w_r, x) + bias_r), summed over the neurons that fire
/// (z_r >= threshold, inclusive) in ascending order, with a_r in R^c for c outputs. Trained are the weights w and, if a
/// trainer is told so, the biases.
///
/// Not copyable by accident: copy with `clone`. @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API TwoLayerNetwork {
 public:
  /// @param weights count x dimension row-major. @param output_weights count x outputs row-major.
  /// @param biases count values, or nullptr for zeros. All are copied.
  /// @throws std::invalid_argument for values that are not finite, sizes below 1, or a scale that is 0;
  /// std::length_error for 2^31 neurons or more.
  TwoLayerNetwork(Points<T> weights, const T* output_weights, Index outputs, const T* biases, T threshold, T scale,
                  Activation activation);
  /// Takes the weights over; of the network moved from, whose width is 0 then, only assignment and destruction are
  /// left. Trainers and predictors of it refuse to go on.
  TwoLayerNetwork(TwoLayerNetwork&& other) noexcept = default;
  /// The same. Views over the weights that were here before are no longer valid; a trainer of this network builds its
  /// structure again, a predictor refuses to answer.
  TwoLayerNetwork& operator=(TwoLayerNetwork&& other) noexcept = default;

  /// A copy of everything, `version()` too. Cost: the memory of the weights once more.
  [[nodiscard]] TwoLayerNetwork clone() const { return *this; }

  /// m, the number of neurons.
  [[nodiscard]] Index width() const noexcept { return static_cast<Index>(biases_.size()); }
  /// d, the number of components of an input.
  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// c, the number of values of f.
  [[nodiscard]] Index outputs() const noexcept { return outputs_; }
  /// What a pre-activation must reach for its neuron to fire; the same for all, never trained.
  [[nodiscard]] T threshold() const noexcept { return threshold_; }
  /// The factor of the sum over neurons; not 0.
  [[nodiscard]] T scale() const noexcept { return scale_; }
  /// What a fired neuron passes on.
  [[nodiscard]] Activation activation() const noexcept { return activation_; }

  [[nodiscard]] const T* weights() const& noexcept { return weights_.data(); }                ///< width x dimension
  [[nodiscard]] const T* biases() const& noexcept { return biases_.data(); }                  ///< width
  [[nodiscard]] const T* output_weights() const& noexcept { return output_weights_.data(); }  ///< width x outputs

  /// What is told of the network beside its numbers, by name: UTF-8 that files bring and keep, and nothing here looks
  /// at. Python's training writes a "record" (JSON): labels, normalization and the hash of the data, settings,
  /// versions.
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const& noexcept { return metadata_; }
  /// Replaces it all. @throws std::invalid_argument for the names "format" and "scalars", which files need for
  /// themselves.
  void set_metadata(std::map<std::string, std::string> metadata);

  /// What the finding floor sees. Valid while the network lives and is not moved from.
  [[nodiscard]] Neurons<T> neurons() const& noexcept {
    return {weights_.data(), biases_.data(), width(), dimension_, threshold_};
  }

  // Views of a temporary would be of nothing at the end of the line: give the network a name.
  const T* weights() const&& = delete;
  const T* biases() const&& = delete;
  const T* output_weights() const&& = delete;
  Neurons<T> neurons() const&& = delete;
  const std::map<std::string, std::string>& metadata() const&& = delete;

  /// |a| where all output weights have the same size, as every initialisation draws them; else 0. Sums over the neurons
  /// that fire then go by the signs of their output weights (docs/determinism.md).
  [[nodiscard]] T output_size() const noexcept { return output_size_; }

  /// Counts changes of the weights and biases, by training or by another network's taking this one's place, so that
  /// whoever keeps a structure over them knows whether it is still right.
  [[nodiscard]] std::uint64_t version() const noexcept { return changes_.value(); }

  /// The weights, for a training step; the caller says what it changed to whatever was built over them.
  [[nodiscard]] T* change_weights() & noexcept {
    changes_.note();
    return weights_.data();
  }

  /// The same for the biases.
  [[nodiscard]] T* change_biases() & noexcept {
    changes_.note();
    return biases_.data();
  }

 private:
  TwoLayerNetwork(const TwoLayerNetwork&) = default;

  Index dimension_, outputs_;
  T threshold_, scale_, output_size_ = 0;
  Activation activation_;
  AlignedVector<T> weights_, biases_, output_weights_;
  std::map<std::string, std::string> metadata_;
  ChangeCount changes_;
};

/// How to draw a network.
struct Initialization {
  /// "ntk": w ~ N(0, I), a = +-1, scale 1 / sqrt(m), no biases, shifted (Song-Yang-Zhang; Alman et al.).
  /// "hu": the same with a higher threshold (Hu et al.; Deng et al.).
  /// "gao": w ~ N(0, 1/m), biases ~ N(0, 1/m), a = +-m^(-1/5), scale 1, jump (Gao et al.).
  /// "zhang": w ~ N(0, 1/m), biases ~ N(0, 1/m), a = +-m^(-1/3), scale 1, threshold 0, shifted: ReLU (Zhang et al.).
  std::string name = "ntk";
  Index dimension = 0;     ///< d, at least 1
  Index width = 0;         ///< m, at least 1
  Index outputs = 1;       ///< c, at least 1
  std::uint64_t seed = 0;  ///< of everything that is drawn
  /// Threshold in standard deviations of the pre-activation at a unit input, a constant bias not counted: 1 for "ntk"
  /// and "hu", sqrt(2/m) for "gao" and "zhang" (sqrt(1/m) where no biases are drawn). Negative = sqrt(0.4 log m), for
  /// "hu" sqrt(0.48 log m), for "zhang" 0.
  double kappa = -1;
  /// Neurons in pairs with equal w and bias and opposite a, so that f = 0 exactly at the start (Munteanu et al.).
  bool coupled = false;
  /// Where biases start. `as_named`: "ntk" and "hu" at zero, "gao" and "zhang" drawn. `constant`: all at `bias_value`,
  /// as trainable biases do in Yang et al. (there -B, with kappa 0).
  enum class Bias { as_named, zero, gaussian, constant };
  Bias bias = Bias::as_named;  ///< by default as the initialisation has it
  double bias_value = 0;       ///< rounded to T; other than 0 for `constant` only
  /// An `Activation`, or the one of the initialisation.
  enum class ActivationChoice { as_named, shifted, jump };
  ActivationChoice activation = ActivationChoice::as_named;  ///< by default as the initialisation has it
};

/// The names `random_network` knows, in the order in which tables show them.
[[nodiscard]] SUBLINEAR_API const std::vector<std::string>& initialization_names();

/// Draws a network; the bits are a function of the fields alone (own generator, own transforms).
/// @throws std::invalid_argument for an unknown name, sizes below 1, a kappa or bias value that is not finite, a bias
/// value where biases are not constant, or an odd width with `coupled`; std::length_error for 2^31 neurons or more.
template <class T>
[[nodiscard]] SUBLINEAR_API TwoLayerNetwork<T> random_network(const Initialization& initialization);

}  // namespace sublinear
