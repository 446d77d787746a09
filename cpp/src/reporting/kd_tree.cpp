#include "sublinear/reporting/kd_tree.hpp"

#include <cmath>
#include <vector>

#include "reporting/dynamic_index.hpp"
#include "reporting/wide_tree.hpp"

namespace sublinear {
namespace {

// The smallest axis-parallel box.
template <class T>
struct BoxBound {
  static constexpr const char* kName = "kd-tree";
  static constexpr bool kMoves = true, kHasShapes = false;
  static constexpr Index kLeafSize = 16;
  struct Shape {};

  static void check_dimension(Index) {}

  static Index values(Index d) { return box_values(d); }
  static constexpr auto bound = &bound_boxes<T>;

  class Splitter {
   public:
    explicit Splitter(Points<T> points)
        : points_(points), low_(static_cast<std::size_t>(points.dimension)), high_(low_) {}
    Shape whole(const std::int32_t*, Index) { return {}; }

    // Along the widest side.
    void split(const Shape&, const std::int32_t* rows, Index count, std::pair<T, std::int32_t>* keys) {
      const Index d = points_.dimension;
      std::copy_n(points_.row(rows[0]), d, low_.begin());
      std::copy_n(points_.row(rows[0]), d, high_.begin());
      for (Index k = 1; k < count; ++k) {
        const T* row = points_.row(rows[k]);
        for (Index j = 0; j < d; ++j) {
          const auto at = static_cast<std::size_t>(j);
          low_[at] = std::min(low_[at], row[j]);
          high_[at] = std::max(high_[at], row[j]);
        }
      }
      Index widest = 0;
      const auto width = [&](Index j) {
        return high_[static_cast<std::size_t>(j)] / 2 - low_[static_cast<std::size_t>(j)] / 2;
      };
      for (Index j = 1; j < d; ++j)
        if (width(j) > width(widest)) widest = j;
      for (Index k = 0; k < count; ++k) keys[k] = {points_.row(rows[k])[widest], rows[k]};
    }
    std::pair<Shape, Shape> halves(const Shape&, const std::int32_t*, const std::pair<T, std::int32_t>*, Index, Index) {
      return {};
    }

   private:
    Points<T> points_;
    std::vector<T> low_, high_;
  };

  static void cover(const Shape*, const Strips<T>& strips, Index begin, Index end, Slot<T> slot) noexcept {
    for (Index j = 0; j < strips.dimension(); ++j) {
      T low = strips.value(begin, j), high = low;
      for (Index p = begin + 1; p < end; ++p) {
        low = std::min(low, strips.value(p, j));
        high = std::max(high, strips.value(p, j));
      }
      slot[2 * j] = low;
      slot[2 * j + 1] = high;
    }
    measure(slot, strips.dimension());
  }

  static void join(T* children, Index count, Index d, Slot<T> slot) noexcept {
    for (Index j = 0; j < d; ++j) {
      slot[2 * j] = *std::min_element(children + 2 * j * kSiblings, children + 2 * j * kSiblings + count);
      slot[2 * j + 1] =
          *std::max_element(children + (2 * j + 1) * kSiblings, children + (2 * j + 1) * kSiblings + count);
    }
    measure(slot, d);
  }

  static double extent(Slot<T> slot, Index d) noexcept {
    double sum = 0;
    for (Index j = 0; j < d; ++j) sum += static_cast<double>(slot[2 * j + 1]) - static_cast<double>(slot[2 * j]);
    return sum;
  }

 private:
  // The norm of the corner farthest from the origin, which no point of the box exceeds.
  static void measure(Slot<T> slot, Index d) noexcept {
    double squares = 0;
    for (Index j = 0; j < d; ++j) {
      const double corner =
          std::max(std::abs(static_cast<double>(slot[2 * j])), std::abs(static_cast<double>(slot[2 * j + 1])));
      squares += corner * corner;
    }
    slot[2 * d] = clamped_up<T>(norm_bound_of_squares(squares, d));
  }
};

}  // namespace

template <class T>
KDTree<T>::KDTree(Points<T> points, const IndexOptions& options)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, WideTree<T, BoxBound<T>>>>(points, options)) {}
template <class T>
KDTree<T>::KDTree(const FlatReader& reader)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, WideTree<T, BoxBound<T>>>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> KDTree<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new KDTree(*this));
}

template class KDTree<float>;
template class KDTree<double>;

}  // namespace sublinear
