/// @file
/// The canonical inner product, which alone decides whether a neuron fires, and the few operations built on it.
///
/// One order of operations, at every SIMD level, for one row or many: 64 bytes of lanes (16 for float, 8 for double);
/// lane l sums, from +0 and in ascending j, the rounded products a[j] * b[j] with j = l (mod lanes); product and sum
/// are rounded separately (no FMA); then the upper half of the lanes is added to the lower half until one lane is
/// left. An accumulator that starts at +0 is never -0, so padding a tail with zeros changes nothing.
///
/// Rounding: with u = `unit_roundoff<T>` and every intermediate finite,
/// |computed - exact| <= dot_error_factor<T>(d) * sum_j |a_j b_j| + d * smallest subnormal. Each product passes through
/// one multiplication, at most ceil(d / lanes) - 1 + log2(lanes) effective additions, hence at most d + 5 roundings
/// (the first addition to +0 is exact); the subnormal term covers products that underflow, one half each.
///
/// All functions here are thread-safe and allocate nothing. Infinite intermediates give infinities or NaN, the same at
/// every level; NaN never satisfies `>=`.
#pragma once

#include <cstdint>
#include <limits>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Largest relative error of one rounding to nearest: 2^-24 for float, 2^-53 for double.
template <class T>
inline constexpr double unit_roundoff = std::numeric_limits<T>::epsilon() / 2.0;

/// gamma_k = k u / (1 - k u) for k = d + 8, the relative error factor of `inner_product` in d dimensions with slack
/// for evaluating the bound itself in double.
template <class T>
[[nodiscard]] constexpr double dot_error_factor(Index d) noexcept {
  const double ku = static_cast<double>(d + 8) * unit_roundoff<T>;
  return ku / (1.0 - ku);
}

/// The absolute part of the error of `inner_product`: underflow of products, in d dimensions.
template <class T>
[[nodiscard]] constexpr double dot_underflow(Index d) noexcept {
  return static_cast<double>(d + 8) * static_cast<double>(std::numeric_limits<T>::denorm_min());
}

/// Canonical inner product of two vectors of length d. Cost: d multiplications.
template <class T>
[[nodiscard]] SUBLINEAR_API T inner_product(const T* a, const T* b, Index d);

/// out[k] = inner_product(rows + k * d, x, d) for the `count` contiguous rows, the same bits as one by one.
template <class T>
SUBLINEAR_API void inner_products(const T* rows, Index count, Index d, const T* x, T* out);

/// out[k] = inner_product(rows + ids[k] * d, x, d): the same for rows picked by id. Rows are finite where x is 0: what
/// is multiplied by 0 is not looked at where x has many of them.
template <class T>
SUBLINEAR_API void inner_products_at(const T* rows, const NeuronId* ids, Index count, Index d, const T* x, T* out);

/// Writes the positions k, ascending, at which `values[k] > limit` does not hold (NaN included) and returns how many.
/// `positions` must have room for `count` + `kSelectSlack` entries; what it holds past the result is undefined.
template <class T>
[[nodiscard]] SUBLINEAR_API Index select_not_above(const T* values, Index count, T limit, NeuronId* positions);
/// Entries past its result that `select_not_above` may write to.
inline constexpr Index kSelectSlack = 16;

/// sum += sum_k coefficients[k] * rows[ids[k]], each component in ascending k, product and sum rounded separately.
template <class T>
SUBLINEAR_API void add_rows(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* sum);

/// The same for several sums at once: sums[o * d ...] += sum_k coefficients[k * outputs + o] * rows[ids[k]] for every
/// o.
template <class T>
SUBLINEAR_API void add_rows_to_each(const T* rows, const NeuronId* ids, const T* coefficients, Index count,
                                    Index outputs, Index d, T* sums);

/// Each row goes onto `groups` sums of its own, in ascending k: sums[sums_of[k * groups + g]] += coefficients[k *
/// groups + g] * rows[ids[k]], `sums` being rows of d components like `rows`.
template <class T>
SUBLINEAR_API void scatter_rows(const T* rows, const NeuronId* ids, const std::int32_t* sums_of, const T* coefficients,
                                Index count, Index groups, Index d, T* sums);

/// add_rows from +0. The input gradient (rows of weights) and a weight row's update (rows of inputs) are both this.
template <class T>
SUBLINEAR_API void combine_rows(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d,
                                T* out);

}  // namespace sublinear
