// Phase 1 of a step: which inputs it takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sublinear/kernels/types.hpp"
#include "training/epoch_order.hpp"

namespace sublinear {

// The inputs of a step, by number, position by position.
struct Batch {
  std::vector<Index> inputs = {};
  std::int64_t epoch = 0;  // random starts are drawn for (epoch, input)

  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(inputs.size()); }
  [[nodiscard]] Index input(Index position) const noexcept { return inputs.data()[position]; }
};

// The batch of every step: a function of (seed, epoch) and the position in the epoch.
class Batches {
 public:
  Batches(Index count, Index batch_size, std::uint64_t seed) : count_(count), batch_size_(batch_size), seed_(seed) {}

  [[nodiscard]] std::int64_t per_epoch() const noexcept { return (count_ + batch_size_ - 1) / batch_size_; }

  [[nodiscard]] Batch at(std::int64_t step) {
    const std::int64_t epoch = step / per_epoch(), position = step % per_epoch();
    if (order_epoch_ != epoch) {
      order_ = epoch_order(count_, batch_size_, seed_, epoch);
      order_epoch_ = epoch;
    }
    const auto first = order_.begin() + position * batch_size_;
    return {{first, first + std::min(batch_size_, count_ - position * batch_size_)}, epoch};
  }

 private:
  Index count_, batch_size_;
  std::uint64_t seed_;
  std::vector<Index> order_;
  std::int64_t order_epoch_ = -1;
};

}  // namespace sublinear
