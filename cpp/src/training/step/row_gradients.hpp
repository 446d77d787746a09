// The gradients of rows, one after the other: what the update and the clipping of gradients read.
#pragma once

#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "training/fired_positions.hpp"
#include "training/step/batch_attack.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// Of one worker. The gradient of row r is the sum over the batch positions i at which it fired, ascending, of
// (sum over outputs k of G_ik a_rk) x~_i, that of its bias the sum of the same coefficients. Only the constructor takes
// memory.
template <class T>
class RowGradients {
 public:
  // G are the `gradients`, batch x c. All that is passed must outlive it.
  RowGradients(const TrainingTask<T>& task, const AttackedBatch<T>& attacked, const AlignedVector<T>& gradients)
      : task_(task),
        attacked_(attacked),
        gradients_(gradients),
        known_(!attacked.fired.blocks().empty()),
        fired_(attacked.fired.blocks(), task.m),
        gradient_(static_cast<std::size_t>(task.d)),
        coefficients_(static_cast<std::size_t>(attacked.size())),
        products_(known_ ? 0 : coefficients_.size()),
        positions_(known_ ? 0 : coefficients_.size()) {}

  // Rows come from `begin` up to `end`, ascending.
  void start(Index begin, Index end) noexcept {
    if (known_) fired_.start(static_cast<NeuronId>(begin));
    tile_end_ = begin;
    end_ = end;
  }

  // Goes to row r, the next one, whose weights are at `row`; returns whether it fired anywhere.
  bool go_to(Index r, const T* row) noexcept {
    if (!known_) {
      find_positions(r, row);
    } else {
      if (r == tile_end_) tile_end_ = fired_.read_tile(static_cast<NeuronId>(r), static_cast<NeuronId>(end_));
      at_ = fired_.begin(r);
      length_ = fired_.length(r);
    }
    return length_ > 0;
  }

  // The gradient of row r, to which it went; d numbers.
  const T* gradient(Index r) noexcept {
    const Index c = task_.c;
    const T* const a = task_.network.output_weights() + r * c;
    if (c == 1)  // the same bits without the detour
      for (Index k = 0; k < length_; ++k) coefficients_.data()[k] = gradients_.data()[at_[k]] * a[0];
    else
      inner_products_at(gradients_.data(), at_, length_, c, a, coefficients_.data());
    combine_rows(attacked_.points.data(), at_, coefficients_.data(), length_, task_.d, gradient_.data());
    return gradient_.data();
  }
  // And of its bias; after `gradient`.
  [[nodiscard]] T bias_gradient() const noexcept {
    T sum = 0;
    for (Index k = 0; k < length_; ++k) sum += coefficients_.data()[k];
    return sum;
  }

  [[nodiscard]] const Work& work() const noexcept { return work_; }

 private:
  // By the canonical test, as the attack found them.
  void find_positions(Index r, const T* row) noexcept {
    const TwoLayerNetwork<T>& network = task_.network;
    const Index count = attacked_.size();
    inner_products(attacked_.points.data(), count, task_.d, row, products_.data());
    work_.inner_products += count;
    length_ = 0;
    for (Index i = 0; i < count; ++i)
      if (products_.data()[i] + network.biases()[r] >= network.threshold())
        positions_.data()[length_++] = static_cast<NeuronId>(i);
    at_ = positions_.data();
  }

  const TrainingTask<T>& task_;
  const AttackedBatch<T>& attacked_;
  const AlignedVector<T>& gradients_;
  bool known_;  // where neurons fired
  FiredPositions fired_;
  AlignedVector<T> gradient_, coefficients_, products_;
  std::vector<NeuronId> positions_;
  const NeuronId* at_ = nullptr;  // where the row fired
  Index length_ = 0, tile_end_ = 0, end_ = 0;
  Work work_;
};

}  // namespace sublinear
