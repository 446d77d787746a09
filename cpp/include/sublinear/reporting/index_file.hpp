/// @file
/// Indexes as bytes and files.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

/// The index as bytes in the format of kernels/flat_file.hpp: its points in the order of its structure, its ids, what
/// was erased, and what the structure cannot make again at once. @throws std::logic_error if the index does not offer
/// it, std::bad_alloc.
template <class T>
[[nodiscard]] SUBLINEAR_API std::string index_bytes(const HalfSpaceIndex<T>& index);

/// The index that `index_bytes` wrote: same name, options, points and ids, same answers, and for trees the same counted
/// work. Costs one pass over the points; for "convex-layers" a build. Bounds are computed again and never believed.
/// @throws std::invalid_argument for bytes that are foreign, cut short, changed, of another version or another T; no
/// memory is taken that the size of the file does not justify.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<HalfSpaceIndex<T>> index_from_bytes(const char* bytes, std::size_t size);

/// What bytes that `index_bytes` wrote hold.
struct IndexDescription {
  std::string name = {};   ///< of the structure
  std::string dtype = {};  ///< "float32" or "float64"
  Index leaf_size = 0;     ///< as in IndexOptions
};
/// Reads no points. @throws std::invalid_argument for bytes that no index of this version wrote.
[[nodiscard]] SUBLINEAR_API IndexDescription describe_index_bytes(const char* bytes, std::size_t size);

/// `index_bytes` in a file, which is written whole or not at all: links are followed, a file that exists keeps its
/// mode, a new one has what the umask leaves. @throws std::runtime_error (std::system_error with the reason) if it
/// cannot be written, and as `index_bytes`.
template <class T>
SUBLINEAR_API void save_index(const HalfSpaceIndex<T>& index, const std::string& path);
/// What `save_index` wrote. @throws std::runtime_error if the file cannot be read, and as `index_from_bytes`.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<HalfSpaceIndex<T>> load_index(const std::string& path);

}  // namespace sublinear
