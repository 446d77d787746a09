// One tree for all bounds: a node is all in, all out, or descended into.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "kernels/node_groups.hpp"
#include "reporting/far_side.hpp"
#include "reporting/top_heap.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"

namespace sublinear {

// Points in strips of 16: coordinate j of the point at position p is [(p / 16 * d + j) * 16 + p % 16].
template <class T>
class Strips {
 public:
  Strips(Index count, Index dimension)
      : dimension_(dimension),
        values_(static_cast<std::size_t>((count + kSiblings - 1) / kSiblings * kSiblings * dimension)) {}

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  [[nodiscard]] const T* strip(Index s) const noexcept { return values_.data() + s * dimension_ * kSiblings; }
  [[nodiscard]] T value(Index p, Index j) const noexcept { return strip(p / kSiblings)[j * kSiblings + p % kSiblings]; }
  void read(Index p, T* row) const noexcept {
    for (Index j = 0; j < dimension_; ++j) row[j] = value(p, j);
  }
  void write(Index p, const T* row) noexcept {
    T* at = values_.data() + p / kSiblings * dimension_ * kSiblings + p % kSiblings;
    for (Index j = 0; j < dimension_; ++j) at[j * kSiblings] = row[j];
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return values_.capacity() * sizeof(T); }

 private:
  Index dimension_;
  AlignedVector<T> values_;
};

// A value of one sibling in its group.
template <class T>
struct Slot {
  T* group;
  Index sibling;
  [[nodiscard]] T& operator[](Index value) const noexcept { return group[value * kSiblings + sibling]; }
};

// A static tree over points that it keeps in an order of its own, as a part of a DynamicIndex.
//
// The tree has no pointers: a leaf is `leaf_size` consecutive points, and node k of level l is above nodes
// 16 k ... 16 k + 15 of level l - 1. Sixteen siblings are one group, bounded together by one call of a kernel. The
// points are halved again and again where a child of a node ends, so that every node is full but the last of its level.
//
// `Bound` says what is known of a node, in `values(d)` numbers, and how points are halved:
//   kName, kMoves (whether bounds can follow points that move), kLeafSize
//   check_dimension(d); values(d); bound(...): a kernel of node_groups.hpp
//   Splitter(points, d): split(shape, rows, count, keys) gives the numbers by which to halve some points, and
//     halves(shape, rows, middle, count) the shapes of the two
//   cover(shape, strips, begin, end, slot): the bound of these points; join(...): that of a node from its children's,
//     for bounds that move; extent(slot, d): how large a bound is, which a tree whose points move watches
//   save / load of the shapes, for bounds that have them
template <class T, class Bound>
class WideTree {
 public:
  static constexpr const char* kName = Bound::kName;
  static constexpr bool kMoves = Bound::kMoves;
  using Order = std::vector<std::int32_t>;

  struct Options {
    Index leaf_size = 0;
  };

  static void check_dimension(Index d) { Bound::check_dimension(d); }

  // Row order[p] of the points becomes position p.
  WideTree(Points<T> points, const Options& options, Order& order)
      : leaf_size_(leaf_size(options)), count_(points.count), strips_(points.count, points.dimension) {
    order.resize(static_cast<std::size_t>(count_));
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = static_cast<std::int32_t>(k);
    make_levels();
    if (count_ == 0) return;
    std::vector<std::pair<T, std::int32_t>> keys(order.size()), selected(order.size());
    typename Bound::Splitter splitter(points);
    Building building{points, order, keys, selected, splitter, shapes_of_levels(), 0};
    build(building, static_cast<int>(levels_.size()) - 1, 0, splitter.whole(order.data(), count_));
    for (Index p = 0; p < count_; ++p) strips_.write(p, points.row(order[static_cast<std::size_t>(p)]));
    cover_all(building.shapes);
  }

  [[nodiscard]] Index size() const noexcept { return count_; }
  [[nodiscard]] Index chosen_leaf_size() const noexcept { return leaf_size_; }
  void read(Index position, T* row) const noexcept { strips_.read(position, row); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t sum = strips_.bytes();
    for (const Level& level : levels_) sum += level.groups.capacity() * sizeof(T);
    return sum;
  }

  // Asks several queries, which share what they read while it is in the cache. For query q, sinks(q) is told of the far
  // points at positions in [begin, end), a multiple of 16 or the size: range(first, last) of points that are all on the
  // far side, strip(first, bits) of points from `first` on. One that returns false hears no more.
  template <class Sinks>
  void visit(const FarSide<T>* queries, Index count, Index begin, Index end, Work* works, Sinks&& sinks) const {
    if (count_ == 0) return;
    // First down to subtrees that fit the cache, then subtree by subtree, all queries that enter it one after the
    // other.
    const int top = static_cast<int>(levels_.size()) - 1, split = std::min(top, kept_level_);
    Scratch scratch;
    std::vector<std::vector<std::int32_t>> nodes(static_cast<std::size_t>(count));
    std::vector<std::size_t> next(static_cast<std::size_t>(count));
    for (Index q = 0; q < count; ++q) {
      const auto at = static_cast<std::size_t>(q);
      scratch.groups.assign(1, 0);
      if (descend(queries[q], top, split, begin, end, works[q], scratch, sinks(q))) nodes[at] = scratch.groups;
    }
    constexpr std::int32_t kNone = std::numeric_limits<std::int32_t>::max();
    for (;;) {
      std::int32_t node = kNone;
      for (std::size_t q = 0; q < next.size(); ++q)
        if (next[q] < nodes[q].size()) node = std::min(node, nodes[q][next[q]]);
      if (node == kNone) return;
      for (Index q = 0; q < count; ++q) {
        const auto at = static_cast<std::size_t>(q);
        if (next[at] == nodes[at].size() || nodes[at][next[at]] != node) continue;
        ++next[at];
        scratch.groups.assign(1, node);
        if (!descend(queries[q], split - 1, 0, begin, end, works[q], scratch, sinks(q)) ||
            !look(queries[q], scratch.groups, works[q], scratch, sinks(q)))
          next[at] = nodes[at].size();
      }
    }
  }

  // Offers heap.offer(product, position) every point that may be among the best; heap.bound() is what a product has to
  // reach.
  template <class Heap>
  void top(const FarSide<T>& query, Work& work, Heap&& heap) const {
    if (count_ > 0) top_below(query, static_cast<int>(levels_.size()) - 1, 0, work, heap);
  }

  // New coordinates for the points at these positions. Returns whether the bounds are still about as tight as when the
  // tree was built.
  bool move(const std::vector<std::pair<Index, const T*>>& moves) noexcept {
    for (const auto& [position, row] : moves) {
      strips_.write(position, row);
      levels_[0].stale[static_cast<std::size_t>(position / leaf_size_)] = 1;
    }
    refit();
    return extent_ <= 2 * built_extent_;
  }

  // What cannot be made again from the points in their order: the shapes, if the bound has any.
  template <class Writer>
  void save(Writer& writer, const std::string& prefix) const {
    if constexpr (Bound::kHasShapes)
      for (std::size_t l = 0; l < levels_.size(); ++l)
        writer.add(prefix + "level" + std::to_string(l), levels_[l].groups.data(), levels_[l].groups.size());
  }

  // A tree over points that are in its order already.
  template <class Reader>
  WideTree(Points<T> points, const Options& options, const Reader& reader, const std::string& prefix)
      : leaf_size_(leaf_size(options)), count_(points.count), strips_(points.count, points.dimension) {
    make_levels();
    for (Index p = 0; p < count_; ++p) strips_.write(p, points.row(p));
    std::vector<std::vector<typename Bound::Shape>> shapes = shapes_of_levels();
    static_cast<void>(reader);
    static_cast<void>(prefix);
    if constexpr (Bound::kHasShapes)
      for (std::size_t l = 0; l < levels_.size(); ++l) {
        const std::vector<T> values =
            reader.template take<T>(prefix + "level" + std::to_string(l), levels_[l].groups.size());
        for (std::size_t k = 0; k < shapes[l].size(); ++k)
          shapes[l][k] = Bound::read_shape(values.data(), points.dimension, static_cast<Index>(k));
      }
    cover_all(shapes);
  }

  // How many leaves the hyperplane cuts: the crossing number of the partition into leaves.
  [[nodiscard]] Index crossed_leaves(const FarSide<T>& query) const {
    if (count_ == 0) return 0;
    struct Nothing {
      bool range(Index, Index) { return true; }
    } nothing;
    Scratch scratch;
    Work work;
    scratch.groups.assign(1, 0);
    descend(query, static_cast<int>(levels_.size()) - 1, 0, 0, count_, work, scratch, nothing);
    return static_cast<Index>(scratch.groups.size());
  }
  [[nodiscard]] Index leaves() const noexcept { return nodes_of(0); }

 private:
  struct Level {
    Index points;             // of a full node
    AlignedVector<T> groups;  // values of siblings, group by group
    std::vector<char> stale;  // per node: a point below has moved since the bound was made
  };

  struct Scratch {
    std::vector<std::int32_t> groups, next, strips;
    std::vector<GroupSides> sides;
    std::vector<std::uint16_t> hits;
  };

  struct Building {
    Points<T> points;
    Order& order;
    std::vector<std::pair<T, std::int32_t>>&keys, &selected;  // as `order`; room for as many
    typename Bound::Splitter& splitter;
    std::vector<std::vector<typename Bound::Shape>> shapes;  // per level and node
    Index told;
  };

  static Index leaf_size(const Options& options) {
    const Index wanted = options.leaf_size > 0 ? options.leaf_size : Bound::kLeafSize;
    return (wanted + kSiblings - 1) / kSiblings * kSiblings;
  }

  [[nodiscard]] Index nodes_of(int level) const noexcept {
    const Index points = levels_[static_cast<std::size_t>(level)].points;
    return (count_ + points - 1) / points;
  }
  [[nodiscard]] Slot<T> slot(std::size_t level, Index node) noexcept {
    const Index values = Bound::values(strips_.dimension());
    return {levels_[level].groups.data() + node / kSiblings * values * kSiblings, node % kSiblings};
  }

  void make_levels() {
    for (Index points = leaf_size_;; points *= kSiblings) {
      const Index nodes = (count_ + points - 1) / points, groups = (nodes + kSiblings - 1) / kSiblings;
      levels_.push_back(
          {points, AlignedVector<T>(static_cast<std::size_t>(groups * kSiblings * Bound::values(strips_.dimension()))),
           std::vector<char>(static_cast<std::size_t>(nodes), 1)});
      if (nodes <= kSiblings) break;
    }
    // The subtree of a node of this level fits the second-level cache, about.
    while (kept_level_ + 1 < static_cast<int>(levels_.size()) &&
           levels_[static_cast<std::size_t>(kept_level_) + 1].points * strips_.dimension() *
                   static_cast<Index>(sizeof(T)) <=
               kKeptBytes)
      ++kept_level_;
  }

  [[nodiscard]] std::vector<std::vector<typename Bound::Shape>> shapes_of_levels() const {
    std::vector<std::vector<typename Bound::Shape>> shapes;
    for (const Level& level : levels_) shapes.emplace_back(Bound::kHasShapes ? level.stale.size() : 0);
    return shapes;
  }

  // Arranges the points of the siblings of a group.
  void build(Building& to, int level, Index group, const typename Bound::Shape& shape) const {
    const Index nodes = std::min(kSiblings, nodes_of(level) - group * kSiblings);
    halve(to, level, group * kSiblings, group * kSiblings + nodes, shape);
  }

  // Arranges the points of the nodes [first, last) of a level, and those below.
  void halve(Building& to, int level, Index first, Index last, const typename Bound::Shape& shape) const {
    const Index each = levels_[static_cast<std::size_t>(level)].points;
    const Index begin = first * each, end = std::min(count_, last * each);
    if (last - first == 1) {
      if constexpr (Bound::kHasShapes)
        to.shapes[static_cast<std::size_t>(level)][static_cast<std::size_t>(first)] = shape;
      if (level > 0) {
        build(to, level - 1, first, shape);
      } else if (end - to.told >= (Index{1} << 13)) {
        to.told = end;
        keep_watch(static_cast<double>(end) / static_cast<double>(count_));
      }
      return;
    }
    const Index half = (last - first) / 2, middle = half * each;
    std::int32_t* const rows = to.order.data() + begin;
    const auto keys = to.keys.begin() + begin;
    to.splitter.split(shape, rows, end - begin, to.keys.data() + begin);
    // Ties are broken by row, so that the halves are a function of the points alone; and rows ascend within each,
    // because the order in which std::nth_element leaves them is the standard library's own.
    const auto selected = to.selected.begin();
    std::copy(keys, keys + (end - begin), selected);
    std::nth_element(selected, selected + middle, selected + (end - begin));
    std::stable_partition(keys, keys + (end - begin),
                          [&pivot = selected[middle]](const auto& key) { return key < pivot; });
    for (Index k = 0; k < end - begin; ++k) rows[k] = keys[k].second;
    const auto shapes = to.splitter.halves(shape, rows, to.keys.data() + begin, middle, end - begin);
    halve(to, level, first, first + half, shapes.first);
    halve(to, level, first + half, last, shapes.second);
  }

  void cover_all(const std::vector<std::vector<typename Bound::Shape>>& shapes) {
    for (std::size_t level = 0; level < levels_.size(); ++level)
      for (Index node = 0; node < nodes_of(static_cast<int>(level)); ++node) {
        const Index each = levels_[level].points;
        Bound::cover(Bound::kHasShapes ? &shapes[level][static_cast<std::size_t>(node)] : nullptr, strips_, node * each,
                     std::min(count_, (node + 1) * each), slot(level, node));
        levels_[level].stale[static_cast<std::size_t>(node)] = 0;
        if (level == 0) extent_ += Bound::extent(slot(0, node), strips_.dimension());
      }
    built_extent_ = extent_;
  }

  // Makes the bounds of stale nodes again, children before parents. Allocates nothing.
  void refit() noexcept {
    if constexpr (Bound::kMoves)
      for (std::size_t level = 0; level < levels_.size(); ++level)
        for (Index node = 0; node < nodes_of(static_cast<int>(level)); ++node) {
          char& stale = levels_[level].stale[static_cast<std::size_t>(node)];
          if (stale == 0) continue;
          stale = 0;
          if (level == 0) extent_ -= Bound::extent(slot(0, node), strips_.dimension());
          if (level == 0)
            Bound::cover(nullptr, strips_, node * leaf_size_, std::min(count_, (node + 1) * leaf_size_), slot(0, node));
          else
            Bound::join(slot(level - 1, node * kSiblings).group,
                        std::min(kSiblings, nodes_of(static_cast<int>(level) - 1) - node * kSiblings),
                        strips_.dimension(), slot(level, node));
          if (level == 0) extent_ += Bound::extent(slot(0, node), strips_.dimension());
          if (level + 1 < levels_.size()) levels_[level + 1].stale[static_cast<std::size_t>(node / kSiblings)] = 1;
        }
  }

  // From the groups of level `from` in scratch.groups to the nodes of level `to` that the hyperplane may cut.
  template <class Sink>
  bool descend(const FarSide<T>& query, int from, int to, Index begin, Index end, Work& work, Scratch& scratch,
               Sink&& sink) const {
    for (int level = from; level >= to; --level) {
      const Level& own = levels_[static_cast<std::size_t>(level)];
      const auto groups = static_cast<Index>(scratch.groups.size());
      scratch.sides.resize(scratch.groups.size());
      Bound::bound(own.groups.data(), strips_.dimension(), scratch.groups.data(), groups, query.bound,
                   scratch.sides.data(), nullptr);
      scratch.next.clear();
      const Index nodes = nodes_of(level);
      for (Index k = 0; k < groups; ++k) {
        const Index first = Index{scratch.groups[static_cast<std::size_t>(k)]} * kSiblings;
        const Index valid = std::min(kSiblings, nodes - first);
        work.bounds += valid;
        const GroupSides sides = scratch.sides[static_cast<std::size_t>(k)];
        unsigned possible = sides.possible & ((1U << valid) - 1);
        for (; possible != 0; possible &= possible - 1) {
          const int bit = __builtin_ctz(possible);
          const Index node = first + bit, low = std::max(begin, node * own.points);
          const Index high = std::min({end, count_, (node + 1) * own.points});
          if (low >= high) continue;
          if ((sides.inside >> bit & 1U) == 0) {
            scratch.next.push_back(static_cast<std::int32_t>(node));
            prefetch_below(level, node);
          } else if (!sink.range(low, high))
            return false;
        }
      }
      scratch.groups.swap(scratch.next);
    }
    return true;
  }

  // Asks for what a look below a node reads first, some work before it does.
  void prefetch_below(int level, Index node) const noexcept {
    const Index d = strips_.dimension(), values = level > 0 ? Bound::values(d) : d;
    const T* const from = level > 0
                              ? levels_[static_cast<std::size_t>(level) - 1].groups.data() + node * values * kSiblings
                              : strips_.strip(node * (leaf_size_ / kSiblings));
    const auto bytes = std::min<Index>(values * kSiblings * static_cast<Index>(sizeof(T)), kAheadBytes);
    for (Index at = 0; at < bytes; at += 64) __builtin_prefetch(reinterpret_cast<const char*>(from) + at);
  }

  // Looks at the points of these leaves.
  template <class Sink>
  bool look(const FarSide<T>& query, const std::vector<std::int32_t>& leaves, Work& work, Scratch& scratch,
            Sink&& sink) const {
    const Index each = leaf_size_ / kSiblings, last = (count_ + kSiblings - 1) / kSiblings;
    scratch.strips.clear();
    for (const std::int32_t leaf : leaves)
      for (Index s = leaf * each; s < std::min(last, (leaf + 1) * each); ++s)
        scratch.strips.push_back(static_cast<std::int32_t>(s));
    const auto strips = static_cast<Index>(scratch.strips.size());
    scratch.hits.resize(scratch.strips.size());
    strip_hits(strips_.strip(0), strips_.dimension(), scratch.strips.data(), strips, query.bound.normal, query.limit,
               scratch.hits.data());
    for (Index k = 0; k < strips; ++k) {
      const Index first = Index{scratch.strips[static_cast<std::size_t>(k)]} * kSiblings;
      const Index valid = std::min(kSiblings, count_ - first);
      work.inner_products += valid;
      work.candidates += valid;
      const unsigned bits = scratch.hits[static_cast<std::size_t>(k)] & ((1U << valid) - 1);
      if (bits != 0 && !sink.strip(first, bits)) return false;
    }
    return true;
  }

  template <class Heap>
  void top_below(const FarSide<T>& query, int level, std::int32_t group, Work& work, Heap& heap) const {
    GroupSides sides;
    T highs[kSiblings];
    Bound::bound(levels_[static_cast<std::size_t>(level)].groups.data(), strips_.dimension(), &group, 1, query.bound,
                 &sides, highs);
    const Index first = Index{group} * kSiblings, valid = std::min(kSiblings, nodes_of(level) - first);
    work.bounds += valid;
    // The best first: what it holds lets the others be passed over. NaN, of which nothing is known, before all.
    int order[kSiblings];
    for (int k = 0; k < valid; ++k) order[k] = k;
    const auto key = [&](int k) { return highs[k] == highs[k] ? highs[k] : std::numeric_limits<T>::infinity(); };
    std::sort(order, order + valid, [&](int a, int b) { return key(a) > key(b) || (key(a) == key(b) && a < b); });
    for (int k = 0; k < valid; ++k) {
      if (static_cast<double>(key(order[k])) < heap.bound()) return;
      const Index node = first + order[k];
      if (level > 0) {
        top_below(query, level - 1, static_cast<std::int32_t>(node), work, heap);
        continue;
      }
      const Index end = std::min(count_, (node + 1) * leaf_size_);
      for (Index p = node * leaf_size_; p < end; p += kSiblings) {
        T products[kSiblings];
        strip_products(strips_.strip(p / kSiblings), strips_.dimension(), query.bound.normal, products);
        for (Index s = 0; s < std::min(kSiblings, end - p); ++s) heap.offer(products[s], p + s);
        work.inner_products += std::min(kSiblings, end - p);
        work.candidates += std::min(kSiblings, end - p);
      }
    }
  }

  static constexpr Index kKeptBytes = 1 << 19, kAheadBytes = 512;

  Index leaf_size_, count_;
  int kept_level_ = 0;
  Strips<T> strips_;
  std::vector<Level> levels_;  // leaves first
  double extent_ = 0, built_extent_ = 0;
};

}  // namespace sublinear
