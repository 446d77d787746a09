#include "sublinear/reporting/ball_tree.hpp"

#include <cmath>
#include <vector>

#include "reporting/dynamic_index.hpp"
#include "reporting/wide_tree.hpp"

namespace sublinear {
namespace {

// A ball around the mean of the points. Of the values of a node, d are the centre and then comes the radius.
template <class T>
struct BallBound {
  static constexpr const char* kName = "ball-tree";
  static constexpr bool kMoves = true, kHasShapes = false;
  static constexpr Index kLeafSize = 16;
  struct Shape {};

  static void check_dimension(Index) {}

  static Index values(Index d) { return ball_values(d); }
  static constexpr auto bound = &bound_balls<T>;

  class Splitter {
   public:
    explicit Splitter(Points<T> points) : points_(points), direction_(static_cast<std::size_t>(points.dimension)) {}
    Shape whole(const std::int32_t*, Index) { return {}; }

    // Along the line between two points far apart: the farthest from the first point, and the farthest from that one.
    void split(const Shape&, const std::int32_t* rows, Index count, std::pair<T, std::int32_t>* keys) {
      const Index d = points_.dimension;
      const T* const one = farthest(points_.row(rows[0]), rows, count);
      const T* const other = farthest(one, rows, count);
      for (Index j = 0; j < d; ++j) direction_[static_cast<std::size_t>(j)] = one[j] / 2 - other[j] / 2;
      for (Index k = 0; k < count; ++k) {
        const T along = inner_product(points_.row(rows[k]), direction_.data(), d);
        keys[k] = {along == along ? along : T(0), rows[k]};
      }
    }
    std::pair<Shape, Shape> halves(const Shape&, const std::int32_t*, const std::pair<T, std::int32_t>*, Index, Index) {
      return {};
    }

   private:
    const T* farthest(const T* from, const std::int32_t* rows, Index count) const {
      const T* found = points_.row(rows[0]);
      double largest = -1;
      for (Index k = 0; k < count; ++k) {
        double distance = 0;
        for (Index j = 0; j < points_.dimension; ++j) {
          const double step = static_cast<double>(points_.row(rows[k])[j]) - static_cast<double>(from[j]);
          distance += step * step;
        }
        if (distance > largest) {
          largest = distance;
          found = points_.row(rows[k]);
        }
      }
      return found;
    }

    Points<T> points_;
    AlignedVector<T> direction_;
  };

  static void cover(const Shape*, const Strips<T>& strips, Index begin, Index end, Slot<T> slot) noexcept {
    const Index d = strips.dimension();
    for (Index j = 0; j < d; ++j) {
      double mean = 0;
      for (Index p = begin; p < end; ++p)
        mean += static_cast<double>(strips.value(p, j)) / static_cast<double>(end - begin);
      slot[j] = static_cast<T>(mean);
    }
    double radius = 0;
    for (Index p = begin; p < end; ++p)
      radius = std::max(radius, distance(
                                    d, [&](Index j) { return strips.value(p, j); }, [&](Index j) { return slot[j]; }));
    set_radius(slot, radius, d);
  }

  // Around the mean of the children's centres.
  static void join(T* children, Index count, Index d, Slot<T> slot) noexcept {
    for (Index j = 0; j < d; ++j) {
      double mean = 0;
      for (Index s = 0; s < count; ++s)
        mean += static_cast<double>(children[j * kSiblings + s]) / static_cast<double>(count);
      slot[j] = static_cast<T>(mean);
    }
    double radius = 0;
    for (Index s = 0; s < count; ++s)
      radius = std::max(
          radius, (distance(
                       d, [&](Index j) { return children[j * kSiblings + s]; }, [&](Index j) { return slot[j]; }) +
                   static_cast<double>(children[d * kSiblings + s])) *
                      (1 + 4 * kWiden));
    set_radius(slot, radius, d);
  }

  static double extent(Slot<T> slot, Index d) noexcept { return static_cast<double>(slot[d]); }

 private:
  template <class A, class B>
  static double distance(Index d, A&& a, B&& b) noexcept {
    double squares = 0;
    for (Index j = 0; j < d; ++j) {
      const double step = static_cast<double>(a(j)) - static_cast<double>(b(j));
      squares += step * step;
    }
    return norm_bound_of_squares(squares, d);
  }

  static void set_radius(Slot<T> slot, double radius, Index d) noexcept {
    slot[d] = clamped_up<T>(radius);
    const double centre = distance(
        d, [&](Index j) { return slot[j]; }, [](Index) { return T(0); });
    slot[d + 1] = clamped_up<T>((centre + radius) * (1 + kWiden));
  }
};

}  // namespace

template <class T>
BallTree<T>::BallTree(Points<T> points, const IndexOptions& options)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, WideTree<T, BallBound<T>>>>(points, options)) {}
template <class T>
BallTree<T>::BallTree(const FlatReader& reader)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, WideTree<T, BallBound<T>>>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> BallTree<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new BallTree(*this));
}

template class BallTree<float>;
template class BallTree<double>;

}  // namespace sublinear
