#include "sublinear/reporting/ball_tree.hpp"

#include <cmath>
#include <vector>

#include "reporting/bound_tree.hpp"

namespace sublinear {
namespace {

// A ball around the mean of the points.
template <class T>
class BallBound {
 public:
  explicit BallBound(Index dimension) : dimension_(dimension) {}

  static const char* name() noexcept { return "ball-tree"; }
  void resize(Index nodes) {
    centres_.resize(static_cast<std::size_t>(nodes * dimension_));
    radii_.resize(static_cast<std::size_t>(nodes));
    sizes_.resize(static_cast<std::size_t>(nodes));
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return centres_.capacity() * sizeof(T) + (radii_.capacity() + sizes_.capacity()) * sizeof(double);
  }

  // Along the line between two points far apart: the farthest from the first point, and the farthest from that one.
  static void split(const PointStore<T>& store, const Index* positions, Index count, std::pair<double, Index>* keys) {
    const Index d = store.dimension();
    const auto farthest = [&](Index from) {
      Index found = 0;
      double largest = -1;
      for (Index k = 0; k < count; ++k) {
        const double distance = euclidean_distance_bound(store.row(positions[k]), store.row(from), d);
        if (distance > largest) {
          largest = distance;
          found = positions[k];
        }
      }
      return found;
    };
    const Index one = farthest(positions[0]), other = farthest(one);
    AlignedVector<T> direction(static_cast<std::size_t>(d));
    for (Index j = 0; j < d; ++j)
      direction[static_cast<std::size_t>(j)] = store.row(one)[j] / 2 - store.row(other)[j] / 2;
    for (Index k = 0; k < count; ++k) {
      const double along = static_cast<double>(inner_product(store.row(positions[k]), direction.data(), d));
      keys[k] = {std::isnan(along) ? 0.0 : along, positions[k]};
    }
  }

  void cover(const PointStore<T>& store, Index begin, Index end, Index node) noexcept {
    T* centre = centre_of(node);
    Index count = 0;
    for (Index position = begin; position < end; ++position) count += store.is_alive(position) ? 1 : 0;
    for (Index j = 0; j < dimension_; ++j) {
      double mean = 0;
      for (Index position = begin; position < end; ++position)
        if (store.is_alive(position)) mean += static_cast<double>(store.row(position)[j]) / static_cast<double>(count);
      centre[j] = static_cast<T>(mean);
    }
    double radius = 0;
    for (Index position = begin; position < end; ++position)
      if (store.is_alive(position))
        radius = std::max(radius, euclidean_distance_bound(store.row(position), centre, dimension_));
    set_radius(node, radius);
  }

  // Around the middle of the two centres.
  void join(Index left, Index right, Index node) noexcept {
    T* centre = centre_of(node);
    const T *a = centre_of(left), *b = centre_of(right);
    for (Index j = 0; j < dimension_; ++j) centre[j] = a[j] / 2 + b[j] / 2;
    const auto reach = [&](Index child) {
      return euclidean_distance_bound(centre_of(child), centre, dimension_) + radii_[static_cast<std::size_t>(child)];
    };
    set_radius(node, std::max(reach(left), reach(right)) * (1 + kWiden));
  }

  // Product with the centre, by the canonical product of T, plus and minus radius * ||q||.
  [[nodiscard]] Interval interval(const BoundQuery<T>& query, Index node) const noexcept {
    const double middle = static_cast<double>(inner_product(centre_of(node), query.normal, dimension_));
    const double reach = radii_[static_cast<std::size_t>(node)] * query.norm;
    return widened(middle - reach, middle + reach, sizes_[static_cast<std::size_t>(node)],
                   dot_error_factor<T>(dimension_), dimension_, query);
  }

  [[nodiscard]] double extent(Index node) const noexcept { return radii_[static_cast<std::size_t>(node)]; }

 private:
  [[nodiscard]] T* centre_of(Index node) noexcept { return centres_.data() + node * dimension_; }
  [[nodiscard]] const T* centre_of(Index node) const noexcept { return centres_.data() + node * dimension_; }

  void set_radius(Index node, double radius) noexcept {
    radii_[static_cast<std::size_t>(node)] = radius;
    sizes_[static_cast<std::size_t>(node)] =
        (euclidean_norm_bound(centre_of(node), dimension_) + radius) * (1 + kWiden);
  }

  Index dimension_;
  AlignedVector<T> centres_;           // node by node
  std::vector<double> radii_, sizes_;  // node by node: of the ball; no point has a larger norm
};

}  // namespace

template <class T>
BallTree<T>::BallTree(Points<T> points, TreeOptions options)
    : ForwardingIndex<T>(std::make_unique<BoundTree<T, BallBound>>(points, options)) {}

template class BallTree<float>;
template class BallTree<double>;

}  // namespace sublinear
