#include "sublinear/training/low_rank_layer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "kernels/watch.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

constexpr Index kColumnsTogether = 16;  // that a thread takes at a time when it folds

template <class T>
double largest_of(const T* values, Index count) {
  double largest = 0;
  for (Index k = 0; k < count; ++k) largest = std::max(largest, std::abs(static_cast<double>(values[k])));
  return largest;
}

template <class T>
const T* checked(Points<T> weights) {
  require_pointer(weights.data, weights.count, "weights");
  return weights.data;
}

void check_sizes(Index outputs, Index inputs, Index rank_limit) {
  require(outputs >= 1, "weights has no rows; a layer needs at least one output");
  require(inputs >= 1, "weights has no columns; a layer needs at least one input");
  require(rank_limit >= 0, "rank_limit is negative; give a rank, or 0 to let counts decide");
  constexpr Index most = std::numeric_limits<NeuronId>::max();
  if (outputs > most || inputs > most)
    throw std::length_error("weights is " + std::to_string(outputs) + " x " + std::to_string(inputs) +
                            "; a layer has fewer than 2^31 rows and columns");
}

}  // namespace

template <class T>
LowRankLayer<T>::LowRankLayer(Points<T> weights, Index rank_limit)
    : LowRankLayer(
          weights.count, weights.dimension,
          [&, values = checked(weights)](Index input, T* column) {
            for (Index r = 0; r < weights.count; ++r) column[r] = values[r * weights.dimension + input];
          },
          rank_limit) {}

template <class T>
LowRankLayer<T>::LowRankLayer(Index outputs, Index inputs, const Columns& columns, Index rank_limit)
    : outputs_(outputs), rank_limit_(rank_limit) {
  check_sizes(outputs, inputs, rank_limit);
  require(columns != nullptr, "columns is empty; give a function that writes a column of the weights");
  base_.resize(static_cast<std::size_t>(panels() * inputs * kPanel));
  v_rows_.resize(static_cast<std::size_t>(inputs));
  AlignedVector<T> column(static_cast<std::size_t>(outputs));
  for (Index j = 0; j < inputs; ++j) {
    columns(j, column.data());
    for (Index r = 0; r < outputs; ++r)
      if (!std::isfinite(column[static_cast<std::size_t>(r)]))
        throw std::invalid_argument("weights: the value in row " + std::to_string(r) + ", column " + std::to_string(j) +
                                    " is not finite; every value must be finite");
    largest_ = std::max(largest_, largest_of(column.data(), outputs));
    store_column(j, column.data());
  }
}

template <class T>
std::size_t LowRankLayer<T>::bytes() const noexcept {
  std::size_t total = base_.capacity() * sizeof(T) + u_offsets_.capacity() * sizeof(Index) +
                      u_ids_.capacity() * sizeof(NeuronId) + u_values_.capacity() * sizeof(T) +
                      v_rows_.capacity() * sizeof(v_rows_[0]);
  for (const auto& row : v_rows_) total += row.capacity() * sizeof(Entry);
  return total;
}

template <class T>
void LowRankLayer<T>::check(const SparseVector<T>* vectors, Index count, Index dimension, const char* what) const {
  require(count >= 0, "the number of vectors is negative");
  require_pointer(vectors, count, what);
  for (Index i = 0; i < count; ++i) {
    require(vectors[i].length >= 0, "a vector has a negative length");
    require_pointer(vectors[i].ids, vectors[i].length, "ids of a vector");
    require_pointer(vectors[i].values, vectors[i].length, "values of a vector");
    NeuronId last = -1;
    for (Index k = 0; k < vectors[i].length; ++k) {
      const NeuronId id = vectors[i].ids[k];
      if (id <= last || id >= dimension)
        throw std::invalid_argument(std::string(what) + ": vector " + std::to_string(i) + " has component " +
                                    std::to_string(id) + " after " + std::to_string(last) +
                                    "; give distinct components of 0 ... " + std::to_string(dimension - 1) +
                                    " in ascending order");
      if (!std::isfinite(vectors[i].values[k]))
        throw std::invalid_argument(std::string(what) + ": component " + std::to_string(id) + " of vector " +
                                    std::to_string(i) + " is not finite; every value must be finite");
      last = id;
    }
  }
}

template <class T>
void LowRankLayer<T>::read_column(Index input, T* column) const {
  for (Index p = 0; p < panels(); ++p) {
    const T* const from = base_.data() + (p * inputs() + input) * kPanel;
    std::copy(from, from + std::min(kPanel, outputs_ - p * kPanel), column + p * kPanel);
  }
}

template <class T>
void LowRankLayer<T>::store_column(Index input, const T* column) {
  for (Index p = 0; p < panels(); ++p) {
    const T* const from = column + p * kPanel;
    std::copy(from, from + std::min(kPanel, outputs_ - p * kPanel), base_.data() + (p * inputs() + input) * kPanel);
  }
}

// Adds the pairs to a column of W0; returns how many additions that took.
template <class T>
std::int64_t LowRankLayer<T>::fold_column(Index input, T* column) const {
  std::int64_t additions = 0;
  for (const Entry& entry : v_rows_[static_cast<std::size_t>(input)]) {
    const Index begin = u_offsets_[static_cast<std::size_t>(entry.pair)];
    const Index end = u_offsets_[static_cast<std::size_t>(entry.pair) + 1];
    for (Index k = begin; k < end; ++k)
      column[u_ids_[static_cast<std::size_t>(k)]] += u_values_[static_cast<std::size_t>(k)] * entry.value;
    additions += end - begin;
  }
  return additions;
}

template <class T>
bool LowRankLayer<T>::due() const noexcept {
  if (rank_limit_ > 0) return rank() >= rank_limit_;
  return rank() > 0 && extra_ >= touched_ * outputs_;
}

template <class T>
LowRankWork LowRankLayer<T>::apply(const SparseVector<T>* vectors, Index count, int threads, T* out) const {
  const int workers = resolve_threads(threads);
  check(vectors, count, inputs(), "vectors");
  require_pointer(out, count, "out");
  LowRankWork work;
  if (count == 0) return work;
  for (Index i = 0; i < count; ++i) work.base += vectors[i].length * outputs_;
  const Index together = std::min<Index>(count, 16);
  parallel_for(panels() * count, workers, together, [&](Index begin, Index end, int) {
    alignas(kLaneBytes) T sums[kPanel];
    for (Index item = begin; item < end; ++item) {
      const Index p = item / count, i = item % count;
      const SparseVector<T>& x = vectors[i];
      combine_rows(base_.data() + p * inputs() * kPanel, x.ids, x.values, x.length, kPanel, sums);
      std::copy(sums, sums + std::min(kPanel, outputs_ - p * kPanel), out + i * outputs_ + p * kPanel);
    }
  });
  if (rank() == 0) return work;
  std::vector<std::vector<T>> scratch(static_cast<std::size_t>(workers));
  for (auto& coefficients : scratch) coefficients.resize(static_cast<std::size_t>(rank()));
  std::atomic<std::int64_t> low_rank{0};
  parallel_for(count, workers, 1, [&](Index begin, Index end, int worker) {
    std::vector<T>& coefficients = scratch[static_cast<std::size_t>(worker)];
    std::int64_t additions = 0;
    for (Index i = begin; i < end; ++i) {
      std::fill(coefficients.begin(), coefficients.end(), T(0));
      for (Index k = 0; k < vectors[i].length; ++k) {
        const auto& row = v_rows_[static_cast<std::size_t>(vectors[i].ids[k])];
        const T value = vectors[i].values[k];
        for (const Entry& entry : row) coefficients[static_cast<std::size_t>(entry.pair)] += entry.value * value;
        additions += static_cast<std::int64_t>(row.size());
      }
      T* const sums = out + i * outputs_;
      for (std::size_t t = 0; t < coefficients.size(); ++t) {
        const T coefficient = coefficients[t];
        if (coefficient == 0) continue;  // it would add zeros
        for (Index k = u_offsets_[t]; k < u_offsets_[t + 1]; ++k)
          sums[u_ids_[static_cast<std::size_t>(k)]] += coefficient * u_values_[static_cast<std::size_t>(k)];
        additions += u_offsets_[t + 1] - u_offsets_[t];
      }
    }
    low_rank += additions;
  });
  work.low_rank = low_rank;
  return work;
}

template <class T>
LowRankWork LowRankLayer<T>::add_rank(const SparseVector<T>* u, const SparseVector<T>* v, Index count, int threads) {
  const int workers = resolve_threads(threads);
  check(u, count, outputs_, "U");
  check(v, count, inputs(), "V");
  const FloatingPointScope scope;
  double largest = largest_;
  Index pairs = 0, entries = 0;
  std::vector<Index> arrivals(static_cast<std::size_t>(inputs()));  // per row of V
  for (Index t = 0; t < count; ++t) {
    if (u[t].length == 0 || v[t].length == 0) continue;
    ++pairs;
    entries += u[t].length;
    for (Index k = 0; k < v[t].length; ++k) ++arrivals[static_cast<std::size_t>(v[t].ids[k])];
    largest += largest_of(u[t].values, u[t].length) * largest_of(v[t].values, v[t].length);
  }
  if (!(largest <= 0.5 * static_cast<double>(std::numeric_limits<T>::max())))
    throw DivergenceError("the pairs could make a weight infinite; the layer is as it was, add smaller ones");
  if (pairs > std::numeric_limits<NeuronId>::max() - rank())
    throw std::length_error("the rank would be 2^31 or more; flush the layer");

  // All memory first: what follows cannot fail.
  const auto reserve = [](auto& list, Index more) {
    const std::size_t need = list.size() + static_cast<std::size_t>(more);
    if (need > list.capacity()) list.reserve(std::max(need, 2 * list.capacity()));
  };
  reserve(u_offsets_, pairs);
  reserve(u_ids_, entries);
  reserve(u_values_, entries);
  for (std::size_t j = 0; j < arrivals.size(); ++j)
    if (arrivals[j] > 0) reserve(v_rows_[j], arrivals[j]);

  const Index pending = u_offsets_.back();
  for (Index t = 0; t < count; ++t) {
    if (u[t].length == 0 || v[t].length == 0) continue;
    const auto pair = static_cast<NeuronId>(rank());
    u_ids_.insert(u_ids_.end(), u[t].ids, u[t].ids + u[t].length);
    u_values_.insert(u_values_.end(), u[t].values, u[t].values + u[t].length);
    u_offsets_.push_back(u_offsets_.back() + u[t].length);
    for (Index k = 0; k < v[t].length; ++k) {
      auto& row = v_rows_[static_cast<std::size_t>(v[t].ids[k])];
      touched_ += row.empty() ? 1 : 0;
      row.push_back({pair, v[t].values[k]});
    }
  }
  largest_ = largest;
  extra_ += count * pending;
  return due() ? flush(workers) : LowRankWork();
}

template <class T>
LowRankWork LowRankLayer<T>::flush(int threads) {
  const int workers = resolve_threads(threads);
  LowRankWork work;
  if (rank() == 0) return work;
  std::vector<AlignedVector<T>> scratch(static_cast<std::size_t>(workers));
  for (auto& column : scratch) column.resize(static_cast<std::size_t>(outputs_));
  const Unwatched whole;
  std::atomic<std::int64_t> folded{0};
  parallel_for(inputs(), workers, kColumnsTogether, [&](Index begin, Index end, int worker) {
    T* const column = scratch[static_cast<std::size_t>(worker)].data();
    for (Index j = begin; j < end; ++j) {
      if (v_rows_[static_cast<std::size_t>(j)].empty()) continue;
      read_column(j, column);
      folded += fold_column(j, column);
      store_column(j, column);
      v_rows_[static_cast<std::size_t>(j)].clear();
    }
  });
  work.folded = folded;
  work.streamed = touched_ * outputs_;
  u_offsets_.resize(1);
  u_ids_.clear();
  u_values_.clear();
  touched_ = 0;
  extra_ = 0;
  ++flushes_;
  return work;
}

template <class T>
void LowRankLayer<T>::write_dense(int threads, T* out) const {
  require_pointer(out, outputs_, "out");
  const int workers = resolve_threads(threads);
  std::vector<AlignedVector<T>> scratch(static_cast<std::size_t>(workers));
  for (auto& column : scratch) column.resize(static_cast<std::size_t>(outputs_));
  parallel_for(inputs(), workers, kColumnsTogether, [&](Index begin, Index end, int worker) {
    T* const column = scratch[static_cast<std::size_t>(worker)].data();
    for (Index j = begin; j < end; ++j) {
      read_column(j, column);
      fold_column(j, column);
      for (Index r = 0; r < outputs_; ++r) out[r * inputs() + j] = column[r];
    }
  });
}

template class LowRankLayer<float>;
template class LowRankLayer<double>;

}  // namespace sublinear
