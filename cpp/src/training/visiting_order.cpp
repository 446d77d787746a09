#include "training/visiting_order.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/watch.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {
namespace {

// Among so many points the next one is looked for.
constexpr std::size_t kWindow = 256;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class T>
class Distances {
 public:
  explicit Distances(Points<T> points) : points_(points), half_squares_(at(points.count)) {
    for (Index i = 0; i < points.count; ++i) half_squares_[at(i)] = product(i, i) / 2;
  }

  [[nodiscard]] T product(Index i, Index k) const {
    return inner_product(points_.row(i), points_.row(k), points_.dimension);
  }
  // Where in `ids`, which has some, the point is that is nearest to, or farthest from, point i.
  [[nodiscard]] std::size_t nearest(Index i, const std::vector<NeuronId>& ids) { return least(i, ids, T(1)); }
  [[nodiscard]] std::size_t farthest(Index i, const std::vector<NeuronId>& ids) { return least(i, ids, T(-1)); }

 private:
  // Of half the square of the distance, less what is the same for all, times the sign. Overflow makes a bad choice.
  std::size_t least(Index i, const std::vector<NeuronId>& ids, T sign) {
    products_.resize(ids.size());
    inner_products_at(points_.data, ids.data(), static_cast<Index>(ids.size()), points_.dimension, points_.row(i),
                      products_.data());
    const auto value = [&](std::size_t k) { return sign * (half_squares_[at(ids[k])] - products_[k]); };
    std::size_t best = 0;
    for (std::size_t k = 1; k < ids.size(); ++k)
      if (value(k) < value(best)) best = k;
    return best;
  }

  Points<T> points_;
  std::vector<T> half_squares_, products_;
};

// All points along the line between two that are far apart.
template <class T>
std::vector<NeuronId> along_a_line(Distances<T>& distances, Index count) {
  std::vector<NeuronId> ids(at(count));
  std::iota(ids.begin(), ids.end(), NeuronId{0});
  const Index one = ids[distances.farthest(0, ids)], other = ids[distances.farthest(one, ids)];
  std::vector<T> keys(ids.size());
  for (Index i = 0; i < count; ++i) {
    const T key = distances.product(other, i) - distances.product(one, i);
    keys[at(i)] = key == key ? key : T(0);  // a comparison needs numbers
  }
  std::sort(ids.begin(), ids.end(),
            [&](NeuronId a, NeuronId b) { return keys[at(a)] < keys[at(b)] || (keys[at(a)] == keys[at(b)] && a < b); });
  return ids;
}

}  // namespace

template <class T>
std::vector<Index> similarity_ranks(Points<T> points) {
  if (points.count == 0) return {};
  Distances<T> distances(points);
  const std::vector<NeuronId> line = along_a_line(distances, points.count);
  std::size_t taken = std::min(kWindow, line.size());
  std::vector<NeuronId> window(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(taken));
  std::vector<Index> ranks(line.size());
  std::size_t found = 0;
  for (Index rank = 0; rank < points.count; ++rank) {
    keep_watch(static_cast<double>(rank) / static_cast<double>(points.count));
    const Index current = window[found];
    ranks[at(current)] = rank;
    if (taken < line.size()) {
      window[found] = line[taken++];
    } else {
      window[found] = window.back();
      window.pop_back();
    }
    if (!window.empty()) found = distances.nearest(current, window);
  }
  return ranks;
}

std::vector<Index> visiting_order(const std::vector<Index>& ranks, const Index* batch, Index count) {
  std::vector<Index> order(at(count));
  std::iota(order.begin(), order.end(), Index{0});
  if (!ranks.empty())
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return ranks[at(batch[a])] < ranks[at(batch[b])]; });
  return order;
}

template std::vector<Index> similarity_ranks<float>(Points<float>);
template std::vector<Index> similarity_ranks<double>(Points<double>);

}  // namespace sublinear
