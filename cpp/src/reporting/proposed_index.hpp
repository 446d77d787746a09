// An index whose answers a structure of the application's own proposes.
#pragma once

#include <memory>

#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/own_index.hpp"

namespace sublinear {

// What `save` of such an index wrote, with a structure made anew.
template <class T>
[[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> load_proposed_index(const IndexInfo& info, const FlatReader& reader,
                                                                     const ProposerFactory<T>& factory);

}  // namespace sublinear
