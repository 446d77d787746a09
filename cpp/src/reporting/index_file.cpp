#include "sublinear/reporting/index_file.hpp"

#include <type_traits>

#include "kernels/whole_file.hpp"
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
  write_whole(path, index_bytes(index), "the index");
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> load_index(const std::string& path) {
  const std::string bytes = read_whole(path, "the index");
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
