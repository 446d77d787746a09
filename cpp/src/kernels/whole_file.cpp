#include "kernels/whole_file.hpp"

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace sublinear {

void write_whole(const std::string& path, const std::string& bytes, const char* what) {
  const std::string partial = path + ".part";
  std::ofstream file(partial, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file && std::rename(partial.c_str(), path.c_str()) == 0) return;
  std::remove(partial.c_str());
  throw std::runtime_error(std::string(what) + " could not be written to " + path +
                           "; is there room, and may you write there?");
}

std::string read_whole(const std::string& path, const char* what) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
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
