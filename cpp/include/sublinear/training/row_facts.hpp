/// @file
/// Norms and drifts of all weight rows, kept up to date by whoever moves them.
#pragma once

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// One fact per neuron, in the order of the weight rows.
template <class T>
using RowFacts = AlignedVector<RowFact<T>>;

/// The facts of a network that has not moved yet. Cost: one pass over the weights.
template <class T>
[[nodiscard]] SUBLINEAR_API RowFacts<T> row_facts(const TwoLayerNetwork<T>& network, int threads);

/// Notes that a row of length d has just moved by at most `by`.
template <class T>
SUBLINEAR_API void note_move(RowFact<T>& fact, const T* row, Index d, double by);

}  // namespace sublinear
