// A tournament tree of maxima over a fixed number of keys, in one flat array.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// The shape that trees over the same number of keys share. Level 0 holds the keys, each higher level one maximum per
// block of 16 below, up to the first level that is a single block; levels are padded with -infinity to whole blocks.
// Trees are arrays of size() values; reporting the k keys >= 0 visits O((1 + k) log n) blocks.
class MaxTree {
 public:
  static constexpr Index kFanOut = 16;

  explicit MaxTree(Index keys) {
    Index values = keys;
    do {
      const Index padded = blocks(values) * kFanOut;
      starts_.push_back(size_);
      size_ += padded;
      values = padded / kFanOut;
    } while (values > 1);
  }

  [[nodiscard]] Index size() const noexcept { return size_; }

  // Marks every key of a tree as absent.
  template <class T>
  void clear(T* tree) const {
    std::fill(tree, tree + size_, -std::numeric_limits<T>::infinity());
  }

  // Computes all maxima from the keys tree[0], tree[1], ...
  template <class T>
  void build(T* tree) const {
    for (std::size_t level = 1; level < starts_.size(); ++level) {
      const T* below = tree + starts_[level - 1];
      const Index values = (starts_[level] - starts_[level - 1]) / kFanOut;
      for (Index v = 0; v < values; ++v) tree[starts_[level] + v] = block_maximum(below + v * kFanOut);
    }
  }

  // Computes the maxima above the keys at `positions` (ascending), which changed. `scratch` is overwritten.
  template <class T, class Id>
  void update(T* tree, const Id* positions, Index count, std::vector<Index>& scratch) const {
    scratch.assign(positions, positions + count);
    for (std::size_t level = 1; level < starts_.size(); ++level) {
      const T* below = tree + starts_[level - 1];
      std::size_t parents = 0;
      for (const Index child : scratch) {
        const Index parent = child / kFanOut;
        if (parents > 0 && scratch[parents - 1] == parent) continue;
        tree[starts_[level] + parent] = block_maximum(below + parent * kFanOut);
        scratch[parents++] = parent;
      }
      scratch.resize(parents);
    }
  }

  // Calls report(position) for every key >= 0, ascending. Returns the number of blocks visited.
  template <class T, class Report>
  Index report(const T* tree, Report&& report) const {
    return visit(tree, starts_.size() - 1, 0, report);
  }

 private:
  static Index blocks(Index values) { return (values + kFanOut - 1) / kFanOut; }

  template <class T>
  static T block_maximum(const T* block) {
    T largest = block[0];
    for (Index k = 1; k < kFanOut; ++k) largest = block[k] > largest ? block[k] : largest;
    return largest;
  }

  template <class T, class Report>
  Index visit(const T* tree, std::size_t level, Index block, Report& report) const {
    Index visited = 1;
    for (Index v = block * kFanOut; v < (block + 1) * kFanOut; ++v) {
      if (!(tree[starts_[level] + v] >= 0)) continue;
      if (level == 0)
        report(v);
      else
        visited += visit(tree, level - 1, v, report);
    }
    return visited;
  }

  std::vector<Index> starts_;
  Index size_ = 0;
};

// Bytes of `trees` trees of this shape, or the largest number where that overflows.
template <class T>
[[nodiscard]] std::size_t forest_bytes(const MaxTree& shape, Index trees) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  const std::size_t one = static_cast<std::size_t>(shape.size()) * sizeof(T);
  return static_cast<std::size_t>(trees) > kMost / one ? kMost : static_cast<std::size_t>(trees) * one;
}

}  // namespace sublinear
