#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/attack.hpp"
#include "training/slice.hpp"

namespace sublinear {
namespace {

// The l2 norm of v as size * norm, from v divided by size. The size is 1 where the squares neither overflow nor lose
// anything to underflow, else the largest component of v. Both are 0 if v is 0 or not finite; `scaled` is overwritten.
template <class T>
struct Length {
  T size = 0, norm = 0;

  Length(const T* v, Index d, T* scaled) {
    constexpr T kSmall = sizeof(T) == 4 ? T(0x1p-80) : T(0x1p-900), kLarge = sizeof(T) == 4 ? T(0x1p80) : T(0x1p900);
    const T squares = inner_product(v, v, d);
    if (squares >= kSmall && squares <= kLarge) {
      size = 1;
      norm = std::sqrt(squares);
      return;
    }
    for (Index j = 0; j < d; ++j) size = std::max(size, std::abs(v[j]));
    if (!(size > 0) || !std::isfinite(size)) {
      size = 0;
      return;
    }
    for (Index j = 0; j < d; ++j) scaled[j] = v[j] / size;
    norm = std::sqrt(inner_product(scaled, scaled, d));
  }
};

// Steps on the slice that squares in double have room for.
constexpr double kLongestSliceStep = 1e6;

// No two points of the slice are further apart than its diameter.
[[nodiscard]] double radius_of(const PgdOptions& options) {
  return options.domain == Domain::slice ? std::min(options.radius, 2 * kSliceRadius) : options.radius;
}

template <class T>
class Pgd final : public Attack<T> {
 public:
  explicit Pgd(const PgdOptions& options)
      : options_(options),
        radius_(static_cast<T>(radius_of(options))),
        step_(static_cast<T>(options.step_size >= 0 ? options.step_size
                                                    : 2.5 * radius_of(options) / std::max(options.steps, 1))),
        low_(static_cast<T>(options.clip_low)),
        high_(static_cast<T>(options.clip_high)),
        on_slice_(options.domain == Domain::slice),
        unbounded_(options.clip_low == -std::numeric_limits<double>::infinity() &&
                   options.clip_high == std::numeric_limits<double>::infinity()) {}

  // The radius as T has it: rounding must not let a step leave the ball that finders are asked for.
  [[nodiscard]] Ball ball() const noexcept override { return {static_cast<double>(radius_), options_.norm}; }

  [[nodiscard]] int gradients() const noexcept override { return options_.steps; }

  [[nodiscard]] int runs() const noexcept override { return options_.restarts; }

  void check_inputs(Points<T> inputs) const override {
    if (on_slice_) require_on_slice(inputs);
    for (Index k = 0; k < inputs.count * inputs.dimension; ++k)
      if (inputs.data[k] < low_ || inputs.data[k] > high_)
        throw std::invalid_argument("the input in row " + std::to_string(k / inputs.dimension) + ", column " +
                                    std::to_string(k % inputs.dimension) + " is " +
                                    format_number(static_cast<double>(inputs.data[k])) + ", outside the box from " +
                                    format_number(options_.clip_low) + " to " + format_number(options_.clip_high) +
                                    " that attacks are clipped to; rescale the inputs into it or widen it");
  }

  [[nodiscard]] std::unique_ptr<AttackRun<T>> make_run(Index dimension) const override {
    return std::make_unique<Run>(*this, dimension);
  }

 private:
  class Run final : public AttackRun<T> {
   public:
    Run(const Pgd& attack, Index dimension)
        : attack_(attack), d_(dimension), buffer_(static_cast<std::size_t>(3 * dimension)) {}

    // The second run has no noise: so one that starts at random has the bits it has alone, and several find what the
    // attack without random starts does.
    bool start(int k, const T* x, RandomStream& random, T* point) override {
      x_ = x;
      left_ = attack_.options_.steps;
      std::fill(buffer_.begin(), buffer_.end(), T(0));
      if (attack_.options_.random_start && k != 1) {
        attack_.draw(random, d_, delta());
        attack_.place(x, d_, delta(), scaled(), point);
      } else {
        std::copy(x, x + d_, point);
      }
      return left_ > 0;
    }

    bool next(AttackView<T>& here, T* point) override {
      here.input_gradient(gradient());
      if (attack_.on_slice_) project_to_tangent(point, d_, gradient());
      if (!attack_.advance(gradient(), d_, delta(), scaled())) return false;  // it moves nothing, now or later
      attack_.place(x_, d_, delta(), scaled(), point);
      return --left_ > 0;
    }

   private:
    T* delta() { return buffer_.data(); }
    T* gradient() { return buffer_.data() + d_; }
    T* scaled() { return buffer_.data() + 2 * d_; }  // what Length writes

    const Pgd& attack_;
    Index d_;
    const T* x_ = nullptr;
    int left_ = 0;
    std::vector<T> buffer_;
  };

  // Uniform in the ball.
  void draw(RandomStream& random, Index d, T* delta) const {
    const double radius = static_cast<double>(radius_);
    if (options_.norm == Norm::infinity) {
      for (Index j = 0; j < d; ++j) delta[j] = static_cast<T>(radius * (2 * random.uniform() - 1));
      return;
    }
    std::vector<double> normal(static_cast<std::size_t>(d));
    double squares = 0;
    for (double& v : normal) {
      v = random.normal();
      squares += v * v;
    }
    const double length = radius * exponential(logarithm(1 - random.uniform()) / static_cast<double>(d));
    const double factor = squares > 0 ? length / std::sqrt(squares) : 0;
    for (Index j = 0; j < d; ++j) delta[j] = static_cast<T>(normal[static_cast<std::size_t>(j)] * factor);
  }

  // delta += one step along the gradient. Returns false if the gradient is zero.
  bool advance(const T* gradient, Index d, T* delta, T* scratch) const {
    const Length<T> length(gradient, d, scratch);
    if (length.norm == 0) return false;
    if (options_.norm == Norm::infinity) {
      for (Index j = 0; j < d; ++j) delta[j] += gradient[j] > 0 ? step_ : (gradient[j] < 0 ? -step_ : T(0));
    } else {
      const T factor = step_ / length.norm;
      if (length.size == 1)
        for (Index j = 0; j < d; ++j) delta[j] += factor * gradient[j];
      else
        for (Index j = 0; j < d; ++j) delta[j] += factor * (gradient[j] / length.size);
    }
    return true;
  }

  // Projects delta onto the ball and writes x + delta, clipped to the box (x lies in it, so clipping only shortens).
  void place(const T* x, Index d, T* delta, T* scratch, T* out) const {
    if (on_slice_) {
      project_to_slice(x, d, static_cast<double>(radius_), delta);
      for (Index j = 0; j < d; ++j) out[j] = x[j] + delta[j];
      return;
    }
    if (options_.norm == Norm::infinity) {
      for (Index j = 0; j < d; ++j) delta[j] = std::min(std::max(delta[j], -radius_), radius_);
    } else {
      const Length<T> length(delta, d, scratch);
      if (length.norm > 0 && length.norm > radius_ / length.size) {
        const T factor = radius_ / length.norm;
        if (length.size == 1)
          for (Index j = 0; j < d; ++j) delta[j] *= factor;
        else
          for (Index j = 0; j < d; ++j) delta[j] = factor * (delta[j] / length.size);
      }
    }
    for (Index j = 0; j < d; ++j) out[j] = x[j] + delta[j];
    if (unbounded_) return;
    for (Index j = 0; j < d; ++j) {
      const T moved = out[j];
      out[j] = std::min(std::max(moved, low_), high_);
      if (out[j] != moved) delta[j] = out[j] - x[j];
    }
  }

  PgdOptions options_;
  T radius_, step_, low_, high_;
  bool on_slice_, unbounded_;  // unbounded_: the box is the whole space
};

}  // namespace

template <class T>
std::shared_ptr<const Attack<T>> make_pgd(const PgdOptions& options) {
  const auto fits = [](double value) {
    return value >= 0 && value <= static_cast<double>(std::numeric_limits<T>::max()) / 4;
  };
  require(fits(options.radius), "radius is negative, not finite or too large; give a finite number >= 0");
  require(options.step_size < 0 || fits(options.step_size), "step_size is not finite or too large; give a number >= 0");
  require(!std::isnan(options.step_size), "step_size is NaN; give a number >= 0");
  require(options.steps >= 0, "steps is negative; give a number >= 0");
  require(options.restarts >= 1, "restarts is below 1; give at least 1 run");
  require(options.restarts == 1 || options.random_start,
          "restarts is above 1 without random_start; every run would be the same, set random_start");
  require(options.clip_low <= options.clip_high, "clip_low is above clip_high; give a box that is not empty");
  if (options.domain == Domain::slice) {
    require(options.norm == Norm::two, "norm is infinity on the slice; its ball is one of norm 2");
    require(std::isinf(options.clip_low) && std::isinf(options.clip_high),
            "clip_low or clip_high is given on the slice; leave them infinite");
    require(options.step_size <= kLongestSliceStep, "step_size is above 1e6 on the slice; give a shorter one");
  }
  const FloatingPointScope scope;
  return std::make_shared<const Pgd<T>>(options);
}

template std::shared_ptr<const Attack<float>> make_pgd<float>(const PgdOptions&);
template std::shared_ptr<const Attack<double>> make_pgd<double>(const PgdOptions&);

}  // namespace sublinear
