/// @file
/// Attacks: where the adversary moves an input inside its ball.
#pragma once

#include <limits>
#include <memory>

#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/training/local_network.hpp"
#include "sublinear/training/loss.hpp"

namespace sublinear {

/// Moves one input to where the loss is high.
///
/// Contract: for every input x the point written has distance at most
/// radius (1 + (2d + 64) u) + 2 u (||x|| + radius) + d * smallest subnormal from x in the ball's norm (u the unit
/// roundoff of T): what PGD in T keeps, and what the finders are asked for. The trainer checks it.
/// @note Thread safety: const and pure; randomness comes from the stream that is passed in.
template <class T>
class SUBLINEAR_API Attack {
 public:
  virtual ~Attack() = default;
  /// Where the attack stays.
  [[nodiscard]] virtual Ball ball() const noexcept = 0;
  /// How many input gradients a run asks for, about. A network with at most as many outputs is attacked through its
  /// linear form (`Visit::linear`), whose sums pay for themselves in that many steps; this changes the bits of results.
  [[nodiscard]] virtual int gradients() const noexcept { return 0; }
  /// @throws std::invalid_argument if the attack cannot start from some of these inputs (outside the clipping box).
  virtual void check_inputs(Points<T> inputs) const { static_cast<void>(inputs); }
  /// Writes the attacked point to `out` (dimension values): of several runs the end with the highest loss, the first of
  /// equal ones. `network` answers anywhere in the ball. Training asks for this.
  virtual void perturb(LocalNetwork<T>& network, const Loss& loss, const T* x, double label, RandomStream random,
                       T* out) const = 0;
  /// How many runs there are. More runs begin with those of fewer, so that they find all that fewer do.
  [[nodiscard]] virtual int runs() const noexcept { return 1; }
  /// Writes where run `k` < `runs()` ends. Runs draw from `random` one after the other: ask for them in order.
  /// Evaluation judges each by itself (`Predictor::attack`). By default the one run is `perturb`.
  virtual void run(int k, LocalNetwork<T>& network, const Loss& loss, const T* x, double label, RandomStream& random,
                   T* out) const {
    static_cast<void>(k);
    perturb(network, loss, x, label, random, out);
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
