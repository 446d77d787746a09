// Which neurons fired on the attacked inputs of a batch, kept while there is memory for it.
#pragma once

#include <cstddef>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

// One list per input, block by block. Lists may take as much as the finder's structure; beyond that none is kept, and
// the update finds the neurons again.
class FiredLists {
 public:
  // For the next batch of a network of so many neurons. With `must_keep` lists are kept whatever they take; `max_bytes`
  // 0 = the memory available. Blocks of the batch before lend their memory.
  void start(Index width, bool must_keep, std::size_t max_bytes);

  // Whether the lists of all blocks so far are kept.
  [[nodiscard]] bool kept() const noexcept { return kept_; }
  // Lends memory of the batch before, while there is some, to the lists that the next block is written to.
  void lend(CandidateLists& block) noexcept;
  // Keeps a block, or drops them all. Does nothing where they were dropped.
  void add(CandidateLists&& block);

  // What was kept; empty where it was dropped.
  [[nodiscard]] const std::vector<CandidateLists>& blocks() const noexcept { return blocks_; }

 private:
  [[nodiscard]] bool may_keep();

  std::vector<CandidateLists> blocks_, spare_;
  bool kept_ = false, must_keep_ = false, limit_is_known_ = false;
  std::size_t bytes_ = 0, limit_ = 0;
};

}  // namespace sublinear
