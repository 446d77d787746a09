#include "sublinear/reporting/kd_tree.hpp"

#include <cmath>
#include <vector>

#include "reporting/bound_tree.hpp"

namespace sublinear {
namespace {

// The smallest axis-parallel box.
template <class T>
class BoxBound {
 public:
  explicit BoxBound(Index dimension) : dimension_(dimension) {}

  static const char* name() noexcept { return "kd-tree"; }
  void resize(Index nodes) {
    ends_.resize(static_cast<std::size_t>(2 * nodes * dimension_));
    sizes_.resize(static_cast<std::size_t>(nodes));
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return (ends_.capacity() + sizes_.capacity()) * sizeof(double); }

  // Along the widest side.
  static void split(const PointStore<T>& store, const Index* positions, Index count, std::pair<double, Index>* keys) {
    const Index d = store.dimension();
    std::vector<double> low(static_cast<std::size_t>(d), HUGE_VAL), high(static_cast<std::size_t>(d), -HUGE_VAL);
    for (Index k = 0; k < count; ++k)
      for (Index j = 0; j < d; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double value = static_cast<double>(store.row(positions[k])[j]);
        low[at] = std::min(low[at], value);
        high[at] = std::max(high[at], value);
      }
    Index widest = 0;
    const auto width = [&](Index j) {
      return high[static_cast<std::size_t>(j)] / 2 - low[static_cast<std::size_t>(j)] / 2;
    };
    for (Index j = 1; j < d; ++j)
      if (width(j) > width(widest)) widest = j;
    for (Index k = 0; k < count; ++k) keys[k] = {static_cast<double>(store.row(positions[k])[widest]), positions[k]};
  }

  void cover(const PointStore<T>& store, Index begin, Index end, Index node) noexcept {
    double *low = lows(node), *high = low + dimension_;
    std::fill(low, high, HUGE_VAL);
    std::fill(high, high + dimension_, -HUGE_VAL);
    for (Index position = begin; position < end; ++position) {
      if (!store.is_alive(position)) continue;
      for (Index j = 0; j < dimension_; ++j) {
        const double value = static_cast<double>(store.row(position)[j]);
        low[j] = std::min(low[j], value);
        high[j] = std::max(high[j], value);
      }
    }
    measure(node);
  }

  void join(Index left, Index right, Index node) noexcept {
    const double *a = lows(left), *b = lows(right);
    double* low = lows(node);
    for (Index j = 0; j < dimension_; ++j) {
      low[j] = std::min(a[j], b[j]);
      low[dimension_ + j] = std::max(a[dimension_ + j], b[dimension_ + j]);
    }
    measure(node);
  }

  // Sum over the coordinates of the smaller (larger) product with the two ends. In double: its own error is that of d
  // products and sums of magnitude at most size * ||q||, by the bound for a canonical product in double.
  [[nodiscard]] Interval interval(const BoundQuery<T>& query, Index node) const noexcept {
    const double *low = lows(node), *high = low + dimension_;
    double least = 0, most = 0;
    for (Index j = 0; j < dimension_; ++j) {
      const double q = static_cast<double>(query.normal[j]), a = low[j] * q, b = high[j] * q;
      least += std::min(a, b);
      most += std::max(a, b);
    }
    return widened(least, most, sizes_[static_cast<std::size_t>(node)], dot_error_factor<double>(dimension_),
                   dimension_, query);
  }

  [[nodiscard]] double extent(Index node) const noexcept {
    const double* low = lows(node);
    double sum = 0;
    for (Index j = 0; j < dimension_; ++j) sum += std::max(0.0, low[dimension_ + j] - low[j]);
    return sum;
  }

 private:
  [[nodiscard]] double* lows(Index node) noexcept { return ends_.data() + 2 * node * dimension_; }
  [[nodiscard]] const double* lows(Index node) const noexcept { return ends_.data() + 2 * node * dimension_; }

  // The norm of the corner farthest from the origin, which no point of the box exceeds.
  void measure(Index node) noexcept {
    const double* low = lows(node);
    double squares = 0;
    for (Index j = 0; j < dimension_; ++j) {
      const double corner = std::max(std::abs(low[j]), std::abs(low[dimension_ + j]));
      squares += corner * corner;
    }
    sizes_[static_cast<std::size_t>(node)] = norm_bound_of_squares(squares, dimension_);
  }

  Index dimension_;
  std::vector<double> ends_;   // node by node: d lower ends, d upper ends
  std::vector<double> sizes_;  // node by node: no point has a larger norm
};

}  // namespace

template <class T>
KDTree<T>::KDTree(Points<T> points, TreeOptions options)
    : ForwardingIndex<T>(std::make_unique<BoundTree<T, BoxBound>>(points, options)) {}

template class KDTree<float>;
template class KDTree<double>;

}  // namespace sublinear
