#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/convex_layers.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/reporting/partition_tree.hpp"
#include "sublinear/reporting/quantized_scan.hpp"

namespace sublinear {
namespace {

template <class T>
struct Entry {
  const char* name;
  std::unique_ptr<HalfSpaceIndex<T>> (*make)(Points<T>, const IndexOptions&);
  std::unique_ptr<HalfSpaceIndex<T>> (*load)(const FlatReader&);
  Index least_dimensions, most_dimensions;
};

constexpr Index kAny = std::numeric_limits<Index>::max();

template <class T, template <class> class Structure>
constexpr Entry<T> entry(const char* name, Index most_dimensions = kAny, Index least_dimensions = 1) {
  return {name,
          [](Points<T> points, const IndexOptions& options) -> std::unique_ptr<HalfSpaceIndex<T>> {
            return std::make_unique<Structure<T>>(points, options);
          },
          [](const FlatReader& reader) -> std::unique_ptr<HalfSpaceIndex<T>> {
            return std::make_unique<Structure<T>>(reader);
          },
          least_dimensions, most_dimensions};
}

// Adding a structure: its line here.
template <class T>
constexpr Entry<T> kRegistry[] = {
    entry<T, BruteForce>("brute-force"),
    entry<T, QuantizedScan>("quantized-scan", QuantizedScan<T>::kMostDimensions),
    entry<T, KDTree>("kd-tree"),
    entry<T, BallTree>("ball-tree"),
    entry<T, PartitionTree>("partition-tree", PartitionTree<T>::kMostDimensions),
    entry<T, ConvexLayers>("convex-layers", 2, 2),
};

template <class T>
const Entry<T>* find(const std::string& name) {
  const auto found = std::find_if(std::begin(kRegistry<T>), std::end(kRegistry<T>),
                                  [&](const Entry<T>& each) { return name == each.name; });
  return found == std::end(kRegistry<T>) ? nullptr : found;
}

template <class T>
constexpr const char* kTypeName = std::is_same_v<T, float> ? "float32" : "float64";

}  // namespace

const std::vector<std::string>& index_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& each : kRegistry<float>) list.emplace_back(each.name);
    return list;
  }();
  return names;
}

bool index_serves(const std::string& name, Index dimension) {
  const Entry<float>* found = find<float>(name);
  return found != nullptr && dimension >= found->least_dimensions && dimension <= found->most_dimensions;
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_index(const std::string& name, Points<T> points, const IndexOptions& options) {
  if (const Entry<T>* found = find<T>(name)) return found->make(points, options);
  std::string known;
  for (const std::string& each : index_names()) known += (known.empty() ? "\"" : ", \"") + each + "\"";
  throw std::invalid_argument("index is \"" + name + "\"; known are " + known);
}

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
  const Entry<T>* found = find<T>(name);
  if (found == nullptr) reader.fail("it holds an index called \"" + name.substr(0, 40) + "\", which is not known here");
  if (type != kTypeName<T>) reader.fail("its points are " + type.substr(0, 40) + ", not " + kTypeName<T>);
  return found->load(reader);
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

#define SUBLINEAR_INSTANTIATE(T)                                                                                 \
  template std::unique_ptr<HalfSpaceIndex<T>> make_index<T>(const std::string&, Points<T>, const IndexOptions&); \
  template std::string index_bytes<T>(const HalfSpaceIndex<T>&);                                                 \
  template std::unique_ptr<HalfSpaceIndex<T>> index_from_bytes<T>(const char*, std::size_t);                     \
  template void save_index<T>(const HalfSpaceIndex<T>&, const std::string&);                                     \
  template std::unique_ptr<HalfSpaceIndex<T>> load_index<T>(const std::string&);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
