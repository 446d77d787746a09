#include <algorithm>
#include <limits>
#include <stdexcept>

#include "reporting/point_store.hpp"
#include "reporting/saved_index.hpp"
#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/convex_layers.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_choice.hpp"
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

constexpr Index kManyQueries = 1000;

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
  if (name == kAutomatic) {
    require_dimension(points.dimension);
    require(points.count >= 0, "the number of points is negative");
    return find<T>(choose_index(points.count, points.dimension, kManyQueries).name)->make(points, options);
  }
  std::string known = "\"auto\"";
  for (const std::string& each : index_names()) known += ", \"" + each + "\"";
  throw std::invalid_argument("index is \"" + name + "\"; known are " + known);
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_saved_index(const std::string& name, const FlatReader& reader) {
  const Entry<T>* found = find<T>(name);
  if (found == nullptr) reader.fail("it holds an index called \"" + name.substr(0, 40) + "\", which is not known here");
  return found->load(reader);
}

template std::unique_ptr<HalfSpaceIndex<float>> make_index<float>(const std::string&, Points<float>,
                                                                  const IndexOptions&);
template std::unique_ptr<HalfSpaceIndex<double>> make_index<double>(const std::string&, Points<double>,
                                                                    const IndexOptions&);
template std::unique_ptr<HalfSpaceIndex<float>> make_saved_index<float>(const std::string&, const FlatReader&);
template std::unique_ptr<HalfSpaceIndex<double>> make_saved_index<double>(const std::string&, const FlatReader&);

}  // namespace sublinear
