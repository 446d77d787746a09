/// @file
/// Evaluates a network on new inputs, touching only the neurons that can fire.
#pragma once

#include <memory>
#include <string>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/network.hpp"
#include "sublinear/training/row_facts.hpp"

namespace sublinear {

/// Answers for a network whose weights do not change meanwhile: builds an index over the weights once, or scans.
/// @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API Predictor {
 public:
  /// @param index a name `make_index` knows, for the lifted weights; empty = scan all neurons. Changes speed only.
  /// The network must outlive the predictor, unmoved and unchanged.
  Predictor(const TwoLayerNetwork<T>& network, const std::string& index, Norm norm, int threads);
  /// The same with an index of the application's own over the lifted weights.
  Predictor(const TwoLayerNetwork<T>& network, const IndexFactory<T>& index_factory, Norm norm, int threads);
  ~Predictor();

  /// The network it answers for.
  [[nodiscard]] const TwoLayerNetwork<T>& network() const noexcept { return network_; }

  /// outputs[i * c ... ] = f(points_i). @throws std::invalid_argument for points that are not finite or of another
  /// dimension.
  Work decision_function(Points<T> points, int threads, T* outputs) const;

  /// The neurons that fire at each point (canonical test, inclusive), ascending.
  Work fired(Points<T> points, int threads, CandidateLists& out) const;

  /// Attacks each point and judges it, with the bits of `decision_function`, where it was and where every run of the
  /// attack ended. Writes, each where not null: to `attacked` (count x dimension) the worst of these points, which is
  /// one that is classified wrongly before all that are not, then the highest loss; to `losses` the highest loss at any
  /// of them; to `right` whether all of them are classified rightly (true for losses of numbers). So more runs never
  /// lower a loss and never raise the number that is right. Random starts are functions of (seed, position). The
  /// attack's norm must be the predictor's.
  Work attack(Points<T> points, const double* labels, const Attack<T>& attack, const Loss& loss, std::uint64_t seed,
              int threads, T* attacked, double* losses, bool* right = nullptr) const;

 private:
  Predictor(const TwoLayerNetwork<T>& network, const std::string& index, const IndexFactory<T>& index_factory,
            Norm norm, int threads);

  const TwoLayerNetwork<T>& network_;
  Norm norm_;
  RowFacts<T> facts_;
  std::unique_ptr<NeuronFinder<T>> finder_;
};

}  // namespace sublinear
