// One tree for all bounds: a node is all in, all out, or descended into.
#pragma once

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "kernels/norm_bounds.hpp"
#include "reporting/point_store.hpp"
#include "sublinear/reporting/tree_options.hpp"

namespace sublinear {

// A query as bounds see it.
template <class T>
struct BoundQuery {
  const T* normal;
  double norm;  // of the normal, rounded outward
};

// Where the canonical products of a node's points lie, with all rounding; `certain` is false where a product could
// overflow, and then nothing is known.
struct Interval {
  double low, high;
  bool certain;
};

// The rounding that a bound has to allow for. A canonical product of a point p with ||p|| <= size differs from the
// exact one by at most g size ||q|| + eta (kernels/inner_product.hpp). `own` is the relative error, of the same scale,
// with which a bound computes its middle or ends.
template <class T>
[[nodiscard]] Interval widened(double low, double high, double size, double own, Index d, const BoundQuery<T>& query) {
  const double scale = size * query.norm;
  const double margin = ((dot_error_factor<T>(d) + own) * scale + 2 * dot_underflow<T>(d)) * (1 + 0x1p-40);
  return {low - margin, high + margin, scale < static_cast<double>(std::numeric_limits<T>::max()) / 4};
}

// The tree. `Bound` holds what it knows of every node, flat, and offers
//   Bound(dimension); name(); resize(nodes); bytes()
//   split(store, positions, node): a number per position by which to halve them (the median goes right)
//   cover(store, begin, end, node): the living points at [begin, end)
//   join(left, right, node): two nodes, of which `node` is the parent
//   interval(query, node); extent(node): how large the bound is, which the tree watches
//
// Points lie in the store in the order of the leaves, so that a leaf is one contiguous block; inserted ones wait behind
// them, where queries scan. Nodes are in preorder: the left child follows its parent.
template <class T, template <class> class Bound>
class BoundTree final : public HalfSpaceIndex<T> {
 public:
  BoundTree(Points<T> points, TreeOptions options)
      : leaf_size_(options.leaf_size), store_(points.dimension), bound_(points.dimension) {
    require(leaf_size_ >= 1, "leaf_size is below 1; a leaf holds at least one point");
    store_.append(points);
    rebuild();
  }

  [[nodiscard]] const char* name() const noexcept override { return Bound<T>::name(); }
  [[nodiscard]] Index size() const noexcept override { return store_.alive(); }
  [[nodiscard]] Index dimension() const noexcept override { return store_.dimension(); }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return store_.bytes() + nodes_.capacity() * sizeof(Node) + bound_.bytes();
  }

  Index insert(Points<T> points) override {
    const Index first = store_.append(points);
    if (store_.slots() - in_tree_ > std::max(leaf_size_, in_tree_ / 8)) rebuild_if_possible();
    return first;
  }

  void erase(const Index* ids, Index count) override {
    const std::vector<Index> positions = store_.positions(ids, count);
    store_.erase(positions);
    for (const Index position : positions) visit_path(position, [](Node& node) { --node.alive; });
    if (2 * store_.alive() < store_.slots()) rebuild_if_possible();
  }

  void move(const Index* ids, Index count, const T* points) override {
    const std::vector<Index> positions = store_.positions(ids, count);
    store_.check_rows(points, count);
    store_.overwrite(positions, points);
    for (const Index position : positions) visit_path(position, [](Node& node) { node.stale = true; });
    refit();
    if (extent_of_leaves() > 2 * built_extent_) rebuild_if_possible();
  }

  Work report(const T* normals, const double* thresholds, Index queries, int threads,
              IdLists<Index>& out) const override {
    store_.check_queries(normals, thresholds, queries);
    Work work = fill_lists(queries, resolve_threads(threads), 1, out, [&](Index q, std::vector<Index>& ids, int) {
      const auto before = static_cast<std::ptrdiff_t>(ids.size());
      Work own;
      visit(
          normals + q * dimension(), thresholds[q], own, [&](Index id) { ids.push_back(id); },
          [&](const Node& node) {
            for (Index position = node.begin; position < node.end; ++position)
              if (store_.is_alive(position)) ids.push_back(store_.id(position));
          });
      std::sort(ids.begin() + before, ids.end());
      return own;
    });
    work.fired = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    store_.check_queries(normals, thresholds, queries);
    std::vector<Work> works(static_cast<std::size_t>(queries));
    parallel_for(queries, resolve_threads(threads), 1, [&](Index begin, Index end, int) {
      for (Index q = begin; q < end; ++q) {
        Index found = 0;
        visit(
            normals + q * dimension(), thresholds[q], works[static_cast<std::size_t>(q)], [&](Index) { ++found; },
            [&](const Node& node) { found += node.alive; });
        counts[q] = found;
      }
    });
    Work work;
    for (Index q = 0; q < queries; ++q) {
      work += works[static_cast<std::size_t>(q)];
      work.fired += counts[q];
    }
    return work;
  }

 private:
  struct Node {
    Index begin, end, alive;
    Index right;  // the right child; 0 for a leaf
    bool stale;   // a point below has moved since the bound was made
  };

  // take(id) for single points, whole(node) for nodes that lie on the far side as a whole.
  template <class Take, class Whole>
  void visit(const T* normal, double threshold, Work& work, Take&& take, Whole&& whole) const {
    const BoundQuery<T> query{normal, euclidean_norm_bound(normal, dimension())};
    Index waiting[kMostDepth];
    Index depth = 0;
    if (!nodes_.empty()) waiting[depth++] = 0;
    while (depth > 0) {
      const Index index = waiting[--depth];
      const Node& node = nodes_[static_cast<std::size_t>(index)];
      if (node.alive == 0) continue;
      ++work.bounds;
      const Interval interval = bound_.interval(query, index);
      if (interval.certain && interval.high < threshold) continue;
      if (interval.certain && interval.low >= threshold) {
        whole(node);
      } else if (node.right == 0) {
        store_.scan(node.begin, node.end, normal, threshold, work, take);
      } else {
        waiting[depth++] = node.right;
        waiting[depth++] = index + 1;
      }
    }
    store_.scan(in_tree_, store_.slots(), normal, threshold, work, take);
  }

  // Calls change(node) from the root to the leaf of a position; nothing for a point that waits behind the tree.
  template <class Change>
  void visit_path(Index position, Change&& change) {
    if (position >= in_tree_) return;
    for (Index index = 0;;) {
      Node& node = nodes_[static_cast<std::size_t>(index)];
      change(node);
      if (node.right == 0) return;
      index = position < nodes_[static_cast<std::size_t>(node.right)].begin ? index + 1 : node.right;
    }
  }

  // Makes the bounds of stale nodes again, children before parents. Allocates nothing.
  void refit() noexcept {
    for (Index index = static_cast<Index>(nodes_.size()) - 1; index >= 0; --index) {
      Node& node = nodes_[static_cast<std::size_t>(index)];
      if (!node.stale) continue;
      node.stale = false;
      if (node.right == 0)
        bound_.cover(store_, node.begin, node.end, index);
      else
        bound_.join(index + 1, node.right, index);
    }
  }

  [[nodiscard]] double extent_of_leaves() const noexcept {
    double sum = 0;
    for (std::size_t index = 0; index < nodes_.size(); ++index)
      if (nodes_[index].right == 0) sum += bound_.extent(static_cast<Index>(index));
    return sum;
  }

  // A rebuild after a change is only a saving: where memory is short the tree stays as it is, and right.
  void rebuild_if_possible() {
    try {
      rebuild();
    } catch (const std::bad_alloc&) {
    }
  }

  void rebuild() {
    std::vector<Index> order = store_.alive_positions();
    std::vector<Node> nodes;
    nodes.reserve(static_cast<std::size_t>(4 * static_cast<Index>(order.size()) / leaf_size_ + 1));
    std::vector<std::pair<double, Index>> keys(order.size());
    if (!order.empty()) halve(order, 0, static_cast<Index>(order.size()), keys, nodes);
    Bound<T> bound(dimension());
    bound.resize(static_cast<Index>(nodes.size()));
    store_.arrange(order);  // from here on nothing throws
    nodes_.swap(nodes);
    std::swap(bound_, bound);
    in_tree_ = store_.slots();
    refit();
    built_extent_ = extent_of_leaves();
  }

  // Splits order[begin, end) at the median until leaves are small enough: the depth is bounded whatever the points are.
  void halve(std::vector<Index>& order, Index begin, Index end, std::vector<std::pair<double, Index>>& keys,
             std::vector<Node>& nodes) const {
    const std::size_t index = nodes.size();
    nodes.push_back({begin, end, end - begin, 0, true});
    if (end - begin <= leaf_size_) return;
    const Index middle = begin + (end - begin) / 2;
    Bound<T>::split(store_, order.data() + begin, end - begin, keys.data() + begin);
    // Ties are broken by position, so that the halves are a function of the points alone.
    std::nth_element(keys.begin() + begin, keys.begin() + middle, keys.begin() + end);
    for (Index k = begin; k < end; ++k) order[static_cast<std::size_t>(k)] = keys[static_cast<std::size_t>(k)].second;
    halve(order, begin, middle, keys, nodes);
    nodes[index].right = static_cast<Index>(nodes.size());
    halve(order, middle, end, keys, nodes);
  }

  static constexpr Index kMostDepth = 130;  // two children wait on each of at most 64 levels

  Index leaf_size_;
  PointStore<T> store_;
  Bound<T> bound_;
  std::vector<Node> nodes_;
  Index in_tree_ = 0;  // positions below this are in leaves
  double built_extent_ = 0;
};

}  // namespace sublinear
