// The points lie here, each at the slot of its id, and are never moved together: so a structure that is made anew over
// all of them has the same ids. Whoever was erased keeps its last coordinates.
//
// Thresholds. The structure's products err by at most g sum |p_j x_j| + eta, whatever the order of its sums (g, eta:
// inner_product.hpp, whose bound for d + 8 roundings covers the d of any order), and so does the canonical one. With
// |p_j x_j| summing to at most ||p|| ||x||, a point that reaches the threshold t canonically has a product of at least
// t - 2 (g ||p|| ||x|| + eta) there. That is rounded down to a number of T, and lowered by one more, so that > serves
// as well as >=. Structures may flush subnormal numbers to zero: eta is that of the smallest normal number.
#include "reporting/proposed_index.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "kernels/norm_bounds.hpp"
#include "reporting/checked_index.hpp"
#include "reporting/point_store.hpp"
#include "reporting/saved_index.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

template <class T>
bool Proposer<T>::insert(Points<T>) {
  return false;
}
template <class T>
bool Proposer<T>::move(const Index*, Index, const T*) {
  return false;
}
template <class T>
void Proposer<T>::erase(const Index*, Index) {}
template class Proposer<float>;
template class Proposer<double>;

namespace {

constexpr std::uint64_t kQueriesForACheck = 64;

template <class T>
class ProposedIndex final : public HalfSpaceIndex<T> {
 public:
  ProposedIndex(IndexInfo info, Points<T> points, ProposerFactory<T> factory)
      : info_(std::move(info)), factory_(std::move(factory)), store_(points.dimension) {
    require(factory_ != nullptr, "the factory is empty; give a function that makes the structure");
    store_.append(points);
    see_norms(points);
    proposer_ = make(all());
  }

  ProposedIndex(IndexInfo info, const FlatReader& reader, ProposerFactory<T> factory)
      : info_(std::move(info)), factory_(std::move(factory)), store_(reader.take_number("dimension")) {
    store_.load(reader);
    if (store_.ids().next_id() != store_.slots()) reader.fail("it has other ids than points");
    for (Index id = 0; id < store_.slots(); ++id)
      if (store_.slot(id) != IdMap::kGone && store_.slot(id) != id) reader.fail("an id is not in its place");
    see_norms(all());
    proposer_ = make(all());
  }

  // With a structure of its own.
  ProposedIndex(const ProposedIndex& other)
      : HalfSpaceIndex<T>(other),
        info_(other.info_),
        factory_(other.factory_),
        store_(other.store_),
        largest_norm_(other.largest_norm_),
        asked_(other.asked_.load()) {
    proposer_ = make(all());
  }

  [[nodiscard]] const char* name() const noexcept override { return info_.name.c_str(); }
  [[nodiscard]] bool exact() const noexcept override { return info_.exact; }
  [[nodiscard]] Index size() const noexcept override { return store_.alive(); }
  [[nodiscard]] Index dimension() const noexcept override { return store_.dimension(); }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return store_.bytes() + (proposer_ == nullptr ? 0 : proposer_->bytes());
  }
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override {
    return std::make_unique<ProposedIndex>(*this);
  }
  void save(FlatWriter& writer) const override {
    const std::int64_t dimension = store_.dimension(), no_leaves = 0;
    writer.add("leaf_size", &no_leaves, 1);
    writer.add("dimension", &dimension, 1);
    store_.save(writer);
  }

  Index insert(Points<T> points) override {
    check_points(points, store_.dimension());
    const Index first = store_.ids().next_id();
    if (points.count == 0) return first;
    change([&] { return proposer_ != nullptr && proposer_->insert(points); },
           [&](PointStore<T>& store) { store.append(points); });
    see_norms(points);
    return first;
  }

  void move(const Index* ids, Index count, const T* points) override {
    const std::vector<Index> slots = store_.slots_of(ids, count);
    store_.check_rows(points, count);
    if (count == 0) return;
    change([&] { return proposer_->move(ids, count, points); },
           [&](PointStore<T>& store) { store.overwrite(slots, points); });
    see_norms({points, count, store_.dimension()});
  }

  void erase(const Index* ids, Index count) override {
    const std::vector<Index> slots = store_.slots_of(ids, count);
    if (count == 0) return;
    change([&] { return proposer_->erase(ids, count), true; }, [&](PointStore<T>& store) { store.erase(slots); });
  }

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    store_.check_queries(normals, thresholds, queries);
    const FloatingPointScope scope;
    const int threads = resolve_threads(options.threads);
    const std::vector<Asked> asked = sort_out(normals, thresholds, queries);
    IdLists<Index> proposed;
    ask(asked, normals, threads, proposed);
    const std::uint64_t before = asked_.fetch_add(static_cast<std::uint64_t>(queries));
    const Work work = fill_lists<Index>(queries, threads, 1, out, [&](Index q, std::vector<Index>& ids, int) {
      const T* const normal = normals + q * store_.dimension();
      const Asked& each = asked[static_cast<std::size_t>(q)];
      const bool checked = info_.exact && (before + static_cast<std::uint64_t>(q)) % kQueriesForACheck == 0;
      const std::size_t begin = ids.size();
      Work own;
      if (each.place < 0) own += scan(normal, thresholds[q], ids);
      if (each.place >= 0 && checked) scan(normal, thresholds[q], ids);  // looks over its shoulder: not its work
      if (each.place >= 0) own += judge(q, normal, thresholds[q], proposed, each.place, checked, begin, ids);
      if (options.limit < static_cast<Index>(ids.size() - begin))
        ids.resize(begin + static_cast<std::size_t>(options.limit));
      own.fired = static_cast<std::int64_t>(ids.size() - begin);
      return own;
    });
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    require_pointer(counts, queries, "counts");
    IdLists<Index> lists;
    const Work work = report(normals, thresholds, queries, threads, lists);
    for (Index q = 0; q < queries; ++q) counts[q] = lists.length(q);
    return work;
  }

  Work top(const T* normals, Index queries, Index k, int threads, TopLists<T>& out) const override {
    check_normals(normals, queries, store_.dimension());
    require(k >= 0, "k is negative; give the number of points wanted");
    const FloatingPointScope scope;
    const Work work = fill_lists<Index>(
        queries, resolve_threads(threads), 1, out.lists,
        [&](Index q, std::vector<Index>& ids, int) { return append_top(normals + q * store_.dimension(), k, ids); });
    out.products.clear();
    for (Index q = 0; q < queries; ++q)
      for (const Index* id = out.lists.begin(q); id != out.lists.end(q); ++id)
        out.products.push_back(inner_product(store_.row(*id), normals + q * store_.dimension(), store_.dimension()));
    return work;
  }

 private:
  // By a scan: structures are not asked for it.
  Work append_top(const T* normal, Index k, std::vector<Index>& ids) const {
    std::vector<std::pair<T, Index>> ranked;
    Work work;
    for (Index slot = 0; slot < store_.slots(); ++slot) {
      if (!store_.is_alive(slot)) continue;
      const T product = inner_product(store_.row(slot), normal, store_.dimension());
      ++work.inner_products;
      if (product == product) ranked.emplace_back(-product, slot);
    }
    std::sort(ranked.begin(), ranked.end());
    if (k < static_cast<Index>(ranked.size())) ranked.resize(static_cast<std::size_t>(k));
    for (const auto& each : ranked) ids.push_back(each.second);
    return work;
  }

  // What becomes of a query: its place among those that the structure is asked, or -1, and the threshold there.
  struct Asked {
    Index place = -1;
    double threshold = 0;
  };

  [[nodiscard]] Points<T> all() const { return {store_.row(0), store_.slots(), store_.dimension()}; }

  void see_norms(Points<T> points) {
    for (Index k = 0; k < points.count; ++k)
      largest_norm_ = std::max(largest_norm_, euclidean_norm_bound(points.row(k), points.dimension));
  }

  [[nodiscard]] std::unique_ptr<Proposer<T>> make(Points<T> points) const {
    if (points.count == 0) return nullptr;
    std::unique_ptr<Proposer<T>> made = factory_(points);
    if (made == nullptr) throw PluginError("the factory of index \"" + info_.name + "\" made nothing");
    return made;
  }

  // Changes the points: `by_itself` the structure, unless that is not offered and it is made anew, and `apply` the
  // store. What throws changes nothing.
  template <class ByItself, class Apply>
  void change(ByItself&& by_itself, Apply&& apply) {
    bool done = false;
    try {
      done = by_itself();
      if (done) apply(store_);
    } catch (...) {
      proposer_ = make(all());  // it may have stopped half-way
      throw;
    }
    if (done) return;
    PointStore<T> next = store_;
    apply(next);
    proposer_ = make({next.row(0), next.slots(), next.dimension()});
    std::swap(store_, next);
  }

  [[nodiscard]] std::vector<Asked> sort_out(const T* normals, const double* thresholds, Index queries) const {
    const Index d = store_.dimension();
    const double g = dot_error_factor<T>(d);
    const double eta = static_cast<double>(d + 8) * static_cast<double>(std::numeric_limits<T>::min());
    const double largest = static_cast<double>(std::numeric_limits<T>::max()) / 4;
    std::vector<Asked> asked(static_cast<std::size_t>(queries));
    Index places = 0;
    for (Index q = 0; q < queries; ++q) {
      Asked& each = asked[static_cast<std::size_t>(q)];
      const double size = euclidean_norm_bound(normals + q * d, d) * largest_norm_ * (1 + 4 * kWiden);
      const double lowered = thresholds[q] - 2 * (g * size + eta) * (1 + 8 * kWiden);
      if (proposer_ == nullptr || !(size < largest) || !(std::abs(lowered) < largest)) continue;
      each.place = places++;
      each.threshold = static_cast<double>(
          std::nextafter(round_down<T>(lowered - std::abs(lowered) * kWiden), -std::numeric_limits<T>::infinity()));
    }
    return asked;
  }

  // Asks the structure what `sort_out` left for it.
  void ask(const std::vector<Asked>& asked, const T* normals, int threads, IdLists<Index>& proposed) const {
    const Index d = store_.dimension();
    AlignedVector<T> some;
    std::vector<double> thresholds;
    for (std::size_t q = 0; q < asked.size(); ++q) {
      if (asked[q].place < 0) continue;
      const T* const normal = normals + static_cast<Index>(q) * d;
      some.insert(some.end(), normal, normal + d);
      thresholds.push_back(asked[q].threshold);
    }
    if (thresholds.empty()) return;
    proposer_->propose(some.data(), thresholds.data(), static_cast<Index>(thresholds.size()), threads, proposed);
    check_offsets(proposed, static_cast<Index>(thresholds.size()), [this](const std::string& why) { refuse(why); });
    for (std::size_t q = 0; q < asked.size(); ++q)
      if (asked[q].place >= 0) check_range(static_cast<Index>(q), proposed, asked[q].place);
  }

  void check_range(Index q, const IdLists<Index>& proposed, Index place) const {
    for (const Index* id = proposed.begin(place); id != proposed.end(place); ++id)
      if (*id < 0 || *id >= store_.slots())
        refuse("query " + std::to_string(q) + " has id " + std::to_string(*id) + "; ids are 0 to " +
               std::to_string(store_.slots() - 1));
  }

  Work scan(const T* normal, double threshold, std::vector<Index>& ids) const {
    Work work;
    store_.scan(0, store_.slots(), normal, threshold, work, [&](Index slot) { ids.push_back(slot); });
    return work;
  }

  // Appends those of the proposals that reach the threshold, ascending; where `checked`, the ids from `begin` on are
  // those of a scan, and have to be the same.
  Work judge(Index q, const T* normal, double threshold, const IdLists<Index>& proposed, Index place, bool checked,
             std::size_t begin, std::vector<Index>& ids) const {
    std::vector<Index> list(proposed.begin(place), proposed.end(place));
    std::sort(list.begin(), list.end());
    const auto twice = std::adjacent_find(list.begin(), list.end());
    if (twice != list.end())
      refuse("query " + std::to_string(q) + " has id " + std::to_string(*twice) + " more than once; give each once");
    Work work;
    work.inner_products = work.candidates = static_cast<std::int64_t>(list.size());
    const auto falls_short = [&](Index id) {
      const T product = inner_product(store_.row(id), normal, store_.dimension());
      return !(static_cast<double>(product) >= threshold) || !store_.is_alive(id);
    };
    list.erase(std::remove_if(list.begin(), list.end(), falls_short), list.end());
    if (!checked) {
      ids.insert(ids.end(), list.begin(), list.end());
      return work;
    }
    for (std::size_t k = begin; k < ids.size(); ++k)
      if (k - begin >= list.size() || list[k - begin] != ids[k])
        refuse("query " + std::to_string(q) + " lacks id " + std::to_string(ids[k]) +
               ", which reaches the threshold; give every point that does, or register the index with exact = false");
    return work;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw PluginError("index \"" + info_.name + "\", answer of report_batch: " + why);
  }

  IndexInfo info_;
  ProposerFactory<T> factory_;
  PointStore<T> store_;
  double largest_norm_ = 0;                      // of all points there ever were, rounded outward
  std::unique_ptr<Proposer<T>> proposer_;        // null while there are no points
  mutable std::atomic<std::uint64_t> asked_{0};  // queries so far
};

}  // namespace

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_proposed_index(const IndexInfo& info, Points<T> points,
                                                       const ProposerFactory<T>& factory) {
  return std::make_unique<ProposedIndex<T>>(info, points, factory);
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> load_proposed_index(const IndexInfo& info, const FlatReader& reader,
                                                       const ProposerFactory<T>& factory) {
  return std::make_unique<ProposedIndex<T>>(info, reader, factory);
}

#define SUBLINEAR_INSTANTIATE(T)                                                                          \
  template std::unique_ptr<HalfSpaceIndex<T>> make_proposed_index<T>(const IndexInfo&, Points<T>,         \
                                                                     const ProposerFactory<T>&);          \
  template std::unique_ptr<HalfSpaceIndex<T>> load_proposed_index<T>(const IndexInfo&, const FlatReader&, \
                                                                     const ProposerFactory<T>&);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
