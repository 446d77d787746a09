// The points of an index by slot: coordinates beside the ids.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "reporting/id_map.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// What points are checked for that are to be added to an index, and what every query is.
template <class T>
void check_points(Points<T> points, Index dimension) {
  require(points.count >= 0, "the number of points is negative");
  if (points.dimension != dimension)
    throw std::invalid_argument("points have " + std::to_string(points.dimension) + " columns, the index has " +
                                std::to_string(dimension) + " dimensions");
  require_finite(points.data, points.count, dimension, "points");
}

template <class T>
void check_normals(const T* normals, Index queries, Index dimension) {
  require(queries >= 0, "the number of queries is negative");
  require_finite(normals, queries, dimension, "normals");
}

template <class T>
void check_queries(const T* normals, const double* thresholds, Index queries, Index dimension) {
  check_normals(normals, queries, dimension);
  require_pointer(thresholds, queries, "thresholds");
  for (Index q = 0; q < queries; ++q)
    if (std::isnan(thresholds[q]))
      throw std::invalid_argument("the threshold of query " + std::to_string(q) +
                                  " is NaN; give a number, -inf for all points or +inf for none");
}

inline void require_dimension(Index dimension) {
  require(dimension >= 1, "points have no columns; give at least one dimension");
}

// Points lie at slots 0 ... slots() - 1, row-major and contiguous.
template <class T>
class PointStore {
 public:
  static constexpr Index kRowsTogether = 256;  // rows whose products are held at a time
  static constexpr Index kMostSlots = (Index{1} << 32) - 1;

  explicit PointStore(Index dimension) : dimension_(dimension) { require_dimension(dimension); }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  [[nodiscard]] const IdMap& ids() const noexcept { return ids_; }
  [[nodiscard]] Index slots() const noexcept { return ids_.slots(); }
  [[nodiscard]] Index alive() const noexcept { return ids_.alive(); }
  [[nodiscard]] const T* row(Index slot) const noexcept { return rows_.data() + slot * dimension_; }
  [[nodiscard]] Index id(Index slot) const noexcept { return ids_.id(slot); }
  [[nodiscard]] bool is_alive(Index slot) const noexcept { return ids_.is_alive(slot); }
  [[nodiscard]] Index slot(Index id) const noexcept { return ids_.slot(id); }
  [[nodiscard]] bool is_plain() const noexcept { return ids_.is_plain(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return rows_.capacity() * sizeof(T) + ids_.bytes(); }

  // Adds points behind the last slot. Returns the first of their consecutive ids.
  Index append(Points<T> points) {
    check_points(points, dimension_);
    if (points.count > kMostSlots - slots())
      throw std::length_error("an index holds at most " + std::to_string(kMostSlots) + " points");
    grow_by(rows_, static_cast<std::size_t>(points.count * dimension_));
    const Index first = ids_.append(points.count);
    rows_.insert(rows_.end(), points.data, points.data + points.count * dimension_);
    return first;
  }

  [[nodiscard]] std::vector<Index> slots_of(const Index* ids, Index count) const { return ids_.slots_of(ids, count); }
  void erase(const std::vector<Index>& slots) noexcept { ids_.erase(slots); }

  void check_rows(const T* points, Index count) const { require_finite(points, count, dimension_, "points"); }

  void overwrite(const std::vector<Index>& slots, const T* points) noexcept {
    for (std::size_t k = 0; k < slots.size(); ++k)
      std::copy_n(points + static_cast<Index>(k) * dimension_, dimension_, rows_.data() + slots[k] * dimension_);
  }

  // Moves what is alive together.
  void compact() {
    const std::vector<Index> order = ids_.alive_slots();
    AlignedVector<T> rows;
    rows.reserve(order.size() * static_cast<std::size_t>(dimension_));
    for (const Index slot : order) rows.insert(rows.end(), row(slot), row(slot) + dimension_);
    ids_.arrange(0, order);
    rows_.swap(rows);
  }

  // Calls take(slot) for every living point in [begin, end) on the far side, in the order of slots.
  template <class Take>
  void scan(Index begin, Index end, const T* normal, double threshold, Work& work, Take&& take) const {
    T products[kRowsTogether];
    for (Index first = begin; first < end; first += kRowsTogether) {
      const Index count = std::min(kRowsTogether, end - first);
      inner_products(row(first), count, dimension_, normal, products);
      for (Index k = 0; k < count; ++k)
        if (static_cast<double>(products[k]) >= threshold && is_alive(first + k)) take(first + k);
      work.inner_products += count;
      work.candidates += count;
    }
  }

  void check_queries(const T* normals, const double* thresholds, Index queries) const {
    sublinear::check_queries(normals, thresholds, queries, dimension_);
  }

  void save(FlatWriter& writer) const {
    writer.add("rows", rows_.data(), rows_.size());
    ids_.save(writer);
  }

  void load(const FlatReader& reader) {
    const std::vector<T> rows = reader.take<T>("rows");
    if (static_cast<Index>(rows.size()) % dimension_ != 0) reader.fail("its rows are not whole");
    ids_.load(reader, static_cast<Index>(rows.size()) / dimension_);
    require_finite(rows.data(), slots(), dimension_, "points");
    rows_.assign(rows.begin(), rows.end());
  }

 private:
  Index dimension_;
  AlignedVector<T> rows_;
  IdMap ids_;
};

}  // namespace sublinear
