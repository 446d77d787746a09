#include "sublinear/reporting/index_file.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <type_traits>

#include "reporting/saved_index.hpp"
#include "sublinear/kernels/flat_file.hpp"

namespace sublinear {
namespace {

template <class T>
constexpr const char* kTypeName = std::is_same_v<T, float> ? "float32" : "float64";

}  // namespace

template <class T>
std::string index_bytes(const HalfSpaceIndex<T>& index) {
  FlatWriter writer;
  writer.add_text("index", index.name());
  writer.add_text("dtype", kTypeName<T>);
  index.save(writer);
  return writer.finish();
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> index_from_bytes(const char* bytes, std::size_t size) {
  const FlatReader reader(bytes, size);
  const std::string name = reader.take_text("index"), type = reader.take_text("dtype");
  if (type != kTypeName<T>) reader.fail("its points are " + type.substr(0, 40) + ", not " + kTypeName<T>);
  return make_saved_index<T>(name, reader);
}

template <class T>
void save_index(const HalfSpaceIndex<T>& index, const std::string& path) {
  const std::string bytes = index_bytes(index), partial = path + ".part";
  std::ofstream file(partial, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(partial.c_str(), path.c_str()) != 0) {
    std::remove(partial.c_str());
    throw std::runtime_error("the index could not be written to " + path + "; is there room, and may you write there?");
  }
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> load_index(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  std::string bytes(static_cast<std::size_t>(std::max<std::streamoff>(size, 0)), '\0');
  file.seekg(0);
  if (size < 0 || !file.read(bytes.data(), size)) throw std::runtime_error("the index could not be read from " + path);
  return index_from_bytes<T>(bytes.data(), bytes.size());
}

IndexDescription describe_index_bytes(const char* bytes, std::size_t size) {
  const FlatReader reader(bytes, size);
  return {reader.take_text("index"), reader.take_text("dtype"), reader.take_number("leaf_size")};
}

#define SUBLINEAR_INSTANTIATE(T)                                                             \
  template std::string index_bytes<T>(const HalfSpaceIndex<T>&);                             \
  template std::unique_ptr<HalfSpaceIndex<T>> index_from_bytes<T>(const char*, std::size_t); \
  template void save_index<T>(const HalfSpaceIndex<T>&, const std::string&);                 \
  template std::unique_ptr<HalfSpaceIndex<T>> load_index<T>(const std::string&);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
