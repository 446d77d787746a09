// For each neuron the number that its canonical product with an input must reach for it to be able to fire in the ball.
#pragma once

#include <algorithm>
#include <vector>

#include "finding/reach.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

// The largest norm of these points, rounded outward.
template <class T>
[[nodiscard]] double largest_norm_bound(Points<T> points, Norm norm) {
  double largest = 0;
  for (Index i = 0; i < points.count; ++i)
    largest = std::max(largest, norm_bound(points.row(i), points.dimension, norm));
  return largest;
}

// Neuron r can fire in the ball of an input x only if fl<w_r,x> >= limit r (proof: reach.hpp). The reach is that of the
// largest input, so one limit per neuron serves them all.
template <class T>
class RowLimits {
 public:
  RowLimits(const Neurons<T>& neurons, Points<T> inputs, Ball ball, int threads)
      : neurons_(neurons),
        norm_(ball.norm),
        reach_(ball, largest_norm_bound(inputs, ball.norm), neurons.dimension, neurons.threshold),
        dual_norms_(static_cast<std::size_t>(neurons.count)),
        limits_(static_cast<std::size_t>(neurons.count)) {
    parallel_for(neurons.count, threads, kGrain, [&](Index begin, Index end, int) {
      for (Index r = begin; r < end; ++r) refresh_row(static_cast<NeuronId>(r));
    });
  }

  // Computes the limits of rows that moved again.
  void refresh(const NeuronId* rows, Index count, int threads) {
    parallel_for(count, threads, kGrain, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k) refresh_row(rows[k]);
    });
  }

  // Limits for the balls of this radius around other points.
  [[nodiscard]] std::vector<T> limits_for(Points<T> points, double radius) const {
    const Reach<T> reach({radius, norm_}, largest_norm_bound(points, norm_), neurons_.dimension, neurons_.threshold);
    std::vector<T> limits(limits_.size());
    for (std::size_t r = 0; r < limits.size(); ++r)
      limits[r] = reach.limit(neurons_.threshold, neurons_.biases[r], dual_norms_[r]);
    return limits;
  }

  [[nodiscard]] const T* data() const noexcept { return limits_.data(); }
  [[nodiscard]] T operator[](NeuronId r) const noexcept { return limits_[static_cast<std::size_t>(r)]; }
  [[nodiscard]] double reach() const noexcept { return reach_.reach; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return dual_norms_.capacity() * sizeof(double) + limits_.capacity() * sizeof(T);
  }

 private:
  static constexpr Index kGrain = 256;

  void refresh_row(NeuronId r) {
    const auto at = static_cast<std::size_t>(r);
    dual_norms_[at] = dual_norm_bound(neurons_.row(r), neurons_.dimension, norm_);
    limits_[at] = reach_.limit(neurons_.threshold, neurons_.biases[r], dual_norms_[at]);
  }

  Neurons<T> neurons_;
  Norm norm_;
  Reach<T> reach_;
  std::vector<double> dual_norms_;
  std::vector<T> limits_;
};

// Whether a product reaches a limit. Written so that NaN, which only overflow can make, counts as reaching it.
template <class T>
[[nodiscard]] bool reaches(T product, T limit) {
  return !(product < limit);
}

// fl(product - limit), which is >= 0 iff the product reaches the limit.
template <class T>
[[nodiscard]] T key(T product, T limit) {
  const T difference = product - limit;
  return difference == difference ? difference : std::numeric_limits<T>::infinity();
}

}  // namespace sublinear
