#include "sublinear/reporting/brute_force.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "reporting/point_store.hpp"

namespace sublinear {
namespace {

template <class T>
class Scan final : public HalfSpaceIndex<T> {
 public:
  explicit Scan(Points<T> points) : store_(points.dimension) { store_.append(points); }

  [[nodiscard]] const char* name() const noexcept override { return "brute-force"; }
  [[nodiscard]] Index size() const noexcept override { return store_.alive(); }
  [[nodiscard]] Index dimension() const noexcept override { return store_.dimension(); }
  [[nodiscard]] std::size_t bytes() const noexcept override { return store_.bytes(); }

  Index insert(Points<T> points) override { return store_.append(points); }

  void erase(const Index* ids, Index count) override {
    const std::vector<Index> positions = store_.positions(ids, count);
    store_.erase(positions);
    if (2 * store_.alive() >= store_.slots()) return;
    try {
      store_.arrange(store_.alive_positions());
    } catch (const std::bad_alloc&) {  // only a saving: left for later where memory is short
    }
  }

  void move(const Index* ids, Index count, const T* points) override {
    const std::vector<Index> positions = store_.positions(ids, count);
    store_.check_rows(points, count);
    store_.overwrite(positions, points);
  }

  Work report(const T* normals, const double* thresholds, Index queries, int threads,
              IdLists<Index>& out) const override {
    store_.check_queries(normals, thresholds, queries);
    std::vector<std::vector<Index>> found(static_cast<std::size_t>(queries));
    const Work scanned = scan_all(normals, thresholds, queries, threads,
                                  [&](Index q, Index id) { found[static_cast<std::size_t>(q)].push_back(id); });
    Work work = fill_lists(queries, resolve_threads(threads), kQueriesTogether, out,
                           [&](Index q, std::vector<Index>& part, int) {
                             std::vector<Index>& own = found[static_cast<std::size_t>(q)];
                             part.insert(part.end(), own.begin(), own.end());
                             own = {};
                             return Work{};
                           });
    work += scanned;
    work.fired = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    store_.check_queries(normals, thresholds, queries);
    std::fill(counts, counts + queries, Index{0});
    Work work = scan_all(normals, thresholds, queries, threads, [&](Index q, Index) { ++counts[q]; });
    for (Index q = 0; q < queries; ++q) work.fired += counts[q];
    return work;
  }

 private:
  static constexpr Index kQueriesTogether = 16;  // they share each block of points while it is in the cache

  // take(q, id) for every reported point, ascending for one query; queries of different groups on several threads.
  template <class Take>
  Work scan_all(const T* normals, const double* thresholds, Index queries, int threads, Take&& take) const {
    const Index d = store_.dimension(), block = PointStore<T>::kRowsTogether;
    parallel_for(queries, resolve_threads(threads), kQueriesTogether, [&](Index begin, Index end, int) {
      Work ignored;
      for (Index first = 0; first < store_.slots(); first += block)
        for (Index q = begin; q < end; ++q)
          store_.scan(first, std::min(store_.slots(), first + block), normals + q * d, thresholds[q], ignored,
                      [&](Index id) { take(q, id); });
    });
    Work work;
    work.inner_products = work.candidates = queries * store_.slots();
    return work;
  }

  PointStore<T> store_;
};

}  // namespace

template <class T>
BruteForce<T>::BruteForce(Points<T> points) : ForwardingIndex<T>(std::make_unique<Scan<T>>(points)) {}

template class BruteForce<float>;
template class BruteForce<double>;

}  // namespace sublinear
