/// @file
/// Proofs that no point of a ball around an input is classified wrongly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// What is known of an input and its ball: every point of the ball is classified rightly; one is not, and is at hand;
/// or neither was found.
enum class Verdict : std::int8_t { open = 0, certified = 1, broken = 2 };

/// The tightest bound to try; those before it are tried first.
/// `interval`: each neuron at its worst. `linear`: a line below each neuron (CROWN). `quadratic`: parabolas, which
/// couple the neurons; l2 only, in linf `linear` is the tightest.
enum class Relaxation { interval, linear, quadratic };

/// Choices of `Certifier::certify`. More effort leaves fewer inputs open; what is certified or broken is so with any.
struct CertifierOptions {
  Relaxation relaxation = Relaxation::quadratic;  ///< tightest bound
  int relaxation_steps = 25;                      ///< most steps of the search for the best quadratic bound, at least 1
  Index branches = 0;       ///< most subproblems of branch and bound, per input, at least 0; none for `interval`
  int attack_steps = 40;    ///< of the PGD that looks for a point to break an input; 0 = no attack
  int attack_restarts = 2;  ///< runs of it; the second and later start at random
  std::uint64_t seed = 0;   ///< of random starts
};

/// What `Certifier::certify` says of one input.
struct Certificate {
  Verdict verdict = Verdict::open;  ///< see there
  /// Nowhere in the ball is the smallest margin (own output less the largest other; of a single output: the output,
  /// times the label) below this: above 0 where the input is certified. -infinity where nothing was proved.
  double margin = 0;
  Relaxation relaxation = Relaxation::interval;  ///< the tightest bound that was tried
  Index branches = 0;                            ///< subproblems of branch and bound that were looked at
};

/// Certifies inputs of one network.
///
/// A certificate is of the network as `Predictor` computes its outputs, to the last bit (docs/determinism.md): for
/// every x~ with components of T and ||x~ - x|| <= radius in exact arithmetic - and for the points that the attacks of
/// this library may give at that radius, whose rounding may leave the ball by an ulp - the predicted class is the
/// label. All bounds are rounded outward; where an intermediate might overflow, nothing is certified. Points that break
/// an input lie within the radius in exact arithmetic, and the network classifies them wrongly.
///
/// Results are functions of the network, the inputs and the options, not of threads.
/// @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API Certifier {
 public:
  /// Takes the network over. @param index a name `make_index` knows, which finds the neurons that can fire; empty =
  /// scan all. Changes speed only. @param norm of the balls. @param threads that make the index; 0 =
  /// `resolve_threads(0)`.
  explicit Certifier(TwoLayerNetwork<T>&& network, Norm norm = Norm::two, const std::string& index = "",
                     int threads = 0);
  ~Certifier();
  Certifier(Certifier&&) noexcept;             ///< of the one moved from only assignment and destruction are left
  Certifier& operator=(Certifier&&) noexcept;  ///< the same

  /// The network it answers for.
  [[nodiscard]] const TwoLayerNetwork<T>& network() const& noexcept;
  const TwoLayerNetwork<T>& network() const&& = delete;

  /// Decides each point's ball. @param labels class indices; -1 or +1 for a single output. @param radii one per point,
  /// in the norm, at least 0; 0 asks for the point alone. @param out one certificate per point. @param points_out
  /// count x dimension: the point that breaks an input, or the input itself; or null.
  ///
  /// Cost per input beyond the query for the neurons that can fire: o(m d); that of `quadratic`, for rivals that
  /// cheaper bounds leave open, is a few times min(d, unstable neurons)^3.
  /// @throws std::invalid_argument for points that are not finite or of another dimension, labels that are none, radii
  /// that are negative or not finite, options out of range, null pointers.
  Work certify(Points<T> points, const double* labels, const double* radii, const CertifierOptions& options,
               int threads, Certificate* out, T* points_out = nullptr) const;

  /// The neurons that may fire somewhere in one of the balls, ascending. A network of these alone has the same outputs,
  /// to the last bit, at every point of every ball: those that are left out add to no sum there.
  /// @throws std::invalid_argument as `certify` does.
  Work reachable(Points<T> points, const double* radii, int threads, std::vector<NeuronId>& out) const;

 private:
  struct State;
  void require_balls(Points<T> points, const double* radii) const;
  std::unique_ptr<State> state_;
};

}  // namespace sublinear
