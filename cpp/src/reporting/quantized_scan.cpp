#include "sublinear/reporting/quantized_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "kernels/norm_bounds.hpp"
#include "reporting/point_store.hpp"
#include "reporting/query_panels.hpp"
#include "reporting/scanned_store.hpp"
#include "sublinear/kernels/simd.hpp"

namespace sublinear {
namespace {

constexpr double kLevels = 127;

// Scales outside this range are not used: their products with sums of bytes could leave the range of float.
constexpr double kSmallestScale = 0x1p-80, kLargestScale = 0x1p80;

// A vector as scale * integers in [-127, 127], and outward bounds on the norms of the two parts of the bound.
struct Quantized {
  double scale = 0;    // 0: not representable, the integers are 0
  double rounded = 0;  // >= ||scale * integers||
  double missing = 0;  // >= ||v - scale * integers||

  // put(j, integer) gets the integers in turn.
  template <class T, class Put>
  Quantized(const T* v, Index d, Put&& put) {
    double largest = 0;
    for (Index j = 0; j < d; ++j) largest = std::max(largest, std::abs(static_cast<double>(v[j])));
    // A number of float, so that the kernel's copy of it is the same.
    const double wanted = largest / kLevels * (1 + 0x1p-20);
    if (wanted >= kSmallestScale && wanted <= kLargestScale) scale = static_cast<double>(static_cast<float>(wanted));
    double rounded_squares = 0, missing_squares = 0;
    for (Index j = 0; j < d; ++j) {
      const double value = static_cast<double>(v[j]), level = scale > 0 ? std::nearbyint(value / scale) : 0;
      put(j, static_cast<int>(level));
      rounded_squares += level * level;
      missing_squares += (value - level * scale) * (value - level * scale);
    }
    rounded = norm_bound_of_squares(rounded_squares, d) * scale * (1 + 4 * kWiden);
    // Each difference errs by two roundings of at most |v_j| (1 + 2^-20).
    missing = (norm_bound_of_squares(missing_squares, d) + 8 * kWiden * largest * std::sqrt(static_cast<double>(d))) *
                  (1 + 4 * kWiden) +
              kTiny;
  }
};

template <class T>
class Scan final : public ScannedIndex<T> {
 public:
  explicit Scan(Points<T> points) : ScannedIndex<T>(points.dimension), stride_((points.dimension + 3) / 4 * 4) {
    if (points.dimension > QuantizedScan<T>::kMostDimensions)
      throw std::invalid_argument("points have " + std::to_string(points.dimension) +
                                  " columns; quantized-scan serves at most " +
                                  std::to_string(QuantizedScan<T>::kMostDimensions) + ", use brute-force");
    static_cast<void>(simd_level());  // refuses a level that is not offered while there are no points
    add(points);
  }
  explicit Scan(const FlatReader& reader) : ScannedIndex<T>(reader), stride_((store_.dimension() + 3) / 4 * 4) {
    if (store_.dimension() > QuantizedScan<T>::kMostDimensions) reader.fail("its points have too many dimensions");
    static_cast<void>(simd_level());
    const FloatingPointScope scope;
    store_.load(reader);
    copies_.make_room(store_.slots(), stride_);
    copies_.resize(store_.slots(), stride_);
    write_copies(0, store_.slots());
  }

  [[nodiscard]] const char* name() const noexcept override { return "quantized-scan"; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return store_.bytes() + copies_.bytes(); }

  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override { return std::make_unique<Scan>(*this); }

  Index insert(Points<T> points) override {
    const Unwatched whole;
    return add(points);
  }

  void erase(const Index* ids, Index count) override {
    const Unwatched whole;
    const FloatingPointScope scope;
    const std::vector<Index> slots = store_.slots_of(ids, count);
    store_.erase(slots);
    if (2 * store_.alive() >= store_.slots()) return;
    try {
      store_.compact();
    } catch (const std::bad_alloc&) {  // only a saving: left for later where memory is short
      return;
    }
    copies_.resize(store_.slots(), stride_);
    write_copies(0, store_.slots());
  }

  void move(const Index* ids, Index count, const T* points) override {
    const Unwatched whole;
    const FloatingPointScope scope;
    const std::vector<Index> slots = store_.slots_of(ids, count);
    store_.check_rows(points, count);
    store_.overwrite(slots, points);
    for (const Index slot : slots) write_copies(slot, slot + 1);
  }

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    store_.check_queries(normals, thresholds, queries);
    if (options.limit != ReportOptions::kNoLimit)
      return scan_limited(store_, normals, thresholds, queries, options, out);
    std::vector<std::vector<Slot32>> found(static_cast<std::size_t>(queries));
    const Index blocks = store_.slots() / kBlock + 1;
    Work work = scan_all(normals, thresholds, queries, options.threads, [&](Index q, const Slot32* slots, Index size) {
      append_slots(found[static_cast<std::size_t>(q)], slots, size, blocks);
    });
    gather_ids(store_, found, out);
    work.fired = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    store_.check_queries(normals, thresholds, queries);
    require_pointer(counts, queries, "counts");
    std::fill(counts, counts + queries, Index{0});
    Work work =
        scan_all(normals, thresholds, queries, threads, [&](Index q, const Slot32*, Index size) { counts[q] += size; });
    for (Index q = 0; q < queries; ++q) work.fired += counts[q];
    return work;
  }

 private:
  Index add(Points<T> points) {
    const FloatingPointScope scope;
    check_points(points, store_.dimension());
    copies_.make_room(store_.slots() + points.count, stride_);
    const Index begin = store_.slots(), first = store_.append(points);
    copies_.resize(store_.slots(), stride_);
    write_copies(begin, store_.slots());
    return first;
  }

  static constexpr Index kWidth = 4 * kQuantizedQueries;
  static constexpr Index kBlock = kBlockPoints;  // points whose bounds are put together

  // The points in 8 bits, by position, in strips.
  struct Copies {
    AlignedVector<std::int8_t> strips;
    std::vector<std::int32_t> sums;
    std::vector<float> scales;
    std::vector<double> rounded, missing, norms;

    static std::size_t whole_strips(Index count) {
      return static_cast<std::size_t>((count + kStrip - 1) / kStrip * kStrip);
    }

    // So that `resize` cannot throw; grows geometrically.
    void make_room(Index count, Index stride) {
      const std::size_t size = whole_strips(count);
      const auto grow = [](auto& vector, std::size_t need) {
        if (need > vector.capacity()) vector.reserve(std::max(need, vector.capacity() * 2));
      };
      grow(strips, size * static_cast<std::size_t>(stride));
      grow(sums, size);
      grow(scales, size);
      for (auto* each : {&rounded, &missing, &norms}) grow(*each, size);
    }

    void resize(Index count, Index stride) {
      const std::size_t size = whole_strips(count);
      strips.resize(size * static_cast<std::size_t>(stride));
      sums.resize(size);
      scales.resize(size);
      for (auto* each : {&rounded, &missing, &norms}) each->resize(size);
    }

    void write(Index position, const T* point, Index d, Index stride) noexcept {
      const auto at = static_cast<std::size_t>(position);
      std::int8_t* const bytes = strips.data() + position / kStrip * kStrip * stride + position % kStrip * 4;
      std::int32_t sum = 0;
      const Quantized copy(point, d, [&](Index j, int level) {
        bytes[j / 4 * 4 * kStrip + j % 4] = static_cast<std::int8_t>(level);
        sum += level;
      });
      sums[at] = sum;
      scales[at] = static_cast<float>(copy.scale);
      rounded[at] = copy.rounded;
      missing[at] = copy.missing;
      norms[at] = euclidean_norm_bound(point, d);
    }

    [[nodiscard]] std::size_t bytes() const noexcept {
      return strips.capacity() + sums.capacity() * sizeof(std::int32_t) + scales.capacity() * sizeof(float) +
             (rounded.capacity() + missing.capacity() + norms.capacity()) * sizeof(double);
    }
  };

  // The largest of each among the points of a block.
  struct BlockBounds {
    double rounded, missing, norm;
  };

  // Those of all blocks: they take a pass over numbers of all points, which the panels share.
  [[nodiscard]] std::vector<BlockBounds> block_bounds() const {
    std::vector<BlockBounds> bounds;
    bounds.reserve(static_cast<std::size_t>(store_.slots() / kBlock + 1));
    for (Index first = 0; first < store_.slots(); first += kBlock) {
      const Index end = std::min(store_.slots(), first + kBlock);
      const auto largest = [&](const std::vector<double>& of) {
        return *std::max_element(of.begin() + first, of.begin() + end);
      };
      bounds.push_back({largest(copies_.rounded), largest(copies_.missing), largest(copies_.norms)});
    }
    return bounds;
  }

  // Queries side by side in 8 bits.
  struct Panel {
    const Scan* scan_of;
    const std::vector<BlockBounds>* bounds;  // by block
    AlignedVector<std::uint8_t> rows;
    struct Query {
      double threshold, scale, norm, rounded, missing;
    };
    std::vector<Query> queries;

    Panel(const Scan& scan, const std::vector<BlockBounds>& block_bounds, const T* normals, const double* thresholds,
          Index size)
        : scan_of(&scan),
          bounds(&block_bounds),
          rows(static_cast<std::size_t>(scan.stride_ * kWidth), std::uint8_t{128}) {
      const Index d = scan.store_.dimension();
      for (Index q = 0; q < size; ++q) {
        const T* x = normals + q * d;
        const Quantized copy(x, d, [&](Index j, int level) {
          rows[static_cast<std::size_t>(q * scan.stride_ + j)] = static_cast<std::uint8_t>(level + 128);
        });
        queries.push_back({thresholds[q], copy.scale, euclidean_norm_bound(x, d), copy.rounded, copy.missing});
      }
    }

    // Claim. With I the integer product, s and t the scales of p and x, g and eta the errors of the canonical product,
    //   slack = ||p'|| ||x - x'|| + ||p - p'|| ||x|| + g ||p|| ||x|| + eta + 2^-22 ||p'|| ||x'||:
    // fl<p, x> >= threshold only if fl(fl(I) s) >= (threshold - slack) / t, and surely if >= (threshold + slack) / t.
    // Proof. fl<p, x> differs by at most g ||p|| ||x|| + eta from <p, x> = <p', x'> + <p', x - x'> + <p - p', x>, and
    // <p', x'> = s t I. Converting I to float and multiplying by s are two roundings of 2^-24 each, of numbers below
    // ||p'|| ||x'|| / t; nothing overflows or underflows, since scales are within 2^80. What is computed here in double
    // is widened by more than its roundings. A query that is not representable (t = 0) proposes everything; a point
    // that is not has I = 0 and p' = 0, which the claim covers.
    void scan(Index first, Index count, BlockHits hits) const {
      const Copies& copies = scan_of->copies_;
      const Index d = scan_of->store_.dimension();
      const auto [rounded, missing, norm] = (*bounds)[static_cast<std::size_t>(first / kBlock)];
      constexpr float kInfinity = std::numeric_limits<float>::infinity();
      // Only as many groups of queries as there are.
      const Index used =
          (static_cast<Index>(queries.size()) + kQuantizedQueries - 1) / kQuantizedQueries * kQuantizedQueries;
      float low[kWidth], high[kWidth];
      std::fill(low, low + kWidth, kInfinity);
      std::fill(high, high + kWidth, kInfinity);
      for (std::size_t q = 0; q < queries.size(); ++q) {
        const Query& query = queries[q];
        const double slack =
            (rounded * query.missing + missing * query.norm + dot_error_factor<T>(d) * norm * query.norm +
             dot_underflow<T>(d) + 0x1p-22 * rounded * query.rounded) *
                (1 + 16 * kWiden) +
            4 * kWiden * std::abs(query.threshold);
        // Where the canonical product may overflow, it alone knows what comes of that.
        const bool bounded = query.scale > 0 && norm * query.norm <= std::numeric_limits<T>::max() / 8;
        low[q] = bounded ? clamped((query.threshold - slack) / query.scale) : -kInfinity;
        high[q] = bounded ? -clamped((-query.threshold - slack) / query.scale) : kInfinity;
      }
      quantized_scan(copies.strips.data() + first * scan_of->stride_, copies.sums.data() + first,
                     copies.scales.data() + first, count, scan_of->stride_, rows.data(), used, low, high, hits);
    }

    // Rounded down to float; NaN, which only overflow makes, proposes everything.
    static float clamped(double value) {
      constexpr double kMost = std::numeric_limits<float>::max();
      if (!(value >= -kMost)) return -std::numeric_limits<float>::infinity();
      return round_down<float>(std::min(value, kMost));
    }
  };

  // As in brute_force.cpp.
  template <class Take>
  Work scan_all(const T* normals, const double* thresholds, Index queries, int requested, Take&& take) const {
    const Index d = store_.dimension();
    const FloatingPointScope scope;
    std::vector<std::int64_t> proposed(static_cast<std::size_t>(queries));
    const std::vector<BlockBounds> bounds = block_bounds();
    scan_in_panels(
        store_.slots(), kBlock, queries, kWidth, resolve_threads(requested),
        [&](Index q, Index size) { return Panel(*this, bounds, normals + q * d, thresholds + q, size); },
        [&](Index q, Index first, const std::uint16_t* offsets, Index found) {
          proposed[static_cast<std::size_t>(q)] +=
              confirm(store_, q, normals + q * d, thresholds[q], first, offsets, found, take);
        });
    Work work;
    for (const std::int64_t count : proposed) work.candidates += count;
    work.inner_products = queries * store_.slots() + work.candidates;
    return work;
  }

  void write_copies(Index begin, Index end) {
    for (Index position = begin; position < end; ++position) {
      keep_watch(static_cast<double>(position - begin) / static_cast<double>(end - begin));
      copies_.write(position, store_.row(position), store_.dimension(), stride_);
    }
  }

  using ScannedIndex<T>::store_;
  Index stride_;  // bytes of a row of copies
  Copies copies_;
};

}  // namespace

template <class T>
QuantizedScan<T>::QuantizedScan(Points<T> points, const IndexOptions&)
    : ForwardingIndex<T>(std::make_unique<Scan<T>>(points)) {}
template <class T>
QuantizedScan<T>::QuantizedScan(const FlatReader& reader) : ForwardingIndex<T>(std::make_unique<Scan<T>>(reader)) {}
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> QuantizedScan<T>::clone() const {
  return std::unique_ptr<HalfSpaceIndex<T>>(new QuantizedScan(*this));
}

template class QuantizedScan<float>;
template class QuantizedScan<double>;

}  // namespace sublinear
