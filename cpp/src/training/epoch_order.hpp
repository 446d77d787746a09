// In which order an epoch visits the inputs.
#pragma once

#include <numeric>
#include <vector>

#include "sublinear/kernels/random.hpp"

namespace sublinear {

// Their own order where a batch holds them all, else the random order of (seed, epoch).
[[nodiscard]] inline std::vector<Index> epoch_order(Index count, Index batch_size, std::uint64_t seed,
                                                    std::int64_t epoch) {
  if (batch_size != count) return random_order(count, seed, static_cast<std::uint64_t>(epoch));
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  return order;
}

}  // namespace sublinear
