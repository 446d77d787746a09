#include "training/step/row_update.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "finding/reach.hpp"
#include "kernels/watch.hpp"

namespace sublinear {
template <class T>
RowUpdate<T>::RowUpdate(const TrainingTask<T>& task, const AttackedBatch<T>& attacked,
                        const AlignedVector<T>& gradients, OptimizerRun<T>& optimizer)
    : task_(task), optimizer_(optimizer), moves_(static_cast<std::size_t>(task.m)) {
  moved_.rows.reserve(moves_.size());
  moved_.by.reserve(moves_.size());
  buffers_.reserve(static_cast<std::size_t>(task.threads));
  for (int worker = 0; worker < task.threads; ++worker)
    buffers_.push_back({{task, attacked, gradients}, AlignedVector<T>(static_cast<std::size_t>(task.d))});
}

template <class T>
void RowUpdate<T>::propose() {
  const Index m = task_.m, d = task_.d;
  const TwoLayerNetwork<T>& network = task_.network;
  const bool with_biases = task_.options.train_biases;
  std::vector<NeuronId> rows;
  AlignedVector<T> gradients, weights, bias_gradients, biases;
  RowGradients<T>& own = buffers_.front().gradients;
  own.start(0, m);
  for (Index r = 0; r < m; ++r) {
    const T* const row = network.weights() + r * d;
    const bool fired = own.go_to(r, row);
    if (!fired && !optimizer_.moves(static_cast<NeuronId>(r))) continue;
    const T* const gradient = own.gradient(r);
    rows.push_back(static_cast<NeuronId>(r));
    gradients.insert(gradients.end(), gradient, gradient + d);
    weights.insert(weights.end(), row, row + d);
    if (!with_biases) continue;
    bias_gradients.push_back(own.bias_gradient());
    biases.push_back(network.biases()[r]);
  }
  optimizer_.propose({rows.data(), static_cast<Index>(rows.size()), gradients.data(),
                      with_biases ? bias_gradients.data() : nullptr, weights.data(),
                      with_biases ? biases.data() : nullptr});
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
  for (const Buffers& own : buffers_) work += own.gradients.work();
  return work;
}

template <class T>
void RowUpdate<T>::apply_range(Index begin, Index end, Buffers& own, RowFacts<T>& facts) noexcept {
  own.gradients.start(begin, end);
  for (Index r = begin; r < end; ++r) {
    const bool fired = own.gradients.go_to(r, weights_ + r * task_.d);
    if (fired || optimizer_.moves(static_cast<NeuronId>(r))) moves_.data()[r] = move_row(r, own, facts);
  }
}

template <class T>
Displacement RowUpdate<T>::move_row(Index r, Buffers& own, RowFacts<T>& facts) noexcept {
  const Index d = task_.d;
  T* const row = weights_ + r * d;
  T* const bias = biases_ != nullptr ? biases_ + r : nullptr;
  const T bias_before = bias != nullptr ? *bias : 0;
  std::copy(row, row + d, own.row.begin());
  const T* const gradient = own.gradients.gradient(r);
  optimizer_.move({static_cast<NeuronId>(r), gradient, bias != nullptr ? own.gradients.bias_gradient() : 0, row, bias});
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
