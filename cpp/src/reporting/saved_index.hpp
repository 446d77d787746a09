// The registry's part in reading an index.
#pragma once

#include <memory>
#include <string>

#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// The structure called `name` from what its `save` wrote.
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_saved_index(const std::string& name, const FlatReader& reader);

}  // namespace sublinear
