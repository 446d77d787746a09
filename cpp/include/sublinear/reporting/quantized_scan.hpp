/// @file
/// Half-space reporting by looking at every point in 8 bits, and at few of them exactly.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

/// Looks at a copy of every point rounded to 8 bits, with a bound on what the rounding can hide; the canonical product
/// decides about the points this proposes. So it reports what `BruteForce` reports, ties included.
///
/// The bound is |<p, x> - <p', x'>| <= ||p - p'|| ||x|| + ||p'|| ||x - x'||, with p' and x' the rounded vectors; it
/// grows with the largest coordinate of a point, so few large coordinates among many small ones make it propose much.
///
/// Cost for N points in d dimensions: query N d in integers (four times the rate of float where the processor has the
/// VNNI instructions of AVX-512) and d for each proposed point. insert, move: the points given. erase: marks; every so
/// often what is left is moved together. Memory: N (d (sizeof(T) + 1) + 49) bytes.
template <class T>
class SUBLINEAR_API QuantizedScan final : public ForwardingIndex<T> {
 public:
  static constexpr Index kMostDimensions = 40000;  ///< sums of products of bytes must fit 32 bits

  /// The points get the ids 0 ... count - 1 and are copied. @throws std::invalid_argument for bad points and for more
  /// than kMostDimensions dimensions.
  explicit QuantizedScan(Points<T> points, const IndexOptions& options = {});
  /// What `save_index` wrote.
  explicit QuantizedScan(const FlatReader& reader);
  QuantizedScan(QuantizedScan&&) noexcept = default;             ///< moves cheaply
  QuantizedScan& operator=(QuantizedScan&&) noexcept = default;  ///< the same
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override;

 private:
  QuantizedScan(const QuantizedScan&) = default;
};

}  // namespace sublinear
