/// @file
/// Which index to take.
#pragma once

#include <string>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// An index for a purpose, and the reason in words.
struct IndexChoice {
  std::string name = {};  ///< as `make_index` takes it
  std::string why = {};   ///< one line for a person
};

/// The structure that should answer fastest, by crossovers that were measured (docs/reporting.md, "Which index").
/// @param count points; @param dimension of them, at least 1
/// @param queries asked together in one call, about: 1 if they come one by one
/// @param share of the points that a query reports, about; negative = not known, one per cent is assumed
/// @throws std::invalid_argument for a count or a number of queries below 0 or a dimension below 1.
[[nodiscard]] SUBLINEAR_API IndexChoice choose_index(Index count, Index dimension, Index queries, double share = -1);

}  // namespace sublinear
