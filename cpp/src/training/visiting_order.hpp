// In which order the inputs of a batch are attacked: each after one that is like it, so that rows which both need are
// still in the cache. Nothing but the time depends on it.
#pragma once

#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// The place of each point in an order in which neighbours are alike. Cost: a few hundred inner products per point.
template <class T>
[[nodiscard]] std::vector<Index> similarity_ranks(Points<T> points);

// The positions 0 ... count - 1 of a batch by the ranks of its inputs; as they are where there are no ranks.
[[nodiscard]] std::vector<Index> visiting_order(const std::vector<Index>& ranks, const Index* batch, Index count);

}  // namespace sublinear
