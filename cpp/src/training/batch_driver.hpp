// Who moves many inputs side by side, for attacks and losses that want to be asked for many at a time.
#pragma once

#include <memory>
#include <vector>

#include "sublinear/training/attack.hpp"
#include "training/local_network.hpp"

namespace sublinear {

// One of the inputs.
template <class T>
struct BatchMember {
  const T* x;
  double label;
  RandomStream random;
  CandidateView<T> candidates;
};

// Whether the two are asked for many inputs at a time.
template <class T>
[[nodiscard]] bool wants_batches(const Attack<T>& attack, const Loss& loss) {
  return attack.by_batch() || loss.by_batch();
}

// Each input has the bits that it has alone. The attack and the loss are asked on the calling thread, the network on
// several. Scratch space of one call.
template <class T>
class BatchDriver {
 public:
  // So many inputs at a time are enough to make calls cheap, and few enough for their local networks.
  static constexpr Index kMost = 128;

  // All that is passed must outlive it.
  BatchDriver(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Attack<T>& attack, const Loss& loss,
              int threads);

  // Takes these inputs, at most kMost; goes to each. With `linear` values come from linear forms.
  void take(std::vector<BatchMember<T>> members, bool linear);
  // Goes back to each, as if it had never been elsewhere.
  void begin(bool linear);
  // Goes to these points, a row each.
  void move(const T* points);
  // The losses where it is, a number each; and their derivatives by the outputs, a row each.
  void judge();
  [[nodiscard]] const std::vector<double>& losses() const noexcept { return losses_; }
  [[nodiscard]] const double* output_gradient(Index i) const noexcept {
    return output_gradients_.data() + i * outputs_;
  }

  // Writes where run k ends to `out`, a row each; it need not have gone there.
  void drive_run(int k, T* out);
  // Writes the end with the highest loss of all runs, the first of equal ones.
  void drive_attack(T* out);

  [[nodiscard]] LocalNetwork<T>& member(Index i) noexcept { return locals_.data()[i]; }
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(members_.size()); }
  // Work since the last call of this function.
  Work take_work() noexcept;

 private:
  class EachRun;
  template <class Visit>
  void for_each(const Visit& visit);

  const TwoLayerNetwork<T>& network_;
  const RowFacts<T>& facts_;
  const Attack<T>& attack_;
  const Loss& loss_;
  int threads_;
  Index dimension_, outputs_;
  std::unique_ptr<BatchAttackRun<T>> run_;
  std::vector<BatchMember<T>> members_;
  std::vector<LocalNetwork<T>> locals_;
  std::vector<double> losses_, output_gradients_;
};

}  // namespace sublinear
