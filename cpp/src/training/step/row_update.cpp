#include "training/step/row_update.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "finding/reach.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {
template <class T>
RowUpdate<T>::RowUpdate(const TrainingTask<T>& task, const AttackedBatch<T>& attacked,
                        const AlignedVector<T>& gradients, OptimizerRun<T>& optimizer)
    : task_(task),
      attacked_(attacked),
      gradients_(gradients),
      optimizer_(optimizer),
      known_(!attacked.fired.blocks().empty()),
      moves_(static_cast<std::size_t>(task.m)) {
  moved_.rows.reserve(moves_.size());
  moved_.by.reserve(moves_.size());
  buffers_.reserve(static_cast<std::size_t>(task.threads));
  const auto count = static_cast<std::size_t>(attacked.size()), d = static_cast<std::size_t>(task.d);
  for (int worker = 0; worker < task.threads; ++worker) {
    Buffers& own =
        buffers_.emplace_back(Buffers{FiredPositions(attacked.fired.blocks(), task.m), {}, {}, {}, {}, {}, {}});
    own.gradient.resize(d);
    own.row.resize(d);
    own.coefficients.resize(count);
    own.products.resize(known_ ? 0 : count);
    own.positions.resize(known_ ? 0 : count);
  }
}

template <class T>
MovedRows RowUpdate<T>::apply(RowFacts<T>& facts) {
  const Unwatched whole;
  weights_ = task_.network.change_weights();
  biases_ = task_.options.train_biases ? task_.network.change_biases() : nullptr;
  // A few long ranges of neurons per thread; within each, tiles whose positions stay in the cache.
  constexpr Index kLeastRange = 256;  // less would cost more at its start than it spreads
  const Index m = task_.m, range = std::max(kLeastRange, (m + 4 * task_.threads - 1) / (4 * task_.threads));
  parallel_for(m, task_.threads, range,
               [&](Index begin, Index end, int worker) { apply_range(begin, end, buffers_.data()[worker], facts); });
  for (Index r = 0; r < m; ++r)
    if (const Displacement& move = moves_.data()[r]; move.euclidean > 0 || move.bias > 0) {
      moved_.rows.push_back(static_cast<NeuronId>(r));
      moved_.by.push_back(move);
    }
  return std::move(moved_);
}

template <class T>
Work RowUpdate<T>::work() const noexcept {
  Work work;
  for (const Buffers& own : buffers_) work += own.work;
  return work;
}

template <class T>
void RowUpdate<T>::apply_range(Index begin, Index end, Buffers& own, RowFacts<T>& facts) noexcept {
  if (known_) own.fired.start(static_cast<NeuronId>(begin));
  Index tile_end = begin;
  for (Index r = begin; r < end; ++r) {
    if (known_ && r == tile_end) tile_end = own.fired.read_tile(static_cast<NeuronId>(r), static_cast<NeuronId>(end));
    const Positions fired = known_ ? Positions{own.fired.begin(r), own.fired.length(r)} : find_positions(r, own);
    if (fired.length == 0 && !optimizer_.moves(static_cast<NeuronId>(r))) continue;
    combine(r, fired, own);
    moves_.data()[r] = move_row(r, fired, own, facts);
  }
}

// By the canonical test, as the attack found them.
template <class T>
typename RowUpdate<T>::Positions RowUpdate<T>::find_positions(Index r, Buffers& own) noexcept {
  const TwoLayerNetwork<T>& network = task_.network;
  const Index count = attacked_.size();
  inner_products(attacked_.points.data(), count, task_.d, weights_ + r * task_.d, own.products.data());
  own.work.inner_products += count;
  Index length = 0;
  for (Index i = 0; i < count; ++i)
    if (own.products.data()[i] + network.biases()[r] >= network.threshold())
      own.positions.data()[length++] = static_cast<NeuronId>(i);
  return {own.positions.data(), length};
}

// The row's coefficients, and what they sum up to.
template <class T>
void RowUpdate<T>::combine(Index r, Positions fired, Buffers& own) noexcept {
  const Index c = task_.c;
  const T* const a = task_.network.output_weights() + r * c;
  if (c == 1)  // the same bits without the detour
    for (Index k = 0; k < fired.length; ++k) own.coefficients.data()[k] = gradients_.data()[fired.at[k]] * a[0];
  else
    inner_products_at(gradients_.data(), fired.at, fired.length, c, a, own.coefficients.data());
  combine_rows(attacked_.points.data(), fired.at, own.coefficients.data(), fired.length, task_.d, own.gradient.data());
}

template <class T>
Displacement RowUpdate<T>::move_row(Index r, Positions fired, Buffers& own, RowFacts<T>& facts) noexcept {
  const Index d = task_.d;
  T* const row = weights_ + r * d;
  T* const bias = biases_ != nullptr ? biases_ + r : nullptr;
  const T bias_before = bias != nullptr ? *bias : 0;
  std::copy(row, row + d, own.row.begin());
  T bias_gradient = 0;
  if (bias != nullptr)
    for (Index k = 0; k < fired.length; ++k) bias_gradient += own.coefficients.data()[k];
  optimizer_.move({static_cast<NeuronId>(r), own.gradient.data(), bias_gradient, row, bias});
  Displacement move;
  if (bias != nullptr) {
    move.bias = std::abs(static_cast<double>(*bias) - static_cast<double>(bias_before)) * (1 + kWiden);
    facts.note_bias(static_cast<NeuronId>(r), *bias);
  }
  move.euclidean = euclidean_distance_bound(row, own.row.data(), d);
  if (move.euclidean == 0) return move;
  const Norm norm = task_.ball().norm;
  move.dual = norm == Norm::two ? move.euclidean : dual_distance_bound(row, own.row.data(), d, norm);
  facts.note_move(static_cast<NeuronId>(r), row, move.euclidean);
  return move;
}

template class RowUpdate<float>;
template class RowUpdate<double>;

}  // namespace sublinear
