#include "sublinear/reporting/convex_layers.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "reporting/dynamic_index.hpp"
#include "reporting/exact_cross.hpp"
#include "reporting/hull_tree.hpp"

namespace sublinear {
namespace {

// The convex layers of points in the plane (Chazelle, Guibas and Lee 1985): the corners of their hull, of the hull of
// the rest, and so on. Positions are layer by layer, counter-clockwise from the corner with the smallest (x, y); equal
// points are one corner and lie one behind the other.
//
// A query finds in each layer the corner that is farthest along the normal and walks from it both ways as long as
// corners are on the far side. Inner layers lie within outer ones, so the first layer without any ends the query. Edges
// of a layer turn by 360 degrees, so the farthest corner is found by the direction of edges: by bisection in the
// outermost layer, and by fractional cascading (Chazelle and Guibas 1986) with one comparison in each further one.
// Comparisons of directions are exact, so the corner is the right one; products are compared with a rounding margin.
template <class T>
class Layers {
 public:
  static constexpr const char* kName = "convex-layers";
  static constexpr bool kMoves = false;
  struct Options {
    Index leaf_size = 0;  // of trees, ignored
  };

  static void check_dimension(Index d) {
    if (d != 2)
      throw std::invalid_argument("points have " + std::to_string(d) +
                                  " columns; convex-layers serves 2 dimensions, use kd-tree for more");
  }

  Layers(Points<T> points, const Options&, std::vector<std::int32_t>& order) {
    // Distinct points in the order of (x, y), and the rows that are equal to each.
    std::vector<std::int32_t> rows(static_cast<std::size_t>(points.count));
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = static_cast<std::int32_t>(k);
    std::sort(rows.begin(), rows.end(), [&](std::int32_t a, std::int32_t b) {
      const T *p = points.row(a), *q = points.row(b);
      return p[0] != q[0] ? p[0] < q[0] : p[1] != q[1] ? p[1] < q[1] : a < b;
    });
    std::vector<PlanePoint> places;
    std::vector<std::int32_t> starts;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const T *p = points.row(rows[k]), *before = k > 0 ? points.row(rows[k - 1]) : nullptr;
      if (before != nullptr && before[0] == p[0] && before[1] == p[1]) continue;
      places.push_back({static_cast<double>(p[0]), static_cast<double>(p[1])});
      starts.push_back(static_cast<std::int32_t>(k));
      largest_ = std::max(largest_, euclidean_norm_bound(p, 2));
    }
    starts.push_back(static_cast<std::int32_t>(rows.size()));

    order.clear();
    corners_.reserve(places.size());
    starts_.reserve(places.size() + 1);
    HullTree upper(places, 1), lower(places, -1);
    std::vector<std::int32_t> layer;
    for (Index told = 0; corners_.size() < places.size();) {
      layer.clear();
      for (std::int32_t k = lower.first(); k >= 0; k = lower.next(k)) layer.push_back(k);
      const std::size_t below = layer.size();
      for (std::int32_t k = upper.first(); k >= 0; k = upper.next(k)) layer.push_back(k);
      // Both sides have the first and the last point; the upper one is walked back.
      std::reverse(layer.begin() + static_cast<std::ptrdiff_t>(below), layer.end());
      layer.erase(layer.begin() + static_cast<std::ptrdiff_t>(below));
      if (layer.size() > 1) layer.pop_back();
      layer_starts_.push_back(static_cast<std::int32_t>(corners_.size()));
      for (const std::int32_t k : layer) {
        starts_.push_back(static_cast<std::int32_t>(order.size()));
        corners_.push_back({static_cast<T>(places[static_cast<std::size_t>(k)].x),
                            static_cast<T>(places[static_cast<std::size_t>(k)].y)});
        order.insert(order.end(), rows.begin() + starts[static_cast<std::size_t>(k)],
                     rows.begin() + starts[static_cast<std::size_t>(k) + 1]);
        upper.erase(k);
        lower.erase(k);
      }
      const auto done = static_cast<Index>(corners_.size());
      if (done - told >= (Index{1} << 13)) {
        told = done;
        keep_watch(static_cast<double>(done) / static_cast<double>(places.size()));
      }
    }
    layer_starts_.push_back(static_cast<std::int32_t>(corners_.size()));
    starts_.push_back(static_cast<std::int32_t>(order.size()));
    cascade();
  }

  // From a file: the layers are made again, which is the only way to know that they are layers.
  Layers(Points<T> points, const Options& options, const FlatReader& reader, const std::string&)
      : Layers(points, options, std::vector<std::int32_t>{}, reader) {}

  template <class Writer>
  void save(Writer&, const std::string&) const {}

  [[nodiscard]] Index size() const noexcept { return starts_.back(); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return corners_.capacity() * sizeof(Corner) + merged_.capacity() * sizeof(Merged) +
           (starts_.capacity() + layer_starts_.capacity() + merged_starts_.capacity()) * sizeof(std::int32_t);
  }
  void read(Index position, T* row) const noexcept {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), static_cast<std::int32_t>(position));
    const Corner& corner = corners_[static_cast<std::size_t>(after - starts_.begin()) - 1];
    row[0] = corner.x;
    row[1] = corner.y;
  }

  template <class Sinks>
  void visit(const FarSide<T>* queries, Index count, Index begin, Index end, Work* works, Sinks&& sinks) const {
    for (Index q = 0; q < count; ++q) {
      auto sink = sinks(q);
      walk(
          queries[q], works[q], [&] { return queries[q].threshold; },
          [&](std::int32_t corner, T product) {
            if (!(product >= queries[q].limit)) return true;
            const Index first = std::max<Index>(begin, starts_[at(corner)]);
            const Index last = std::min<Index>(end, starts_[at(corner) + 1]);
            return first >= last || sink.range(first, last);
          });
    }
  }

  template <class Heap>
  void top(const FarSide<T>& query, Work& work, Heap&& heap) const {
    walk(
        query, work, [&] { return heap.bound(); },
        [&](std::int32_t corner, T product) {
          for (Index p = starts_[at(corner)]; p < starts_[at(corner) + 1]; ++p) heap.offer(product, p);
          return true;
        });
  }

 private:
  struct Corner {
    T x, y;
  };
  // An entry of a cascaded list: an edge by its corners, and how many of the entries before it are edges of
  // the list's own layer. The others are every second entry of the next layer's list.
  struct Merged {
    std::int32_t corner, next, own_before;
  };

  static std::size_t at(std::int32_t k) noexcept { return static_cast<std::size_t>(k); }

  Layers(Points<T> points, const Options& options, std::vector<std::int32_t>&& order, const FlatReader& reader)
      : Layers(points, options, order) {
    for (std::size_t k = 0; k < order.size(); ++k)
      if (order[k] != static_cast<std::int32_t>(k)) reader.fail("its points are not in the order of their layers");
  }

  [[nodiscard]] PlanePoint place(std::int32_t corner) const noexcept {
    return {static_cast<double>(corners_[at(corner)].x), static_cast<double>(corners_[at(corner)].y)};
  }
  struct Edge {
    PlanePoint from, to;
  };
  [[nodiscard]] Edge edge(const Merged& entry) const noexcept { return {place(entry.corner), place(entry.next)}; }

  // Angles count from -90 degrees (excluded), where the edges of a layer begin.
  static bool in_second_half(const Edge& e) noexcept {
    return e.to.x < e.from.x || (e.to.x == e.from.x && e.to.y < e.from.y);
  }
  // Whether the angle of a is at most that of b.
  static bool is_before(const Edge& a, const Edge& b) noexcept {
    const bool a_second = in_second_half(a), b_second = in_second_half(b);
    return a_second != b_second ? b_second : cross_sign(a.from, a.to, b.from, b.to) >= 0;
  }

  // The lists, from the innermost layer outwards.
  void cascade() {
    const auto layers = static_cast<std::int32_t>(layer_starts_.size()) - 1;
    std::vector<std::vector<Merged>> lists(at(layers));
    std::size_t total = 0;
    for (std::int32_t layer = layers - 1; layer >= 0; --layer) {
      auto& list = lists[at(layer)];
      const std::int32_t begin = layer_starts_[at(layer)], end = layer_starts_[at(layer) + 1];
      std::int32_t own = begin;
      const auto own_edge = [&] { return Merged{own, own + 1 < end ? own + 1 : begin, own - begin}; };
      const std::size_t inner = layer + 1 < layers ? lists[at(layer) + 1].size() : 0;
      list.reserve(at(end - begin) + inner / 2);
      for (std::size_t k = 1; k < inner; k += 2) {
        Merged promoted = lists[at(layer) + 1][k];
        for (; own < end && is_before(edge(own_edge()), edge(promoted)); ++own) list.push_back(own_edge());
        promoted.own_before = own - begin;
        list.push_back(promoted);
      }
      for (; own < end; ++own) list.push_back(own_edge());
      total += list.size();
    }
    merged_.reserve(total);
    merged_starts_.reserve(at(layers) + 1);
    for (auto& list : lists) {
      merged_starts_.push_back(static_cast<std::int32_t>(merged_.size()));
      merged_.insert(merged_.end(), list.begin(), list.end());
      std::vector<Merged>().swap(list);
    }
    merged_starts_.push_back(static_cast<std::int32_t>(merged_.size()));
  }

  // Calls take(corner, product) for every corner whose product may reach bound(), and for a few more, until it returns
  // false.
  template <class BoundOf, class Take>
  void walk(const FarSide<T>& query, Work& work, BoundOf&& bound, Take&& take) const {
    const auto layers = static_cast<std::int32_t>(layer_starts_.size()) - 1;
    const T qx = query.bound.normal[0], qy = query.bound.normal[1];
    // The canonical product: two lanes and their sum; adding the empty lanes changes nothing.
    const auto product = [&](std::int32_t corner) {
      const T a = corners_[at(corner)].x * qx, b = corners_[at(corner)].y * qy;
      return a + b;
    };
    // Claim. If the exact product of p' is not above that of p, then fl<p', q> <= fl<p, q> + margin: either errs by at
    // most g ||p|| ||q|| + eta, and `relative`, `absolute` hold that more than twice (far_side.hpp).
    const double scale = largest_ * static_cast<double>(query.bound.norm);
    const double margin = static_cast<double>(query.bound.relative) * scale + static_cast<double>(query.bound.absolute);
    if ((qx == 0 && qy == 0) || !(scale < static_cast<double>(std::numeric_limits<T>::max()) / 8)) {
      // Without a direction, or where products may overflow, every corner is looked at.
      for (std::int32_t corner = 0; corner < static_cast<std::int32_t>(corners_.size()); ++corner) {
        ++work.inner_products;
        ++work.candidates;
        if (!take(corner, product(corner))) return;
      }
      return;
    }
    // An edge lies before the farthest corner iff its angle is at most that of the normal turned left.
    const Edge direction{{0, 0}, {-static_cast<double>(qy), static_cast<double>(qx)}};
    const auto before = [&](std::int32_t entry) {
      ++work.bounds;
      return is_before(edge(merged_[at(entry)]), direction);
    };
    std::int32_t low = 0, high = layers > 0 ? merged_starts_[1] : 0;
    while (low < high) {
      const std::int32_t middle = low + (high - low) / 2;
      if (before(middle))
        low = middle + 1;
      else
        high = middle;
    }
    std::int32_t position = low;  // entries of this layer's list that lie before
    for (std::int32_t layer = 0; layer < layers; ++layer) {
      const std::int32_t begin = layer_starts_[at(layer)], size = layer_starts_[at(layer) + 1] - begin;
      const std::int32_t list = merged_starts_[at(layer)], length = merged_starts_[at(layer) + 1] - list;
      const std::int32_t own = position < length ? merged_[at(list + position)].own_before : size;
      const auto look = [&](std::int32_t offset, T& found) {
        found = product(begin + offset);
        ++work.inner_products;
        ++work.candidates;
        return static_cast<double>(found) + margin >= bound();
      };
      T found;
      const std::int32_t farthest = own == size ? 0 : own;
      if (!look(farthest, found)) return;
      if (!take(begin + farthest, found)) return;
      std::int32_t steps = 1;
      for (std::int32_t offset = farthest; steps < size; ++steps) {
        offset = offset + 1 < size ? offset + 1 : 0;
        if (!look(offset, found)) break;
        if (!take(begin + offset, found)) return;
      }
      for (std::int32_t offset = farthest; steps < size; ++steps) {
        offset = offset > 0 ? offset - 1 : size - 1;
        if (!look(offset, found)) break;
        if (!take(begin + offset, found)) return;
      }
      if (layer + 1 == layers) return;
      // Of the next list, those that were promoted and lie before are known; the one between two of them is not.
      const std::int32_t next = merged_starts_[at(layer) + 1], next_length = merged_starts_[at(layer) + 2] - next;
      const std::int32_t promoted = 2 * (position - own);
      position = promoted + (promoted < next_length && before(next + promoted) ? 1 : 0);
    }
  }

  std::vector<Corner> corners_;             // layer by layer
  std::vector<std::int32_t> starts_;        // per corner: its first position; then the number of points
  std::vector<std::int32_t> layer_starts_;  // per layer: its first corner; then the number of corners
  std::vector<Merged> merged_;              // the lists, layer by layer
  std::vector<std::int32_t> merged_starts_;
  double largest_ = 0;  // no point has a larger norm
};

}  // namespace

template <class T>
ConvexLayers<T>::ConvexLayers(Points<T> points, const IndexOptions& options)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, Layers<T>>>(points, options)) {}
template <class T>
ConvexLayers<T>::ConvexLayers(const FlatReader& reader)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, Layers<T>>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> ConvexLayers<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new ConvexLayers(*this));
}

template class ConvexLayers<float>;
template class ConvexLayers<double>;

}  // namespace sublinear
