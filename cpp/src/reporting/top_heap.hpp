// The best k products seen so far.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// Larger products are better, and of equal ones the smaller id: so what is kept does not depend on the order of offers.
template <class T>
class TopHeap {
 public:
  explicit TopHeap(Index k) : k_(static_cast<std::size_t>(k)) {}

  // What a product has to reach to be kept.
  [[nodiscard]] double bound() const noexcept {
    if (k_ == 0) return std::numeric_limits<double>::infinity();
    return kept_.size() < k_ ? -std::numeric_limits<double>::infinity() : static_cast<double>(kept_.front().product);
  }

  void offer(T product, Index id) {
    if (k_ == 0 || !(product == product)) return;
    const Entry entry{product, id};
    if (kept_.size() < k_) {
      kept_.push_back(entry);
      std::push_heap(kept_.begin(), kept_.end(), better);
    } else if (better(entry, kept_.front())) {
      std::pop_heap(kept_.begin(), kept_.end(), better);
      kept_.back() = entry;
      std::push_heap(kept_.begin(), kept_.end(), better);
    }
  }

  // Appends the best, in order.
  void finish(std::vector<Index>& ids, std::vector<T>& products) {
    std::sort(kept_.begin(), kept_.end(), better);
    for (const Entry& entry : kept_) {
      ids.push_back(entry.id);
      products.push_back(entry.product);
    }
  }

 private:
  struct Entry {
    T product;
    Index id;
  };
  static bool better(const Entry& a, const Entry& b) noexcept {
    return a.product > b.product || (a.product == b.product && a.id < b.id);
  }

  std::size_t k_;
  std::vector<Entry> kept_;  // a heap whose front is the worst
};

// One heap per query, and the work of each, as a result.
template <class T>
Work finish_top(std::vector<TopHeap<T>>& heaps, const std::vector<Work>& works, TopLists<T>& out) {
  out.lists.offsets.assign(1, 0);
  out.lists.ids.clear();
  out.products.clear();
  Work sum;
  for (std::size_t q = 0; q < heaps.size(); ++q) {
    heaps[q].finish(out.lists.ids, out.products);
    out.lists.offsets.push_back(static_cast<Index>(out.lists.ids.size()));
    sum += works[q];
  }
  sum.fired = static_cast<std::int64_t>(out.lists.ids.size());
  return sum;
}

}  // namespace sublinear
