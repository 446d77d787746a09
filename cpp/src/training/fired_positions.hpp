// The lists of fired neurons of a batch, transposed a tile of neurons at a time.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

// For each neuron of a tile the positions in the batch at which it fired, ascending. Tiles come in ascending order, so
// that every list is read once. Only the constructor takes memory: what reads it changes weights meanwhile and must not
// stop half-way.
class FiredPositions {
 public:
  static constexpr NeuronId kTile = 1024;  // most neurons of a tile

  // For the lists of a batch, of a network with `neurons` neurons. Tiles have up to kTile neurons, fewer where those
  // fired over four times as often as most. The lists must outlive it.
  FiredPositions(const std::vector<CandidateLists>& fired, Index neurons) : offsets_(kTile + 1), next_(kTile) {
    Index inputs = 0, all = 0;
    for (const CandidateLists& block : fired) {
      inputs += block.size();
      all += static_cast<Index>(block.ids.size());
    }
    lists_.reserve(static_cast<std::size_t>(inputs));
    for (const CandidateLists& block : fired)
      for (Index k = 0; k < block.size(); ++k) lists_.emplace_back(block.begin(k), block.end(k));
    cursors_.resize(lists_.size());
    positions_.resize(static_cast<std::size_t>(std::max(inputs, std::min(all, 4 * kTile * (all / neurons + 1)))));
  }

  // Tiles begin at neuron `first` or later.
  void start(NeuronId first) noexcept {
    for (std::size_t i = 0; i < lists_.size(); ++i)
      cursors_[i] = std::lower_bound(lists_[i].first, lists_[i].second, first);
  }

  // Reads the tile of the neurons from `begin` on, at most up to `end`. Returns where it ends.
  NeuronId read_tile(NeuronId begin, NeuronId end) noexcept {
    begin_ = begin;
    end = std::min(end, begin + kTile);
    std::fill(offsets_.begin(), offsets_.end(), Index{0});
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      for (const NeuronId* r = cursors_[i]; r != lists_[i].second && *r < end; ++r)
        ++offsets_[static_cast<std::size_t>(*r - begin) + 1];
    for (std::size_t r = 1; r < offsets_.size(); ++r) offsets_[r] += offsets_[r - 1];
    // One neuron fires on every input at most, so at least one fits.
    while (offsets_[static_cast<std::size_t>(end - begin)] > static_cast<Index>(positions_.size())) --end;
    std::copy(offsets_.begin(), offsets_.end() - 1, next_.begin());
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      for (; cursors_[i] != lists_[i].second && *cursors_[i] < end; ++cursors_[i])
        positions_[static_cast<std::size_t>(next_[static_cast<std::size_t>(*cursors_[i] - begin)]++)] =
            static_cast<NeuronId>(i);
    return end;
  }

  [[nodiscard]] const NeuronId* begin(Index r) const noexcept {
    return positions_.data() + offsets_[static_cast<std::size_t>(r - begin_)];
  }
  [[nodiscard]] Index length(Index r) const noexcept {
    const auto at = static_cast<std::size_t>(r - begin_);
    return offsets_[at + 1] - offsets_[at];
  }

 private:
  std::vector<std::pair<const NeuronId*, const NeuronId*>> lists_;  // per input, begin and end
  std::vector<const NeuronId*> cursors_;
  std::vector<Index> offsets_, next_;
  std::vector<NeuronId> positions_;
  NeuronId begin_ = 0;
};

}  // namespace sublinear
