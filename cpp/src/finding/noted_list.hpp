// A list of candidates with the caller's notes on each (CandidateNotes).
#pragma once

#include <vector>

#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

template <class T>
class NotedList {
 public:
  static constexpr std::size_t kEntryBytes = sizeof(NeuronId) + 3 * sizeof(T);

  [[nodiscard]] const std::vector<NeuronId>& ids() const noexcept { return ids_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return ids_.capacity() * sizeof(NeuronId) +
           (products_.capacity() + slopes_.capacity() + drifts_.capacity()) * sizeof(T);
  }
  [[nodiscard]] CandidateView<T> view() {
    return {ids_.data(), static_cast<Index>(ids_.size()), {products_.data(), slopes_.data(), drifts_.data()}};
  }

  // Other ids, nothing noted yet.
  void assign(const std::vector<NeuronId>& ids) {
    ids_.assign(ids.begin(), ids.end());
    products_.assign(ids.size(), T(0));
    slopes_.assign(ids.size(), std::numeric_limits<T>::quiet_NaN());
    drifts_.assign(ids.size(), CandidateNotes<T>::kUnknown);
  }

  // Neurons `asked` (ascending) are in the list from now on iff keep(k); notes stay with those that were in before.
  // `scratch` is overwritten.
  template <class Keep>
  void merge(const std::vector<NeuronId>& asked, Keep&& keep, NotedList& scratch) {
    std::size_t next = 0, copied = 0;
    bool changed = false;
    scratch.clear();
    for (std::size_t k = 0; k < asked.size(); ++k) {
      while (next < ids_.size() && ids_[next] < asked[k]) ++next;
      const bool was_in = next < ids_.size() && ids_[next] == asked[k], is_in = keep(k);
      if (was_in == is_in) continue;
      changed = true;
      scratch.append(*this, copied, next);
      copied = next + (was_in ? 1 : 0);
      if (is_in) scratch.append_unknown(asked[k]);
    }
    if (!changed) return;
    scratch.append(*this, copied, ids_.size());
    ids_.assign(scratch.ids_.begin(), scratch.ids_.end());
    products_.assign(scratch.products_.begin(), scratch.products_.end());
    slopes_.assign(scratch.slopes_.begin(), scratch.slopes_.end());
    drifts_.assign(scratch.drifts_.begin(), scratch.drifts_.end());
  }

 private:
  void clear() {
    ids_.clear();
    products_.clear();
    slopes_.clear();
    drifts_.clear();
  }
  void append(const NotedList& from, std::size_t begin, std::size_t end) {
    const auto copy = [&](auto& to, const auto& source) {
      to.insert(to.end(), source.begin() + static_cast<Index>(begin), source.begin() + static_cast<Index>(end));
    };
    copy(ids_, from.ids_);
    copy(products_, from.products_);
    copy(slopes_, from.slopes_);
    copy(drifts_, from.drifts_);
  }
  void append_unknown(NeuronId id) {
    ids_.push_back(id);
    products_.push_back(T(0));
    slopes_.push_back(std::numeric_limits<T>::quiet_NaN());
    drifts_.push_back(CandidateNotes<T>::kUnknown);
  }

  std::vector<NeuronId> ids_;
  std::vector<T> products_, slopes_, drifts_;
};

}  // namespace sublinear
