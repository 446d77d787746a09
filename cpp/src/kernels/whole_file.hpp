// Files that are read and written whole.
#pragma once

#include <cstddef>
#include <string>

namespace sublinear {

// Writes a file as `open` would, but so that it is there whole or not at all: beside its place, then renamed. Links are
// followed; a file that exists keeps its mode and, where the system allows it, its owner, a new one has what the umask
// leaves of 0666; what is no regular file (/dev/stdout, a pipe) is written to. The folder must be writable. Whoever is
// killed here leaves a hidden file behind; see `remove_leftovers`. Returns 0, or the errno of what failed; then nothing
// has changed.
[[nodiscard]] int replace_file(const std::string& path, const char* bytes, std::size_t size) noexcept;

// Removes what `replace_file` left beside `path` when its process was killed; nobody else may be writing it now.
void remove_leftovers(const std::string& path) noexcept;

// `replace_file`; throws std::system_error, which is a std::runtime_error, with the path and the reason if it cannot.
// `what` is for messages: "the index".
void write_whole(const std::string& path, const std::string& bytes, const char* what);

// Takes memory as it reads, so that what a file claims about its size does not matter. Throws std::runtime_error.
[[nodiscard]] std::string read_whole(const std::string& path, const char* what);

}  // namespace sublinear
