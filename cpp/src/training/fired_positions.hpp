// The lists of fired neurons of a batch, transposed a tile of neurons at a time.
#pragma once

#include <algorithm>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

// For each neuron of a tile the positions in the batch at which it fired, ascending. Tiles come in ascending order, so
// that every list is read once.
class FiredPositions {
 public:
  FiredPositions(const std::vector<CandidateLists>& fired, NeuronId first) {
    for (const CandidateLists& block : fired)
      for (Index k = 0; k < block.size(); ++k) {
        ends_.push_back(block.end(k));
        cursors_.push_back(first == 0 ? block.begin(k) : std::lower_bound(block.begin(k), block.end(k), first));
      }
  }

  void read_tile(NeuronId begin, NeuronId end) {
    begin_ = begin;
    offsets_.assign(static_cast<std::size_t>(end - begin) + 1, 0);
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      for (const NeuronId* r = cursors_[i]; r != ends_[i] && *r < end; ++r)
        ++offsets_[static_cast<std::size_t>(*r - begin) + 1];
    for (std::size_t r = 1; r < offsets_.size(); ++r) offsets_[r] += offsets_[r - 1];
    positions_.resize(static_cast<std::size_t>(offsets_.back()));
    next_.assign(offsets_.begin(), offsets_.end() - 1);
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      for (; cursors_[i] != ends_[i] && *cursors_[i] < end; ++cursors_[i])
        positions_[static_cast<std::size_t>(next_[static_cast<std::size_t>(*cursors_[i] - begin)]++)] =
            static_cast<NeuronId>(i);
  }

  [[nodiscard]] const NeuronId* begin(Index r) const noexcept {
    return positions_.data() + offsets_[static_cast<std::size_t>(r - begin_)];
  }
  [[nodiscard]] Index length(Index r) const noexcept {
    const auto at = static_cast<std::size_t>(r - begin_);
    return offsets_[at + 1] - offsets_[at];
  }

 private:
  std::vector<const NeuronId*> cursors_, ends_;
  std::vector<Index> offsets_, next_;
  std::vector<NeuronId> positions_;
  NeuronId begin_ = 0;
};

}  // namespace sublinear
