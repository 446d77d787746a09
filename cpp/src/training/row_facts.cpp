#include "training/row_facts.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/copy_bounds.hpp"
#include "kernels/fused_scan.hpp"
#include "kernels/norm_bounds.hpp"
#include "kernels/quantized_rows.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

template <class T>
RowFacts<T>::RowFacts(const TwoLayerNetwork<T>& network, int threads)
    : facts_(static_cast<std::size_t>(network.width())),
      quantized_(static_cast<std::size_t>(network.width() * quantized_stride(network.dimension()))),
      dimension_(network.dimension()),
      stride_(quantized_stride(network.dimension())) {
  parallel_for(network.width(), resolve_threads(threads), 256, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r) {
      measure(static_cast<NeuronId>(r), network.weights() + r * dimension_);
      facts_[static_cast<std::size_t>(r)].bias = network.biases()[r];
    }
  });
}

template <class T>
void RowFacts<T>::measure(NeuronId r, const T* row) {
  RowFact<T>& fact = facts_[static_cast<std::size_t>(r)];
  // Not subnormal, so that its inverse is finite.
  fact.norm = std::max(round_up<T>(euclidean_norm_bound(row, dimension_)), std::numeric_limits<T>::min());
  fact.scale = quantize_row(row, dimension_, quantized_.data() + static_cast<Index>(r) * stride_);
  if (!strips_.empty()) write_strips(r, row);
}

template <class T>
void RowFacts<T>::write_strips(NeuronId r, const T* row) noexcept {
  const auto lay = [&](const std::int8_t* copy, AlignedVector<std::int8_t>& strips, AlignedVector<std::int32_t>& sums) {
    std::int8_t* const to = strips.data() + r / kStrip * kStrip * stride_ + r % kStrip * 4;
    std::int32_t sum = 0;
    for (Index j = 0; j < stride_; j += 4) std::memcpy(to + j * kStrip, copy + j, 4);
    for (Index j = 0; j < stride_; ++j) sum += copy[j];
    sums[static_cast<std::size_t>(r)] = sum;
  };
  const std::int8_t* const copy = quantized_.data() + static_cast<Index>(r) * stride_;
  lay(copy, strips_, sums_);
  constexpr Index kSome = 256;
  std::int8_t fine[kSome];
  const T scale = facts_[static_cast<std::size_t>(r)].scale;
  std::int8_t* const to = fine_strips_.data() + r / kStrip * kStrip * stride_ + r % kStrip * 4;
  std::int32_t sum = 0;
  for (Index first = 0; first < stride_; first += kSome) {
    const Index size = std::min(kSome, stride_ - first), inside = std::clamp(dimension_ - first, Index{0}, size);
    std::fill(fine, fine + size, std::int8_t{0});
    quantize_rest(row + first, copy + first, inside, scale, fine);
    for (Index j = 0; j < size; j += 4) std::memcpy(to + (first + j) * kStrip, fine + j, 4);
    for (Index j = 0; j < size; ++j) sum += fine[j];
  }
  fine_sums_[static_cast<std::size_t>(r)] = sum;
}

template <class T>
void RowFacts<T>::keep_strips(const T* weights, int threads) {
  if (!strips_.empty() || facts_.empty()) return;
  // Whole tiles, so that no kernel has a tail.
  const Index count = static_cast<Index>(facts_.size()), whole = (count + kTile - 1) / kTile * kTile;
  AlignedVector<std::int32_t> sums(static_cast<std::size_t>(whole)), fine_sums(sums);
  AlignedVector<std::int8_t> strips(static_cast<std::size_t>(whole * stride_)), fine_strips(strips);
  sums_ = std::move(sums);
  fine_sums_ = std::move(fine_sums);
  fine_strips_ = std::move(fine_strips);
  strips_ = std::move(strips);
  parallel_for(count, resolve_threads(threads), kTile, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r) write_strips(static_cast<NeuronId>(r), weights + r * dimension_);
  });
}

template <class T>
void RowFacts<T>::note_move(NeuronId r, const T* row, double by) {
  measure(r, row);
  RowFact<T>& fact = facts_[static_cast<std::size_t>(r)];
  fact.drift = round_up<T>((static_cast<double>(fact.drift) + by) * (1 + kWiden));
}

template class RowFacts<float>;
template class RowFacts<double>;

}  // namespace sublinear
