#include "sublinear/reporting/brute_force.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "kernels/watch.hpp"
#include "reporting/far_side.hpp"
#include "reporting/point_store.hpp"
#include "reporting/query_panels.hpp"
#include "reporting/scanned_store.hpp"

namespace sublinear {
namespace {

template <class T>
class Scan final : public ScannedIndex<T> {
 public:
  explicit Scan(Points<T> points) : ScannedIndex<T>(points.dimension) { add(points); }
  explicit Scan(const FlatReader& reader) : ScannedIndex<T>(reader) {
    const FloatingPointScope scope;
    store_.load(reader);
    see_norms({store_.row(0), store_.slots(), store_.dimension()});
  }

  [[nodiscard]] const char* name() const noexcept override { return "brute-force"; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return store_.bytes(); }

  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override { return std::make_unique<Scan>(*this); }

  Index insert(Points<T> points) override {
    const Unwatched whole;
    return add(points);
  }

  void erase(const Index* ids, Index count) override {
    const Unwatched whole;
    const std::vector<Index> slots = store_.slots_of(ids, count);
    store_.erase(slots);
    if (2 * store_.alive() >= store_.slots()) return;
    try {
      store_.compact();
    } catch (const std::bad_alloc&) {  // only a saving: left for later where memory is short
    }
  }

  void move(const Index* ids, Index count, const T* points) override {
    const Unwatched whole;
    const FloatingPointScope scope;
    const std::vector<Index> slots = store_.slots_of(ids, count);
    store_.check_rows(points, count);
    store_.overwrite(slots, points);
    see_norms({points, count, store_.dimension()});
  }

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    store_.check_queries(normals, thresholds, queries);
    if (options.limit != ReportOptions::kNoLimit)
      return scan_limited(store_, normals, thresholds, queries, options, out);
    std::vector<std::vector<Slot32>> found(static_cast<std::size_t>(queries));
    const Index blocks = store_.slots() / block_points() + 1;
    Work work = scan_all(normals, thresholds, queries, options.threads, [&](Index q, const Slot32* slots, Index size) {
      append_slots(found[static_cast<std::size_t>(q)], slots, size, blocks);
    });
    gather_ids(store_, found, out);
    work.fired = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    store_.check_queries(normals, thresholds, queries);
    require_pointer(counts, queries, "counts");
    std::fill(counts, counts + queries, Index{0});
    Work work =
        scan_all(normals, thresholds, queries, threads, [&](Index q, const Slot32*, Index size) { counts[q] += size; });
    for (Index q = 0; q < queries; ++q) work.fired += counts[q];
    return work;
  }

 private:
  Index add(Points<T> points) {
    const FloatingPointScope scope;
    const Index first = store_.append(points);
    see_norms(points);
    return first;
  }

  static constexpr Index kQueriesTogether = 16;  // they share each block of points while it is in the cache

  // Queries side by side, with the two thresholds between which the canonical product has to decide: scores and the
  // canonical product each err by g ||p|| ||x|| + eta at most, so they are at most twice that apart.
  struct Panel {
    const PointStore<T>* store;
    AlignedVector<T> packed, low, high;

    Panel(const PointStore<T>& points, double largest_norm, const T* normals, const double* thresholds, Index size)
        : store(&points),
          packed(static_cast<std::size_t>(points.dimension() * kPanel<T>)),
          low(static_cast<std::size_t>(kPanel<T>), std::numeric_limits<T>::infinity()),
          high(low) {
      const Index d = points.dimension();
      for (Index q = 0; q < size; ++q) {
        const T* x = normals + q * d;
        for (Index j = 0; j < d; ++j) packed[static_cast<std::size_t>(j * kPanel<T> + q)] = x[j];
        const double margin =
            (2 * dot_error_factor<T>(d) * largest_norm * euclidean_norm_bound(x, d) + 2 * dot_underflow<T>(d)) *
            (1 + 8 * kWiden);
        low[static_cast<std::size_t>(q)] = clamped_down<T>(thresholds[q] - margin);
        high[static_cast<std::size_t>(q)] = clamped_up<T>(thresholds[q] + margin);
      }
    }

    void scan(Index first, Index count, BlockHits hits) const {
      fused_scan(store->row(first), count, store->dimension(), packed.data(), low.data(), high.data(), hits);
    }
  };

  // Points of a block of at most 128 KiB, which stays in the second-level cache; whole tiles of every level.
  [[nodiscard]] Index block_points() const {
    const Index fit = 131072 / (store_.dimension() * static_cast<Index>(sizeof(T)));
    return std::clamp<Index>(fit, 12, kBlockPoints) / 12 * 12;
  }

  // Scores may not overflow on the way: then nothing is known of them, and every product is asked for.
  [[nodiscard]] bool scores_are_finite(const T* normals, Index queries) const {
    const double limit = static_cast<double>(std::numeric_limits<T>::max()) / 8;
    double largest = 0;
    for (Index q = 0; q < queries; ++q)
      largest = std::max(largest, euclidean_norm_bound(normals + q * store_.dimension(), store_.dimension()));
    return largest * largest_norm_ <= limit;
  }

  // take(q, slots, count) for the points that are reported, ascending for one query, block by block; queries of
  // different groups on several threads.
  template <class Take>
  Work scan_all(const T* normals, const double* thresholds, Index queries, int requested, Take&& take) const {
    const int threads = resolve_threads(requested);
    const Index d = store_.dimension();
    if (queries >= kFewQueries && scores_are_finite(normals, queries)) {
      const FloatingPointScope scope;
      scan_in_panels(
          store_.slots(), block_points(), queries, kPanel<T>, threads,
          [&](Index q, Index size) { return Panel(store_, largest_norm_, normals + q * d, thresholds + q, size); },
          [&](Index q, Index first, const std::uint16_t* offsets, Index found) {
            confirm(store_, q, normals + q * d, thresholds[q], first, offsets, found, take);
          });
    } else {
      const Index block = PointStore<T>::kRowsTogether;
      parallel_for(queries, threads, kQueriesTogether, [&](Index begin, Index end, int) {
        Work ignored;
        Slot32 slots[PointStore<T>::kRowsTogether];
        for (Index first = 0; first < store_.slots(); first += block) {
          keep_watch(static_cast<double>(first) / static_cast<double>(store_.slots()));
          for (Index q = begin; q < end; ++q) {
            Index size = 0;
            store_.scan(first, std::min(store_.slots(), first + block), normals + q * d, thresholds[q], ignored,
                        [&](Index slot) { slots[size++] = static_cast<Slot32>(slot); });
            take(q, static_cast<const Slot32*>(slots), size);
          }
        }
      });
    }
    Work work;  // a pair counts once, whether or not the canonical product had to confirm it
    work.inner_products = work.candidates = queries * store_.slots();
    return work;
  }

  void see_norms(Points<T> points) {
    for (Index k = 0; k < points.count; ++k) {
      keep_watch(static_cast<double>(k) / static_cast<double>(points.count));
      largest_norm_ = std::max(largest_norm_, euclidean_norm_bound(points.row(k), points.dimension));
    }
  }

  using ScannedIndex<T>::store_;
  double largest_norm_ = 0;  // at least that of every point there ever was
};

}  // namespace

template <class T>
BruteForce<T>::BruteForce(Points<T> points, const IndexOptions&)
    : ForwardingIndex<T>(std::make_unique<Scan<T>>(points)) {}
template <class T>
BruteForce<T>::BruteForce(const FlatReader& reader) : ForwardingIndex<T>(std::make_unique<Scan<T>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> BruteForce<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new BruteForce(*this));
}

template class BruteForce<float>;
template class BruteForce<double>;

}  // namespace sublinear
