// What the structures that look at every point answer from their points directly, canonical product by product.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "reporting/point_store.hpp"
#include "reporting/top_heap.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

inline constexpr Index kScannedPage = Index{1} << 16;  // points of a page

template <class T>
Index pages_of(const PointStore<T>& store) noexcept {
  return std::max<Index>(1, (store.slots() + kScannedPage - 1) / kScannedPage);
}

template <class T>
Work scan_page(const PointStore<T>& store, const T* normal, double threshold, Index page, std::vector<Index>& ids) {
  store.check_queries(normal, &threshold, 1);
  require(page >= 0 && page < pages_of(store), "there is no such page");
  const FloatingPointScope scope;
  Work work;
  const std::size_t before = ids.size();
  store.scan(page * kScannedPage, std::min(store.slots(), (page + 1) * kScannedPage), normal, threshold, work,
             [&](Index slot) { ids.push_back(store.id(slot)); });
  work.fired = static_cast<std::int64_t>(ids.size() - before);
  return work;
}

// At most `limit` ids for each query: the first ones, ascending.
template <class T>
Work scan_limited(const PointStore<T>& store, const T* normals, const double* thresholds, Index queries,
                  const ReportOptions& options, IdLists<Index>& out) {
  require(options.limit >= 0, "limit is negative; give at least 0");
  const Index block = PointStore<T>::kRowsTogether;
  Work work = fill_lists(queries, resolve_threads(options.threads), 1, out, [&](Index q, std::vector<Index>& ids, int) {
    Work own;
    Index left = options.limit;
    for (Index first = 0; first < store.slots() && left > 0; first += block)
      store.scan(first, std::min(store.slots(), first + block), normals + q * store.dimension(), thresholds[q], own,
                 [&](Index slot) {
                   if (left > 0) ids.push_back(store.id(slot));
                   left -= left > 0 ? 1 : 0;
                 });
    return own;
  });
  work.fired = static_cast<std::int64_t>(out.ids.size());
  return work;
}

// The largest products: a sample says what the k-th has to reach, `index` reports who does.
template <class T>
Work top_by_report(const HalfSpaceIndex<T>& index, const PointStore<T>& store, const T* normals, Index queries, Index k,
                   int threads, TopLists<T>& out) {
  check_normals(normals, queries, store.dimension());
  require(k >= 0, "k is negative; give at least 0");
  const Index d = store.dimension(), slots = store.slots();
  const Index sample = std::min(slots, std::max<Index>(2048, k <= slots / 4 ? 4 * k : slots));
  std::vector<double> thresholds(static_cast<std::size_t>(queries), -std::numeric_limits<double>::infinity());
  if (sample < slots && k > 0)
    parallel_for(queries, resolve_threads(threads), 1, [&](Index begin, Index end, int) {
      for (Index q = begin; q < end; ++q) {
        TopHeap<T> heap(k);
        for (Index s = 0; s < sample; ++s) {
          const Index slot = s * (slots / sample);
          if (store.is_alive(slot)) heap.offer(inner_product(store.row(slot), normals + q * d, d), store.id(slot));
        }
        thresholds[static_cast<std::size_t>(q)] = heap.bound();
      }
    });
  IdLists<Index> lists;
  std::vector<Work> works(static_cast<std::size_t>(queries));
  Work work = index.report(normals, thresholds.data(), queries, threads, lists);
  std::vector<TopHeap<T>> heaps(static_cast<std::size_t>(queries), TopHeap<T>(k));
  parallel_for(queries, resolve_threads(threads), 1, [&](Index begin, Index end, int) {
    for (Index q = begin; q < end; ++q)
      for (const Index* id = lists.begin(q); id != lists.end(q); ++id)
        heaps[static_cast<std::size_t>(q)].offer(inner_product(store.row(store.slot(*id)), normals + q * d, d), *id);
  });
  work.inner_products += (sample < slots && k > 0 ? queries * sample : 0) + static_cast<Index>(lists.ids.size());
  work.fired = finish_top(heaps, works, out).fired;
  return work;
}

// What such an index is besides how it scans.
template <class T>
class ScannedIndex : public HalfSpaceIndex<T> {
 public:
  [[nodiscard]] Index size() const noexcept override { return store_.alive(); }
  [[nodiscard]] Index dimension() const noexcept override { return store_.dimension(); }
  Work top(const T* normals, Index queries, Index k, int threads, TopLists<T>& out) const override {
    return top_by_report(*this, store_, normals, queries, k, threads, out);
  }
  [[nodiscard]] Index pages() const noexcept override { return pages_of(store_); }
  Work report_page(const T* normal, double threshold, Index page, std::vector<Index>& ids) const override {
    return scan_page(store_, normal, threshold, page, ids);
  }
  void save(FlatWriter& writer) const override {
    const Index dimension = store_.dimension(), leaf_size = 0;
    writer.add("dimension", &dimension, 1);
    writer.add("leaf_size", &leaf_size, 1);
    store_.save(writer);
  }

 protected:
  explicit ScannedIndex(Index dimension) : store_(dimension) {}
  // The store is empty until its owner has loaded it.
  explicit ScannedIndex(const FlatReader& reader) : store_(checked_dimension(reader)) {}

  PointStore<T> store_;

 private:
  static Index checked_dimension(const FlatReader& reader) {
    const Index dimension = reader.take_number("dimension");
    if (dimension < 1) reader.fail("its dimension is below 1");
    return dimension;
  }
};

}  // namespace sublinear
