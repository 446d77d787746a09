/// @file
/// Attacks: where the adversary moves an input inside its ball.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// What an attack sees of the network at the point it asked for. Holds during the call it is passed to.
template <class T>
class SUBLINEAR_API AttackView {
 public:
  virtual ~AttackView() = default;
  /// f there, one number per output.
  [[nodiscard]] virtual const std::vector<T>& values() = 0;
  /// The loss there, at the input's label.
  [[nodiscard]] virtual double loss() = 0;
  /// Writes d loss / d x there; as many numbers as the input has.
  virtual void input_gradient(T* gradient) = 0;
};

/// An attack on its way with one input: it is asked for its next point until it is done, so that whoever drives it can
/// move many inputs side by side. Made once and started again for other runs and inputs.
/// @note Thread safety: for one thread at a time.
template <class T>
class SUBLINEAR_API AttackRun {
 public:
  virtual ~AttackRun() = default;
  /// Begins run `k` < `Attack::runs()` at the input x, which holds until the run has ended; writes its first point.
  /// Returns true to be told of that point by `next`, false where the run ends there. Runs of an input draw from
  /// `random` one after the other.
  virtual bool start(int k, const T* x, RandomStream& random, T* point) = 0;
  /// `here` is the network at `point`, which the run asked for. Writes the next one over it; returns as `start` does.
  virtual bool next(AttackView<T>& here, T* point) = 0;
};

/// What an attack on many inputs sees of the network at the points it asked for. Holds during the call it is passed to.
template <class T>
struct BatchView {
  Points<T> inputs;      ///< where the attack began
  Index outputs;         ///< c
  const T* values;       ///< f there, a row of c numbers each
  const double* losses;  ///< a number each
  const T* gradients;    ///< d loss / d x there, a row each
};

/// An attack on its way with many inputs side by side: what AttackRun is for one, for attacks whose calls cost much.
/// Where an input goes must not depend on the others: which of them come together depends on strategy and threads.
/// @note Thread safety: for one thread at a time.
template <class T>
class SUBLINEAR_API BatchAttackRun {
 public:
  virtual ~BatchAttackRun() = default;
  /// Begins run `k` at these inputs, which hold until it has ended; `random[i]` is that of input i. Writes their first
  /// points, a row each. Returns true to be told of them by `next`, false where the run ends there.
  virtual bool start(int k, Points<T> inputs, const double* labels, RandomStream* const* random, T* points) = 0;
  /// `here` is the network at `points`. Writes the next ones over them; returns as `start` does.
  virtual bool next(const BatchView<T>& here, T* points) = 0;
};

/// Moves one input to where the loss is high.
///
/// Contract: for every input x each point written has distance at most
/// radius (1 + (2d + 64) u) + 2 u (||x|| + radius) + d * smallest subnormal from x in the ball's norm (u the unit
/// roundoff of T): what PGD in T keeps, and what the finders are asked for. Whoever drives it checks where runs end.
/// @note Thread safety: const and pure; randomness comes from the stream that is passed to its runs.
template <class T>
class SUBLINEAR_API Attack {
 public:
  virtual ~Attack() = default;
  /// Where the attack stays.
  [[nodiscard]] virtual Ball ball() const noexcept = 0;
  /// How many input gradients a run asks for, about. Where they are enough for its number of outputs, a network is
  /// attacked through its linear form, whose sums then pay for themselves; this changes the bits of results.
  [[nodiscard]] virtual int gradients() const noexcept { return 0; }
  /// @throws std::invalid_argument if the attack cannot start from some of these inputs (outside the clipping box).
  virtual void check_inputs(Points<T> inputs) const { static_cast<void>(inputs); }
  /// How many runs there are. More runs begin with those of fewer, so that they find all that fewer do. Training takes
  /// the end with the highest loss, the first of equal ones; evaluation judges each by itself (`Predictor::attack`).
  [[nodiscard]] virtual int runs() const noexcept { return 1; }
  /// What goes along with one input of so many components.
  [[nodiscard]] virtual std::unique_ptr<AttackRun<T>> make_run(Index dimension) const = 0;
  /// Whether `make_batch_run` is asked for, and `make_run` never.
  [[nodiscard]] virtual bool by_batch() const noexcept { return false; }
  /// What goes along with many inputs. Null by default.
  [[nodiscard]] virtual std::unique_ptr<BatchAttackRun<T>> make_batch_run(Index dimension) const {
    static_cast<void>(dimension);
    return nullptr;
  }
};

/// Where attacked points may lie: anywhere, or on the slice of the unit sphere where ||x|| = 1 and x_d = 1/2, the
/// domain of Gao, Qin, Song and Wang (arXiv 2208.05395, section 3).
///
/// On the slice inputs must lie on it, up to rounding; the part of the gradient along it is followed, and every point
/// goes to the nearest one in the slice and the ball at once, in closed form. The ball is one of Norm::two, there is no
/// box, and radii above sqrt(3), the diameter of the slice, count as that.
enum class Domain { space, slice };

/// Projected gradient ascent on the loss (Madry et al.). Starts at x (or at random in the ball), goes `steps` times by
/// `step_size` along the gradient divided by its l2 norm (for Norm::infinity: along its sign, sign(0) = 0), and
/// projects onto the ball, then onto the box, after every step. A zero gradient moves nothing.
///
/// One step of the full radius is FGSM; no steps is no attack.
struct PgdOptions {
  double radius = 0;          ///< of the ball, in `norm`; 0 = the input itself
  int steps = 10;             ///< gradients followed in a run; 0 = none
  double step_size = -1;      ///< negative = 2.5 * radius / steps
  Norm norm = Norm::two;      ///< of the ball and of a step
  bool random_start = false;  ///< start at a random point of the ball instead of x
  int restarts = 1;           ///< runs; the second starts at x, the others at random (needs random_start if > 1)
  double clip_low = -std::numeric_limits<double>::infinity();  ///< the box: least value of a component
  double clip_high = std::numeric_limits<double>::infinity();  ///< the box: largest value of a component
  Domain domain = Domain::space;                               ///< where attacked points may lie
};

/// @throws std::invalid_argument for a radius or step size that is negative or not finite, steps < 0, restarts < 1,
/// several restarts without random start, an empty box; on the slice also for Norm::infinity, a box, or a step size
/// above 1e6.
template <class T>
[[nodiscard]] SUBLINEAR_API std::shared_ptr<const Attack<T>> make_pgd(const PgdOptions& options);

}  // namespace sublinear
