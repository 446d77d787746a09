/// @file
/// Evaluates a network on new inputs, touching only the neurons that can fire.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

template <class T>
class RowFacts;

/// Answers for a network whose weights do not change meanwhile: builds an index over the weights once, or scans.
///
/// It looks at a network that the application keeps, which must outlive it at its place, or owns one that is moved into
/// it: `Predictor<float>(load_network<float>(path))`. Moves cheaply; of a predictor moved from only assignment and
/// destruction are left.
///
/// @throws std::logic_error in all calls but the constructors: if the network's weights have changed, or it was moved
/// or replaced, since the predictor was made (what a callback did in the middle of a call is noticed at its end); if
/// the predictor was moved from.
/// @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API Predictor {
 public:
  /// @param index a name `make_index` knows, for the lifted weights; empty = scan all neurons. Changes speed only.
  /// @param norm of the balls of attacks. @param threads that make the index; 0 = `resolve_threads(0)`.
  explicit Predictor(const TwoLayerNetwork<T>& network, const std::string& index = "", Norm norm = Norm::two,
                     int threads = 0);
  /// The same with an index of the application's own over the lifted weights. @throws std::invalid_argument if the
  /// factory is empty.
  Predictor(const TwoLayerNetwork<T>& network, const IndexFactory<T>& index_factory, Norm norm = Norm::two,
            int threads = 0);
  /// Takes the network over.
  explicit Predictor(TwoLayerNetwork<T>&& network, const std::string& index = "", Norm norm = Norm::two,
                     int threads = 0);
  /// The same with an index of the application's own.
  Predictor(TwoLayerNetwork<T>&& network, const IndexFactory<T>& index_factory, Norm norm = Norm::two, int threads = 0);
  // What can be neither kept nor taken over.
  explicit Predictor(const TwoLayerNetwork<T>&& network, const std::string& index = "", Norm norm = Norm::two,
                     int threads = 0) = delete;
  Predictor(const TwoLayerNetwork<T>&& network, const IndexFactory<T>& index_factory, Norm norm = Norm::two,
            int threads = 0) = delete;
  ~Predictor();
  Predictor(Predictor&&) noexcept;             ///< with the network, if it owns one
  Predictor& operator=(Predictor&&) noexcept;  ///< the same

  /// The network it answers for.
  [[nodiscard]] const TwoLayerNetwork<T>& network() const& { return current(); }
  const TwoLayerNetwork<T>& network() const&& = delete;  // it may go with the predictor

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
  void build(const std::string& index, const IndexFactory<T>& index_factory, int threads);
  void own(TwoLayerNetwork<T>& network);
  [[nodiscard]] const TwoLayerNetwork<T>& current() const;
  void require_unchanged() const;

  std::unique_ptr<const TwoLayerNetwork<T>> own_;  // or none
  const TwoLayerNetwork<T>* network_;
  std::uint64_t version_;  // of the weights it knows
  Norm norm_;
  std::unique_ptr<RowFacts<T>> facts_;
  std::unique_ptr<NeuronFinder<T>> finder_;
};

}  // namespace sublinear
