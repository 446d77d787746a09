// What the registry tells other files of the library.
#pragma once

#include <memory>
#include <string>

#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// The structure called `name` from what its `save` wrote.
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_saved_index(const std::string& name, const FlatReader& reader);

// Whether the index called `name` is one of this library's.
[[nodiscard]] bool index_is_own(const std::string& name);

}  // namespace sublinear
