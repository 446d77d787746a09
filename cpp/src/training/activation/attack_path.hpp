// Where one input is on its way through its ball, seen from its first point, the anchor, and from a line through it.
//
// The line goes from the anchor x0 through an earlier point x0 + u. The point now is x0 + s u + r with 0 <= s <= end
// and residual r. What was found sure of a pre-activation at one point of the line, and at the line's end, stays sure
// until the way beside the line, or back along it, has become too long: `path_length` is that way's length.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/norm_bounds.hpp"
#include "kernels/unstable_neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// The Euclidean length of a vector in d dimensions, rounded outward, from its canonical product with itself.
template <class T>
[[nodiscard]] double length_of_squares(T squares, Index d) {
  return std::sqrt((static_cast<double>(squares) + dot_underflow<T>(d)) * (1 + 2 * dot_error_factor<T>(d))) *
         (1 + 4 * kWiden);
}

template <class T>
[[nodiscard]] double length_bound(const T* v, Index d) {
  return length_of_squares(inner_product(v, v, d), d);
}

// `value` and what its evaluation in a few roundings of double may have lost, rounded up to T.
template <class T>
[[nodiscard]] T up(double value) {
  return round_up<T>(value * (1 + 8 * kWiden));
}

// How long a line may be, in units of the offset that chose it.
inline constexpr double kLongestLine = 0x1p20;

template <class T>
class AttackPath {
 public:
  // By how much more than it is said to an attack may move: it ends at its ball's surface, or an ulp beyond.
  static constexpr double kReachSlack = 1 + 0x1p-10;

  // Begins at x, which is the anchor. No point will be much further than `reach` from it.
  void start(const T* x, Index dimension, double reach) {
    const auto d = static_cast<std::size_t>(dimension);
    for (AlignedVector<T>* each : {&anchor_, &at_, &offset_, &residual_, &direction_}) each->resize(d);
    std::copy(x, x + d, anchor_.begin());
    std::copy(x, x + d, at_.begin());
    reach_ = reach * kReachSlack;
    anchor_norm_ = length_bound(x, dimension);
    lined_ = false;
  }

  // Goes to x. Returns false if that is further than it was said to reach: then `reach` has grown, and what was
  // concluded from it has to be concluded again.
  [[nodiscard]] bool move(const T* x) {
    const Index d = dimension();
    std::copy(x, x + d, at_.begin());
    const double product = static_cast<double>(take_offset(x, anchor_.data(), direction_.data(), d, offset_.data()));
    away_ = length_bound(offset_.data(), d) * (1 + 2 * unit_roundoff<T>);
    if (lined_) follow_line(product);
    if (away_ <= reach_) return true;
    reach_ = 2 * away_;
    return false;
  }

  // From now on the line goes from the anchor through this point and on.
  void take_line() {
    std::copy(offset_.begin(), offset_.end(), direction_.begin());
    std::fill(residual_.begin(), residual_.end(), T(0));
    direction_norm_ = away_;
    off_ = 0;
    along_ = 1;
    line_end_ = std::max(round_down<T>(away_ > 0 ? std::min(reach_ / away_, kLongestLine) : 1), T(1));
    path_length_ = 0;
    lined_ = true;
  }

  // There is no line any more.
  void drop_line() noexcept { lined_ = false; }

  [[nodiscard]] bool is_at(const T* x) const { return std::memcmp(x, at_.data(), at_.size() * sizeof(T)) == 0; }
  [[nodiscard]] Index dimension() const noexcept { return static_cast<Index>(anchor_.size()); }
  [[nodiscard]] const T* at() const noexcept { return at_.data(); }
  [[nodiscard]] const T* offset() const noexcept { return offset_.data(); }  // from the anchor, rounded
  [[nodiscard]] bool lined() const noexcept { return lined_; }
  [[nodiscard]] double reach() const noexcept { return reach_; }              // a bound on the way from the anchor
  [[nodiscard]] double anchor_norm() const noexcept { return anchor_norm_; }  // at least that of the anchor
  [[nodiscard]] double away() const noexcept { return away_; }                // from the anchor, at most
  [[nodiscard]] double path_length() const noexcept { return path_length_; }  // since the line was taken, at most
  [[nodiscard]] double off() const noexcept { return off_; }                  // ||r||, at most
  [[nodiscard]] T along() const noexcept { return along_; }                   // where on the line, in units of u
  [[nodiscard]] T rest() const noexcept { return line_end_ - along_; }        // of the line, in units of u

 private:
  void follow_line(double product) {
    const T before = along_;
    along_ = direction_norm_ > 0
                 ? std::min(round_down<T>(std::max(product / (direction_norm_ * direction_norm_), 0.0)), line_end_)
                 : T(0);
    const double change = length_of_squares(
        take_residual(offset_.data(), along_, direction_.data(), dimension(), residual_.data()), dimension());
    // A residual errs by the roundings of its two operations, on numbers of which none is above reach + away.
    const double rounding = 4 * unit_roundoff<T> * (reach_ + away_);
    const double back = std::max(static_cast<double>(before) - static_cast<double>(along_), 0.0) * direction_norm_;
    path_length_ = (path_length_ + change + 2 * rounding + back) * (1 + 4 * kWiden);
    off_ = (length_bound(residual_.data(), dimension()) + rounding) * (1 + 4 * kWiden);
    if (back > 0) line_end_ = along_;  // an attack that turns at its ball's surface goes no further
  }

  AlignedVector<T> anchor_, at_, offset_, residual_, direction_;
  double reach_ = 0, anchor_norm_ = 0, direction_norm_ = 0, away_ = 0, path_length_ = 0, off_ = 0;
  T along_ = 0, line_end_ = 0;
  bool lined_ = false;
};

}  // namespace sublinear
