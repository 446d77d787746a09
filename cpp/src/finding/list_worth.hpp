// Whether lists of candidates are worth having, or all neurons might as well be looked at, a group of inputs at a time.
#pragma once

#include "finding/key_samples.hpp"

namespace sublinear {

// A list of more than this share of the neurons takes longer to make and to follow than looking at all (MNIST, PGD in
// l2, widths 2048 ... 16384: level at half of the neurons; digits: lists of a fifth of them take half the time).
inline constexpr double kUsefulShare = 0.5;

// The share of the neurons that can fire in an input's ball, by a look at a few inputs now and then.
template <class T>
class CandidateShare {
 public:
  // Notes that weights have moved.
  void note_step() noexcept { ++steps_; }

  [[nodiscard]] bool is_large(const Neurons<T>& neurons, Points<T> inputs, const RowLimits<T>& limits, int threads) {
    if (steps_ >= kStepsToLook) {
      share_ = sample_keys(neurons, inputs, limits, threads).able() / static_cast<double>(neurons.count);
      steps_ = 0;
    }
    return share_ > kUsefulShare;
  }

 private:
  static constexpr std::int64_t kStepsToLook = 64;
  std::int64_t steps_ = kStepsToLook;  // since the last look
  double share_ = 0;
};

}  // namespace sublinear
