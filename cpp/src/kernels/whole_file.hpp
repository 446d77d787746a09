// Files that are read and written whole.
#pragma once

#include <string>

namespace sublinear {

// Writes beside the place, then renames: the file is there whole or not at all. `what` is for messages: "the index".
// Throws std::runtime_error if it cannot.
void write_whole(const std::string& path, const std::string& bytes, const char* what);

// Takes memory as it reads, so that what a file claims about its size does not matter. Throws std::runtime_error.
[[nodiscard]] std::string read_whole(const std::string& path, const char* what);

}  // namespace sublinear
