#include "kernels/whole_file.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace sublinear {

void write_whole(const std::string& path, const std::string& bytes, const char* what) {
  const int problem = replace_file(path, bytes.data(), bytes.size());
  if (problem == ENOMEM) throw std::bad_alloc();
  if (problem != 0)
    throw std::system_error(problem, std::generic_category(), std::string(what) + " could not be written to " + path);
}

std::string read_whole(const std::string& path, const char* what) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::ifstream file(std::filesystem::u8path(path), std::ios::binary);
  std::vector<char> piece(kPiece);
  std::string bytes;
  while (file.read(piece.data(), static_cast<std::streamsize>(kPiece)) || file.gcount() > 0)
    bytes.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || !file.eof() || file.bad())
    throw std::runtime_error(std::string(what) + " could not be read from " + path +
                             "; is it a file, and may you read it?");
  return bytes;
}

}  // namespace sublinear
