#include "sublinear/reporting/partition_tree.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "reporting/dynamic_index.hpp"
#include "reporting/wide_tree.hpp"
#include "sublinear/kernels/random.hpp"

namespace sublinear {
namespace {

// The corners of a simplex, d + 1 rows of d, and the test hyperplanes that cross it.
struct Simplex {
  std::vector<double> corners;
  std::vector<std::int32_t> crossing;
};

// lambda in L c = p: the weights of the corners that give a point, which sum to 1.
class Barycentric {
 public:
  explicit Barycentric(Index d)
      : d_(d), inverse_(static_cast<std::size_t>(d * d)), work_(static_cast<std::size_t>(2 * d * d)) {}

  // By Gauss-Jordan elimination of the edges from the last corner, with pivots. A simplex without volume leaves what
  // it leaves: weights only guide cuts, and every simplex is checked against its points.
  void set(const std::vector<double>& corners) {
    last_ = corners.data() + d_ * d_;
    const Index d = d_, width = 2 * d;
    for (Index row = 0; row < d; ++row)
      for (Index column = 0; column < d; ++column) {
        work_[at(row * width + column)] = corners[at(column * d + row)] - last_[row];
        work_[at(row * width + d + column)] = row == column ? 1 : 0;
      }
    for (Index k = 0; k < d; ++k) {
      Index pivot = k;
      for (Index row = k + 1; row < d; ++row)
        if (std::abs(work_[at(row * width + k)]) > std::abs(work_[at(pivot * width + k)])) pivot = row;
      const double divisor = work_[at(pivot * width + k)];
      const double factor = divisor != 0 ? 1 / divisor : 0;
      for (Index column = 0; column < width; ++column) {
        std::swap(work_[at(k * width + column)], work_[at(pivot * width + column)]);
        work_[at(k * width + column)] *= factor;
      }
      for (Index row = 0; row < d; ++row) {
        if (row == k) continue;
        const double times = work_[at(row * width + k)];
        if (times != 0)
          for (Index column = 0; column < width; ++column)
            work_[at(row * width + column)] -= times * work_[at(k * width + column)];
      }
    }
    for (Index row = 0; row < d; ++row) std::copy_n(work_.data() + row * width + d, d, inverse_.data() + row * d);
  }

  template <class Coordinate>
  void weights(Coordinate&& coordinate, double* lambda) const {
    double rest = 1;
    for (Index row = 0; row < d_; ++row) {
      double sum = 0;
      for (Index j = 0; j < d_; ++j) sum += inverse_[at(row * d_ + j)] * (coordinate(j) - last_[j]);
      lambda[row] = std::isfinite(sum) ? sum : 0;
      rest -= lambda[row];
    }
    lambda[d_] = rest;
  }

 private:
  static std::size_t at(Index k) noexcept { return static_cast<std::size_t>(k); }
  Index d_;
  std::vector<double> inverse_, work_;
  const double* last_ = nullptr;
};

// Values of a node: the corners, and how far a point may lie outside.
template <class T>
struct SimplexBound {
  static constexpr const char* kName = "partition-tree";
  static constexpr bool kMoves = false, kHasShapes = true;
  static constexpr Index kLeafSize = 16;
  using Shape = Simplex;

  static Index values(Index d) { return simplex_values(d); }
  static constexpr auto bound = &bound_simplices<T>;
  static void check_dimension(Index d) {
    if (d > PartitionTree<T>::kMostDimensions)
      throw std::invalid_argument("points have " + std::to_string(d) + " columns; partition-tree serves at most " +
                                  std::to_string(PartitionTree<T>::kMostDimensions) + ", use quantized-scan");
  }

  class Splitter {
   public:
    explicit Splitter(Points<T> points)
        : points_(points),
          d_(points.dimension),
          random_(0, RandomPurpose::partition),
          barycentric_(points.dimension),
          lambda_(static_cast<std::size_t>(kSample * (points.dimension + 1))) {}

    // The standard simplex around the box of all points, and hyperplanes through d points each.
    Simplex whole(const std::int32_t* rows, Index count) {
      std::vector<double> low(at(d_), HUGE_VAL), high(at(d_), -HUGE_VAL);
      for (Index k = 0; k < count; ++k)
        for (Index j = 0; j < d_; ++j) {
          low[at(j)] = std::min(low[at(j)], value(rows[k], j));
          high[at(j)] = std::max(high[at(j)], value(rows[k], j));
        }
      Simplex simplex;
      simplex.corners.resize(at((d_ + 1) * d_));
      for (Index corner = 0; corner <= d_; ++corner)
        for (Index j = 0; j < d_; ++j) {
          const double side = std::min(high[at(j)] - low[at(j)], 1e300 / static_cast<double>(d_));
          simplex.corners[at(corner * d_ + j)] = low[at(j)] + (corner == j ? static_cast<double>(d_) * side : 0);
        }
      add_tests(simplex, rows, count);
      shrink(simplex, rows, count);
      return simplex;
    }

    void split(const Simplex& simplex, const std::int32_t* rows, Index count, std::pair<T, std::int32_t>* keys) {
      barycentric_.set(simplex.corners);
      const Index sample = std::min(count, kSample), stride = count / sample;
      for (Index s = 0; s < sample; ++s) weigh(rows[s * stride], lambda_.data() + s * (d_ + 1));
      // What test hyperplanes are at the corners.
      heights_.resize(simplex.crossing.size() * at(d_ + 1));
      for (std::size_t t = 0; t < simplex.crossing.size(); ++t) {
        const Test& test = tests_[at(simplex.crossing[t])];
        for (Index c = 0; c <= d_; ++c)
          heights_[t * at(d_ + 1) + at(c)] = test.height(simplex.corners.data() + c * d_, d_);
      }
      double best = HUGE_VAL;
      ratios_.resize(at(sample));
      for (Index i = 0; i <= d_; ++i)
        for (Index j = i + 1; j <= d_; ++j) {
          for (Index s = 0; s < sample; ++s) ratios_[at(s)] = ratio(lambda_.data() + s * (d_ + 1), i, j);
          std::nth_element(ratios_.begin(), ratios_.begin() + sample / 2, ratios_.end());
          const double cost = static_cast<Index>(simplex.crossing.size()) < kFewTests
                                  ? -squared_length(simplex.corners, i, j)
                                  : crossings(simplex, i, j, ratios_[at(sample / 2)]);
          if (cost < best) {
            best = cost;
            one_ = i;
            other_ = j;
          }
        }
      std::vector<double> lambda(at(d_ + 1));
      for (Index k = 0; k < count; ++k) {
        weigh(rows[k], lambda.data());
        keys[k] = {static_cast<T>(ratio(lambda.data(), one_, other_)), rows[k]};
      }
    }

    // The halves: one corner each gives way to a point of the edge between the two.
    std::pair<Simplex, Simplex> halves(const Simplex& simplex, const std::int32_t* rows,
                                       const std::pair<T, std::int32_t>* keys, Index middle, Index count) {
      double below = 0, above = 1;
      for (Index k = 0; k < middle; ++k) below = std::max(below, static_cast<double>(keys[k].first));
      for (Index k = middle; k < count; ++k) above = std::min(above, static_cast<double>(keys[k].first));
      const double share = (below + above) / 2;
      std::pair<Simplex, Simplex> result{simplex, simplex};
      // Points with a small share of corner `one_` lie on the side of `other_`.
      for (Index j = 0; j < d_; ++j) {
        const double cut =
            share * simplex.corners[at(one_ * d_ + j)] + (1 - share) * simplex.corners[at(other_ * d_ + j)];
        result.first.corners[at(one_ * d_ + j)] = cut;
        result.second.corners[at(other_ * d_ + j)] = cut;
      }
      shrink(result.first, rows, middle);
      shrink(result.second, rows + middle, count - middle);
      for (const std::int32_t t : simplex.crossing)
        if (crosses(result.first, t) && crosses(result.second, t))
          tests_[at(t)].weight = std::min(2 * tests_[at(t)].weight, 1e30);
      narrow(result.first, rows, middle);
      narrow(result.second, rows + middle, count - middle);
      return result;
    }

   private:
    static constexpr Index kSample = 128, kTests = 48, kFewTests = 8;
    static constexpr Index kFewPoints = 512;  // below this a simplex gets no tests of its own
    static std::size_t at(Index k) noexcept { return static_cast<std::size_t>(k); }

    struct Test {
      std::vector<double> normal;
      double offset, weight;
      [[nodiscard]] double height(const double* p, Index d) const {
        double sum = -offset;
        for (Index j = 0; j < d; ++j) sum += normal[static_cast<std::size_t>(j)] * p[j];
        return sum;
      }
    };

    [[nodiscard]] double value(std::int32_t row, Index j) const { return static_cast<double>(points_.row(row)[j]); }
    void weigh(std::int32_t row, double* lambda) const {
      barycentric_.weights([&](Index j) { return value(row, j); }, lambda);
    }
    // In [0, 1] whatever the weights are, which overflow where coordinates do.
    static double ratio(const double* lambda, Index i, Index j) {
      const double a = std::max(lambda[i], 0.0), b = std::max(lambda[j], 0.0), share = a / (a + b);
      return share >= 0 && share <= 1 ? share : 0.5;
    }

    [[nodiscard]] double squared_length(const std::vector<double>& corners, Index i, Index j) const {
      double squares = 0;
      for (Index k = 0; k < d_; ++k) {
        const double step = corners[at(i * d_ + k)] - corners[at(j * d_ + k)];
        squares += step * step;
      }
      return squares;
    }

    // The weight of test hyperplanes that would cross both halves of a cut between corners i and j.
    [[nodiscard]] double crossings(const Simplex& simplex, Index i, Index j, double share) const {
      double cost = 0;
      for (std::size_t t = 0; t < simplex.crossing.size(); ++t) {
        const double* h = heights_.data() + t * at(d_ + 1);
        const double cut = share * h[i] + (1 - share) * h[j];
        // Each half has the cut for one of the two corners.
        const auto crosses_without = [&](Index corner) {
          bool above = cut > 0, below = cut < 0;
          for (Index c = 0; c <= d_; ++c) {
            above |= c != corner && h[c] > 0;
            below |= c != corner && h[c] < 0;
          }
          return above && below;
        };
        cost += tests_[at(simplex.crossing[t])].weight * ((crosses_without(i) ? 1 : 0) + (crosses_without(j) ? 1 : 0));
      }
      return cost;
    }

    [[nodiscard]] bool crosses(const Simplex& simplex, std::int32_t t) const {
      bool above = false, below = false;
      for (Index c = 0; c <= d_; ++c) {
        const double h = tests_[at(t)].height(simplex.corners.data() + c * d_, d_);
        above |= h >= 0;
        below |= h <= 0;
      }
      return above && below;
    }

    // The smallest of three simplices around the points: the given one with every facet slid towards them as far as
    // they allow, and the two with d facets parallel to the axes. Classes of a simplicial partition may overlap.
    void shrink(Simplex& simplex, const std::int32_t* rows, Index count) {
      std::vector<double> best = slid(simplex.corners, rows, count);
      double smallest = best.empty() ? HUGE_VAL : spread(best);
      for (const double side : {1.0, -1.0}) {
        std::vector<double> corners = in_a_corner(side, rows, count);
        const double size = spread(corners);
        if (size < smallest) {
          smallest = size;
          best.swap(corners);
        }
      }
      if (std::isfinite(smallest)) simplex.corners.swap(best);
    }

    // The sum of the squared lengths of all edges.
    [[nodiscard]] double spread(const std::vector<double>& corners) const {
      double sum = 0;
      for (Index i = 0; i <= d_; ++i)
        for (Index j = i + 1; j <= d_; ++j) sum += squared_length(corners, i, j);
      return sum;
    }

    // Nothing where it would not be finite.
    std::vector<double> slid(const std::vector<double>& around, const std::int32_t* rows, Index count) {
      barycentric_.set(around);
      std::vector<double> least(at(d_ + 1), HUGE_VAL), lambda(at(d_ + 1));
      for (Index k = 0; k < count; ++k) {
        weigh(rows[k], lambda.data());
        for (Index c = 0; c <= d_; ++c) least[at(c)] = std::min(least[at(c)], lambda[at(c)]);
      }
      double sum = 0;
      for (const double each : least) sum += each;
      if (!(sum < 1) || !std::isfinite(sum)) return {};
      // Corner c has the least weight of all others, and the rest.
      std::vector<double> corners(around.size());
      for (Index c = 0; c <= d_; ++c)
        for (Index j = 0; j < d_; ++j) {
          double place = 0;
          for (Index o = 0; o <= d_; ++o)
            place += (o == c ? least[at(c)] + 1 - sum : least[at(o)]) * around[at(o * d_ + j)];
          corners[at(c * d_ + j)] = place;
        }
      return corners;
    }

    // All x with side x_j >= its least value and the least sum of side x_j that holds the points.
    [[nodiscard]] std::vector<double> in_a_corner(double side, const std::int32_t* rows, Index count) const {
      std::vector<double> low(at(d_), HUGE_VAL);
      double reach = -HUGE_VAL;
      for (Index k = 0; k < count; ++k) {
        double sum = 0;
        for (Index j = 0; j < d_; ++j) {
          low[at(j)] = std::min(low[at(j)], side * value(rows[k], j));
          sum += side * value(rows[k], j);
        }
        reach = std::max(reach, sum);
      }
      for (const double each : low) reach -= each;
      std::vector<double> corners(at((d_ + 1) * d_));
      for (Index c = 0; c <= d_; ++c)
        for (Index j = 0; j < d_; ++j) corners[at(c * d_ + j)] = side * (low[at(j)] + (c == j ? reach : 0));
      return corners;
    }

    // Keeps the tests that cross, and adds new ones when few are left.
    void narrow(Simplex& simplex, const std::int32_t* rows, Index count) {
      auto& kept = simplex.crossing;
      kept.erase(std::remove_if(kept.begin(), kept.end(), [&](std::int32_t t) { return !crosses(simplex, t); }),
                 kept.end());
      if (static_cast<Index>(kept.size()) < kTests / 2 && count >= kFewPoints) add_tests(simplex, rows, count);
    }

    // Hyperplanes through d random points of the set.
    void add_tests(Simplex& simplex, const std::int32_t* rows, Index count) {
      while (static_cast<Index>(simplex.crossing.size()) < kTests) {
        std::vector<std::int32_t> chosen;
        for (Index k = 0; k < d_; ++k) chosen.push_back(rows[random_.below(static_cast<std::uint64_t>(count))]);
        simplex.crossing.push_back(static_cast<std::int32_t>(tests_.size()));
        tests_.push_back(through(chosen));
      }
    }

    // The normal by elimination: orthogonal to the differences of the points.
    Test through(const std::vector<std::int32_t>& chosen) {
      const Index d = d_;
      std::vector<double> m(at(d * d));
      for (Index k = 0; k + 1 < d; ++k)
        for (Index j = 0; j < d; ++j) m[at(k * d + j)] = value(chosen[at(k + 1)], j) - value(chosen[0], j);
      std::vector<Index> pivots;
      Index row = 0;
      Index free_column = d - 1;
      for (Index column = 0; column < d; ++column) {
        Index pivot = row;
        for (Index k = row + 1; k + 1 < d; ++k)
          if (std::abs(m[at(k * d + column)]) > std::abs(m[at(pivot * d + column)])) pivot = k;
        if (row + 1 >= d || m[at(pivot * d + column)] == 0) {
          free_column = column;
          continue;
        }
        for (Index j = 0; j < d; ++j) std::swap(m[at(row * d + j)], m[at(pivot * d + j)]);
        for (Index k = 0; k + 1 < d; ++k) {
          if (k == row) continue;
          const double times = m[at(k * d + column)] / m[at(row * d + column)];
          for (Index j = 0; j < d; ++j) m[at(k * d + j)] -= times * m[at(row * d + j)];
        }
        pivots.push_back(column);
        ++row;
      }
      Test test{std::vector<double>(at(d), 0.0), 0, 1};
      test.normal[at(free_column)] = 1;
      for (std::size_t k = 0; k < pivots.size(); ++k) {
        const double divisor = m[k * at(d) + at(pivots[k])];
        test.normal[at(pivots[k])] = -m[k * at(d) + at(free_column)] / divisor;
      }
      for (Index j = 0; j < d; ++j) {
        if (!std::isfinite(test.normal[at(j)])) test.normal[at(j)] = 0;
        test.offset += test.normal[at(j)] * value(chosen[0], j);
      }
      return test;
    }

    Points<T> points_;
    Index d_, one_ = 0, other_ = 1;
    RandomStream random_;
    Barycentric barycentric_;
    std::vector<double> lambda_, heights_, ratios_;
    std::vector<Test> tests_;
  };

  // The corners rounded to T, and how far outside of the rounded simplex a point lies at most. Whatever the weights
  // are, made non-negative and divided by their sum they give a point of the simplex, and the distance to that bounds
  // the distance to the simplex: so nothing here depends on how well the corners were computed.
  static void cover(const Simplex* simplex, const Strips<T>& strips, Index begin, Index end, Slot<T> slot) {
    const Index d = strips.dimension();
    std::vector<double> corners(simplex->corners), lambda(static_cast<std::size_t>(d + 1));
    double largest = 0;
    for (Index c = 0; c <= d; ++c) {
      double squares = 0;
      for (Index j = 0; j < d; ++j) {
        double& value = corners[static_cast<std::size_t>(c * d + j)];
        constexpr double kMost = static_cast<double>(std::numeric_limits<T>::max());
        slot[c * d + j] = static_cast<T>(std::min(std::max(value, -kMost), kMost));
        value = static_cast<double>(slot[c * d + j]);
        squares += value * value;
      }
      largest = std::max(largest, norm_bound_of_squares(squares, d));
    }
    Barycentric barycentric(d);
    barycentric.set(corners);
    double outside = 0;
    for (Index p = begin; p < end; ++p) {
      barycentric.weights([&](Index j) { return static_cast<double>(strips.value(p, j)); }, lambda.data());
      double sum = 0;
      for (double& weight : lambda) sum += weight = std::max(weight, 0.0);
      if (!(sum > 0) || !std::isfinite(sum)) {
        std::fill(lambda.begin(), lambda.end(), 1.0);
        sum = static_cast<double>(d + 1);
      }
      double squares = 0, scale = 0;
      for (Index j = 0; j < d; ++j) {
        double place = 0;
        for (Index c = 0; c <= d; ++c)
          place += lambda[static_cast<std::size_t>(c)] / sum * corners[static_cast<std::size_t>(c * d + j)];
        const double value = static_cast<double>(strips.value(p, j)), step = value - place;
        squares += step * step;
        scale = std::max(scale, std::abs(value));
      }
      // `place` errs by d + 4 roundings of at most the largest corner, and the weights sum to 1 up to d + 2 of them.
      const double rounding =
          static_cast<double>(2 * d + 16) * 0x1p-52 * (largest + scale) * std::sqrt(static_cast<double>(d));
      const double distance = norm_bound_of_squares(squares, d) + rounding;
      outside = std::max(outside, distance == distance ? distance : HUGE_VAL);
    }
    slot[d * (d + 1)] = clamped_up<T>(outside * (1 + 8 * kWiden));
    slot[d * (d + 1) + 1] = clamped_up<T>((largest + outside) * (1 + 8 * kWiden));
  }

  static double extent(Slot<T>, Index) noexcept { return 0; }

  static Simplex read_shape(const T* values, Index d, Index node) {
    Simplex simplex;
    const T* group = values + node / kSiblings * simplex_values(d) * kSiblings + node % kSiblings;
    for (Index k = 0; k < d * (d + 1); ++k) {
      const double value = static_cast<double>(group[k * kSiblings]);
      if (!std::isfinite(value)) FlatReader::fail("a corner of a simplex is not finite");
      simplex.corners.push_back(value);
    }
    return simplex;
  }
};

template <class T>
using Tree = WideTree<T, SimplexBound<T>>;

}  // namespace

template <class T>
PartitionTree<T>::PartitionTree(Points<T> points, const IndexOptions& options)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, Tree<T>>>(points, options)) {}
template <class T>
PartitionTree<T>::PartitionTree(const FlatReader& reader)
    : ForwardingIndex<T>(std::make_unique<DynamicIndex<T, Tree<T>>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> PartitionTree<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new PartitionTree(*this));
}

template <class T>
std::vector<CrossingNumber> crossing_numbers(Points<T> points, const IndexOptions& options, const T* normals,
                                             const double* thresholds, Index queries) {
  require_dimension(points.dimension);
  SimplexBound<T>::check_dimension(points.dimension);
  check_points(points, points.dimension);
  check_queries(normals, thresholds, queries, points.dimension);
  typename Tree<T>::Options tree_options;
  tree_options.leaf_size = options.leaf_size;
  std::vector<std::int32_t> order;
  const WatchScope told(options.progress, {});
  const Tree<T> tree(points, tree_options, order);
  std::vector<CrossingNumber> numbers;
  for (Index q = 0; q < queries; ++q) {
    const FarSide<T> query(normals + q * points.dimension, thresholds[q], points.dimension);
    numbers.push_back({tree.crossed_leaves(query), tree.leaves()});
  }
  return numbers;
}

template class PartitionTree<float>;
template class PartitionTree<double>;
template std::vector<CrossingNumber> crossing_numbers<float>(Points<float>, const IndexOptions&, const float*,
                                                             const double*, Index);
template std::vector<CrossingNumber> crossing_numbers<double>(Points<double>, const IndexOptions&, const double*,
                                                              const double*, Index);

}  // namespace sublinear
