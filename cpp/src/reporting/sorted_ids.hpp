// Lists of ids, ascending or as they come, from whoever can tell them one by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Appends the `size` ids that each(take) tells.
template <class Each>
void append_unsorted(Each&& each, Index size, std::vector<Index>& ids) {
  const std::size_t before = ids.size();
  ids.resize(before + static_cast<std::size_t>(size));
  Index* to = ids.data() + before;
  each([&](Index id) { *to++ = id; });
}

// The same ascending, distinct ids below `end`: many of them by setting bits, which costs one pass over the ids and one
// over a bit per possible id; few of them by comparing. `bits` is scratch space, all zeros between calls.
template <class Each>
void append_sorted(Each&& each, Index size, Index end, std::vector<std::uint64_t>& bits, std::vector<Index>& ids) {
  const std::size_t before = ids.size(), words = static_cast<std::size_t>(end + 63) / 64;
  if (words > 8 * static_cast<std::size_t>(size)) {
    append_unsorted(each, size, ids);
    std::sort(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
    return;
  }
  if (bits.size() < words) bits.resize(words);
  std::uint64_t* const mask = bits.data();
  each([mask](Index id) { mask[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64); });
  // Most words have none, one or two bits, in no order that a processor could guess: two are written whether or not
  // they are there, and only more than two need a branch.
  ids.resize(before + static_cast<std::size_t>(size) + 2);
  Index* to = ids.data() + before;
  for (std::size_t w = 0; w < words; ++w) {
    const std::uint64_t word = mask[w], rest = word & (word - 1);
    constexpr std::uint64_t kSome = std::uint64_t{1} << 63;  // so that there is a bit to find
    const Index first = static_cast<Index>(w * 64);
    mask[w] = 0;
    to[0] = first + __builtin_ctzll(word | kSome);
    to[1] = first + __builtin_ctzll(rest | kSome);
    to += (word != 0 ? 1 : 0) + (rest != 0 ? 1 : 0);
    for (std::uint64_t more = rest & (rest - 1); more != 0; more &= more - 1) *to++ = first + __builtin_ctzll(more);
  }
  ids.resize(before + static_cast<std::size_t>(size));
}

}  // namespace sublinear
