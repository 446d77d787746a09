/// @file
/// A wide dense layer that takes sparse inputs and changes by low rank: W0 + U V^T with lazy maintenance.
///
/// Source: Song, Zhang and Zhang, "Training Multi-Layer Over-Parametrized Neural Network in Subquadratic Time"
/// (arXiv 2112.07628, ITCS 2024).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// A read-only view of a sparse vector: component ids[k] is values[k], all others are 0. Ids are ascending and
/// distinct.
template <class T>
struct SparseVector {
  const NeuronId* ids = nullptr;  ///< `length` of them
  const T* values = nullptr;      ///< `length` of them
  Index length = 0;               ///< how many components are listed
};

/// What a call on a layer did, in counts that are the same at every SIMD level and thread count.
struct LowRankWork {
  std::int64_t base = 0;      ///< multiply-adds with columns of W0
  std::int64_t low_rank = 0;  ///< multiply-adds with entries of U and V that are not in W0 yet
  std::int64_t folded = 0;    ///< multiply-adds by which flushes bring them in
  std::int64_t streamed = 0;  ///< entries of W0 that flushes read and write
  std::int64_t other = 0;     ///< multiply-adds outside the layer: other layers, the gradient

  /// All multiply-adds; `streamed` counts none.
  [[nodiscard]] std::int64_t multiply_adds() const noexcept { return base + low_rank + folded + other; }

  /// Adds each count.
  LowRankWork& operator+=(const LowRankWork& more) noexcept {
    base += more.base;
    low_rank += more.low_rank;
    folded += more.folded;
    streamed += more.streamed;
    other += more.other;
    return *this;
  }
  /// Whether every count is the same.
  friend bool operator==(const LowRankWork& a, const LowRankWork& b) noexcept {
    return a.base == b.base && a.low_rank == b.low_rank && a.folded == b.folded && a.streamed == b.streamed &&
           a.other == b.other;
  }
};

/// The matrix W = W0 + sum_t u_t v_t^T with `outputs` rows and `inputs` columns. W0 is kept by columns, the sum as a
/// list of sparse pairs, its *rank* the length of the list. A product with a sparse vector touches the columns of W0
/// and the rows of V at its components only; a new pair costs its components. `flush` folds the list into W0.
///
/// When to flush, `rank_limit` says. A positive limit: once the rank has reached it. 0: by counts. A flush reads and
/// writes every column that a pair touches, `outputs` entries each; the additions it makes are the same however long it
/// is put off. Meanwhile the entries of U make every product dearer. So the list is folded once those entries, summed
/// over the products since the last flush, have come to as many as a flush moves; it is taken that before `add_rank`
/// gets k pairs k products were made, as in training. Where all batches are alike the sum grows with the square of the
/// time, and no other moment makes the mean cost less. The moment is a function of the calls of `add_rank` and `flush`
/// alone. It changes speed, and the last bits of products: a pair is rounded in another order once it is in W0.
///
/// Of a layer moved from, which has no inputs then, only assignment and destruction are left.
///
/// @note Thread safety: const functions may run concurrently.
template <class T>
class SUBLINEAR_API LowRankLayer {
 public:
  /// Writes the column of W0 that belongs to `input`: `outputs` values.
  using Columns = std::function<void(Index input, T* column)>;

  /// @param weights outputs x inputs, row-major; copied.
  /// @throws std::invalid_argument for values that are not finite, sizes below 1 or a negative limit;
  /// std::length_error for 2^31 rows or columns and more.
  explicit LowRankLayer(Points<T> weights, Index rank_limit = 0);
  /// The same with columns asked for one after the other, in ascending order: no second copy of W0 is needed.
  LowRankLayer(Index outputs, Index inputs, const Columns& columns, Index rank_limit = 0);

  /// Rows of W.
  [[nodiscard]] Index outputs() const noexcept { return outputs_; }
  /// Columns of W.
  [[nodiscard]] Index inputs() const noexcept { return static_cast<Index>(v_rows_.size()); }
  /// Pairs that are not in W0 yet.
  [[nodiscard]] Index rank() const noexcept { return static_cast<Index>(u_offsets_.size()) - 1; }
  /// As it was given; 0 = flushes come by counts.
  [[nodiscard]] Index rank_limit() const noexcept { return rank_limit_; }
  /// Flushes so far that had something to fold.
  [[nodiscard]] std::int64_t flushes() const noexcept { return flushes_; }
  /// Memory of W0 and of the pairs.
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// out[i * outputs ...] = W vectors[i] for `count` vectors of `inputs` components. Each component of the product
  /// sums, from +0, the columns of W0 in ascending id (`combine_rows`), then the pairs in the order in which they were
  /// added, each times <v_t, x>, which is summed from +0 in ascending id. Where sums overflow it is infinite or NaN.
  /// @throws std::invalid_argument for ids that are not ascending or out of range, and values that are not finite.
  LowRankWork apply(const SparseVector<T>* vectors, Index count, int threads, T* out) const;

  /// Adds u[t] v[t]^T for t = 0 ... count - 1, copied, and flushes if it is time to. u[t] has `outputs` components,
  /// v[t] `inputs`. Pairs of which one is empty are left out.
  /// @throws std::invalid_argument as `apply`; DivergenceError if a weight could become infinite. Nothing is changed
  /// then.
  LowRankWork add_rank(const SparseVector<T>* u, const SparseVector<T>* v, Index count, int threads);

  /// Folds all pairs into W0, in the order in which they were added; entries that no pair touches keep their bits. The
  /// rank is 0 afterwards.
  LowRankWork flush(int threads);

  /// Writes W, outputs x inputs row-major, with the bits that W0 would have after a flush.
  void write_dense(int threads, T* out) const;

 private:
  // Rows of W0 that lie together: of each panel of kPanel rows, the columns one after the other. A product goes through
  // W0 panel by panel, so that a panel stays in the cache for all vectors of a batch.
  static constexpr Index kPanel = 512 / static_cast<Index>(sizeof(T));

  struct Entry {  // of a row of V
    NeuronId pair;
    T value;
  };

  void check(const SparseVector<T>* vectors, Index count, Index dimension, const char* what) const;
  void read_column(Index input, T* column) const;
  void store_column(Index input, const T* column);
  std::int64_t fold_column(Index input, T* column) const;
  [[nodiscard]] Index panels() const noexcept { return (outputs_ + kPanel - 1) / kPanel; }
  [[nodiscard]] bool due() const noexcept;

  Index outputs_, rank_limit_;
  AlignedVector<T> base_;            // W0 in panels, the last one padded with zeros
  std::vector<Index> u_offsets_{0};  // pair t: u_ids_[u_offsets_[t]] ... u_ids_[u_offsets_[t + 1] - 1]
  std::vector<NeuronId> u_ids_;
  std::vector<T> u_values_;
  std::vector<std::vector<Entry>> v_rows_;  // per input, ascending in the pair
  Index touched_ = 0;                       // columns that some pair touches
  std::int64_t extra_ = 0;                  // what the list has cost since the last flush, by the rule above
  double largest_ = 0;                      // at least every |entry| of W
  std::int64_t flushes_ = 0;
};

}  // namespace sublinear
