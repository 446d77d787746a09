// The points of an index: coordinates, ids and which are still there. What every structure does the same way.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// Points lie at positions 0 ... slots() - 1, row-major and contiguous; an erased point keeps its place, not alive,
// until the owner arranges the store anew. Ids are given in ascending order and never again.
template <class T>
class PointStore {
 public:
  static constexpr Index kGone = -1;
  static constexpr Index kRowsTogether = 256;  // rows whose products are held at a time

  explicit PointStore(Index dimension) : dimension_(dimension) {
    require(dimension >= 1, "points have no columns; give at least one dimension");
  }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  [[nodiscard]] Index slots() const noexcept { return static_cast<Index>(ids_.size()); }
  [[nodiscard]] Index alive() const noexcept { return alive_count_; }
  [[nodiscard]] const T* row(Index position) const noexcept { return rows_.data() + position * dimension_; }
  [[nodiscard]] Index id(Index position) const noexcept { return ids_[at(position)]; }
  [[nodiscard]] bool is_alive(Index position) const noexcept { return alive_[at(position)] != 0; }
  // Whether every position is alive and its own id, as long as nothing was erased and the store not arranged.
  [[nodiscard]] bool is_plain() const noexcept { return is_plain_ && alive_count_ == slots(); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return rows_.capacity() * sizeof(T) + (ids_.capacity() + where_.capacity()) * sizeof(Index) + alive_.capacity();
  }

  // What points are checked for that are to be added.
  void check(Points<T> points) const {
    require(points.count >= 0, "the number of points is negative");
    if (points.dimension != dimension_)
      throw std::invalid_argument("points have " + std::to_string(points.dimension) + " columns, the index has " +
                                  std::to_string(dimension_) + " dimensions");
    require_finite(points.data, points.count, dimension_, "points");
  }

  // Adds points behind the last position. Returns the first of their consecutive ids.
  Index append(Points<T> points) {
    check(points);
    const Index first = static_cast<Index>(where_.size());
    const auto count = static_cast<std::size_t>(points.count);
    grow(rows_, count * static_cast<std::size_t>(dimension_));
    grow(ids_, count);
    grow(alive_, count);
    grow(where_, count);
    for (Index k = 0; k < points.count; ++k) {
      where_.push_back(slots());
      ids_.push_back(first + k);
      alive_.push_back(1);
    }
    rows_.insert(rows_.end(), points.data, points.data + points.count * dimension_);
    alive_count_ += points.count;
    return first;
  }

  // The positions of these ids, which must be known and distinct.
  [[nodiscard]] std::vector<Index> positions(const Index* ids, Index count) const {
    require(count >= 0, "the number of ids is negative");
    std::vector<Index> sorted(ids, ids + count), found;
    std::sort(sorted.begin(), sorted.end());
    const auto repeated = std::adjacent_find(sorted.begin(), sorted.end());
    if (repeated != sorted.end())
      throw std::invalid_argument("id " + std::to_string(*repeated) + " is given more than once; ids must be distinct");
    found.reserve(static_cast<std::size_t>(count));
    for (Index k = 0; k < count; ++k) {
      const bool known = ids[k] >= 0 && ids[k] < static_cast<Index>(where_.size());
      if (!known || where_[at(ids[k])] == kGone)
        throw std::invalid_argument("id " + std::to_string(ids[k]) + (known ? " was erased" : " was never given") +
                                    "; the index has " + std::to_string(alive_count_) + " points and ids below " +
                                    std::to_string(where_.size()));
      found.push_back(where_[at(ids[k])]);
    }
    return found;
  }

  void erase(const std::vector<Index>& positions) noexcept {
    for (const Index position : positions) {
      alive_[at(position)] = 0;
      where_[at(ids_[at(position)])] = kGone;
    }
    alive_count_ -= static_cast<Index>(positions.size());
  }

  void check_rows(const T* points, Index count) const { require_finite(points, count, dimension_, "points"); }

  void overwrite(const std::vector<Index>& positions, const T* points) noexcept {
    for (std::size_t k = 0; k < positions.size(); ++k)
      std::copy_n(points + static_cast<Index>(k) * dimension_, dimension_, rows_.data() + positions[k] * dimension_);
  }

  // The positions that are alive, ascending.
  [[nodiscard]] std::vector<Index> alive_positions() const {
    std::vector<Index> kept;
    kept.reserve(static_cast<std::size_t>(alive_count_));
    for (Index position = 0; position < slots(); ++position)
      if (is_alive(position)) kept.push_back(position);
    return kept;
  }

  // Moves the point at order[k] to position k; what `order` (alive, distinct, all) leaves out is dropped.
  void arrange(const std::vector<Index>& order) {
    AlignedVector<T> rows;
    std::vector<Index> ids;
    rows.reserve(order.size() * static_cast<std::size_t>(dimension_));
    ids.reserve(order.size());
    for (const Index position : order) {
      rows.insert(rows.end(), row(position), row(position) + dimension_);
      ids.push_back(id(position));
    }
    std::vector<char> alive(order.size(), 1);
    is_plain_ = false;
    rows_.swap(rows);
    ids_.swap(ids);
    alive_.swap(alive);
    for (Index position = 0; position < slots(); ++position) where_[at(id(position))] = position;
  }

  // Calls take(id) for every living point in [begin, end) on the far side, in the order of positions.
  template <class Take>
  void scan(Index begin, Index end, const T* normal, double threshold, Work& work, Take&& take) const {
    T products[kRowsTogether];
    for (Index first = begin; first < end; first += kRowsTogether) {
      const Index count = std::min(kRowsTogether, end - first);
      inner_products(row(first), count, dimension_, normal, products);
      for (Index k = 0; k < count; ++k)
        if (static_cast<double>(products[k]) >= threshold && is_alive(first + k)) take(id(first + k));
      work.inner_products += count;
      work.candidates += count;
    }
  }

  // What every query is checked for.
  void check_queries(const T* normals, const double* thresholds, Index queries) const {
    require(queries >= 0, "the number of queries is negative");
    require_finite(normals, queries, dimension_, "normals");
    for (Index q = 0; q < queries; ++q)
      if (std::isnan(thresholds[q]))
        throw std::invalid_argument("the threshold of query " + std::to_string(q) +
                                    " is NaN; give a number, -inf for all points or +inf for none");
  }

 private:
  static std::size_t at(Index k) noexcept { return static_cast<std::size_t>(k); }

  // Makes room for `more` elements, so that adding them cannot throw; grows geometrically.
  template <class Vector>
  static void grow(Vector& vector, std::size_t more) {
    const std::size_t need = vector.size() + more;
    if (need > vector.capacity()) vector.reserve(std::max(need, vector.capacity() * 2));
  }

  Index dimension_, alive_count_ = 0;
  bool is_plain_ = true;
  AlignedVector<T> rows_;
  std::vector<Index> ids_;    // by position
  std::vector<char> alive_;   // by position
  std::vector<Index> where_;  // by id: the position, or kGone
};

}  // namespace sublinear
