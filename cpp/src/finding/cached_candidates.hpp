// A list of candidates with a cached product of each.
#pragma once

#include <cstring>
#include <vector>

#include "kernels/prefetch.hpp"
#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

template <class T>
class CachedCandidates {
 public:
  static constexpr std::size_t kEntryBytes = sizeof(NeuronId) + sizeof(CachedProduct<T>);

  [[nodiscard]] const std::vector<NeuronId>& ids() const noexcept { return ids_; }
  void prefetch_ids() const { prefetch(ids_.data(), static_cast<Index>(ids_.size())); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return ids_.capacity() * sizeof(NeuronId) + cached_.capacity() * sizeof(CachedProduct<T>);
  }
  [[nodiscard]] CandidateView<T> view() { return {ids_.data(), static_cast<Index>(ids_.size()), cached_.data()}; }

  // Other ids, of which just the products are known; `facts` are those of all rows, or null: then nothing is cached.
  void assign(const std::vector<NeuronId>& ids, const std::vector<T>& products, const RowFact<T>* facts) {
    ids_.assign(ids.begin(), ids.end());
    cached_.resize(ids.size());
    for (std::size_t k = 0; k < ids.size(); ++k) cached_[k] = cached_product(products[k], facts, ids[k]);
  }

  // What changes in a list, and memory that is kept from one to the next.
  struct Change {
    std::vector<NeuronId> keep, drop;  // in the list from now on and not, both ascending
    std::vector<T> products;           // of those in `keep`

   private:
    friend CachedCandidates;
    std::vector<std::size_t> leaving;  // positions, ascending
    std::vector<NeuronId> joining;
    std::vector<CachedProduct<T>> cached;  // of those that join
  };

  // `facts` as above. What does not change place is not touched.
  void apply(Change& change, const RowFact<T>* facts) {
    change.leaving.clear();
    change.joining.clear();
    change.cached.clear();
    std::size_t at = 0;
    const bool leaving_is_dense = kWindow * change.drop.size() > ids_.size();
    for (const NeuronId id : change.drop) {
      at = position_from(at, id, leaving_is_dense);
      if (is_at(at, id)) change.leaving.push_back(at);
    }
    at = 0;
    const bool keeping_is_dense = kWindow * change.keep.size() > ids_.size();
    for (std::size_t k = 0; k < change.keep.size(); ++k) {
      const NeuronId id = change.keep[k];
      at = position_from(at, id, keeping_is_dense);
      if (!is_at(at, id)) {
        change.joining.push_back(id);
        change.cached.push_back(cached_product(change.products[k], facts, id));
      } else if (facts != nullptr) {
        cached_[at] = cached_product(change.products[k], facts, id);
      }
    }
    remove(change.leaving);
    insert(change.joining, change.cached);
  }

 private:
  static constexpr std::size_t kWindow = 16;  // ids that are compared at once

  static CachedProduct<T> cached_product(T product, const RowFact<T>* facts, NeuronId id) {
    CachedProduct<T> made;
    made.product = product;
    if (facts != nullptr) made.drift = facts[id].drift;
    return made;
  }

  // How many ids are below `id`, if `from` are or more: where many are looked up in turn, the next is not far.
  [[nodiscard]] std::size_t position_from(std::size_t from, NeuronId id, bool dense) const {
    if (!dense || from + kWindow > ids_.size()) return position_of(id, ids_.size());
    const NeuronId* const window = ids_.data() + from;
    std::int32_t below = 0;
    for (std::size_t l = 0; l < kWindow; ++l) below += window[l] < id ? 1 : 0;
    return below < static_cast<std::int32_t>(kWindow) ? from + static_cast<std::size_t>(below)
                                                      : position_of(id, ids_.size());
  }

  // How many of the first `count` ids are below `id`. No branch depends on what they are, so that searches overlap.
  [[nodiscard]] std::size_t position_of(NeuronId id, std::size_t count) const {
    const NeuronId* first = ids_.data();
    for (std::size_t left = count; left > 0;) {
      const std::size_t half = (left + 1) / 2;
      first += half & (0 - static_cast<std::size_t>(first[half - 1] < id));
      left -= half;
    }
    return static_cast<std::size_t>(first - ids_.data());
  }

  [[nodiscard]] bool is_at(std::size_t at, NeuronId id) const { return at < ids_.size() && ids_[at] == id; }

  void remove(const std::vector<std::size_t>& positions) {
    std::size_t to = positions.empty() ? 0 : positions.front();
    for (std::size_t k = 0; k < positions.size(); ++k) {
      const std::size_t begin = positions[k] + 1, end = k + 1 < positions.size() ? positions[k + 1] : ids_.size();
      shift(begin, end, to);
      to += end - begin;
    }
    resize(ids_.size() - positions.size());
  }

  void insert(const std::vector<NeuronId>& ids, const std::vector<CachedProduct<T>>& cached) {
    std::size_t end = ids_.size();
    resize(end + ids.size());
    for (std::size_t k = ids.size(); k > 0; --k) {
      const std::size_t begin = position_of(ids[k - 1], end);
      shift(begin, end, begin + k);
      end = begin;
      ids_[begin + k - 1] = ids[k - 1];
      cached_[begin + k - 1] = cached[k - 1];
    }
  }

  // Moves the entries [begin, end) to `to`; the ranges may overlap.
  void shift(std::size_t begin, std::size_t end, std::size_t to) {
    const auto move = [=](auto& values) {
      std::memmove(values.data() + to, values.data() + begin, (end - begin) * sizeof(values[0]));
    };
    move(ids_);
    move(cached_);
  }

  void resize(std::size_t size) {
    if (size > ids_.capacity()) {  // lists hardly grow, so a little room is enough
      const std::size_t room = size + size / 16;
      ids_.reserve(room);
      cached_.reserve(room);
    }
    ids_.resize(size);
    cached_.resize(size);
  }

  std::vector<NeuronId> ids_;
  std::vector<CachedProduct<T>> cached_;
};

}  // namespace sublinear
