// Ids in ascending order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Sorts distinct ids below `end`: many of them by setting bits, which costs one pass over the ids and one over a bit
// per possible id; few of them by comparing. `bits` is scratch space, all zeros between calls.
inline void sort_ids(std::vector<Index>& ids, Index end, std::vector<std::uint64_t>& bits) {
  const std::size_t words = static_cast<std::size_t>(end + 63) / 64;
  if (words > 8 * ids.size()) {
    std::sort(ids.begin(), ids.end());
    return;
  }
  if (bits.size() < words) bits.resize(words);
  for (const Index id : ids) bits[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
  std::size_t k = 0;
  for (std::size_t w = 0; w < words; ++w) {
    for (std::uint64_t word = bits[w]; word != 0; word &= word - 1)
      ids[k++] = static_cast<Index>(w * 64) + __builtin_ctzll(word);
    bits[w] = 0;
  }
}

}  // namespace sublinear
