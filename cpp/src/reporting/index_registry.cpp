#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "kernels/name_registry.hpp"
#include "reporting/checked_index.hpp"
#include "reporting/point_store.hpp"
#include "reporting/proposed_index.hpp"
#include "reporting/saved_index.hpp"
#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/convex_layers.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_choice.hpp"
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/reporting/own_index.hpp"
#include "sublinear/reporting/partition_tree.hpp"
#include "sublinear/reporting/quantized_scan.hpp"

namespace sublinear {
namespace {

template <class T>
using Loader = std::function<std::unique_ptr<HalfSpaceIndex<T>>(const FlatReader&)>;

struct Entry {
  IndexInfo info;
  IndexMaker<float> make_float;
  IndexMaker<double> make_double;
  Loader<float> load_float;  // empty where files are not offered
  Loader<double> load_double;

  template <class T>
  [[nodiscard]] const IndexMaker<T>& make() const {
    if constexpr (std::is_same_v<T, float>)
      return make_float;
    else
      return make_double;
  }
  template <class T>
  [[nodiscard]] const Loader<T>& load() const {
    if constexpr (std::is_same_v<T, float>)
      return load_float;
    else
      return load_double;
  }
  [[nodiscard]] bool serves(Index dimension) const {
    return dimension >= info.least_dimensions && dimension <= info.most_dimensions;
  }
};

constexpr Index kManyQueries = 1000;

constexpr Index kAny = std::numeric_limits<Index>::max();

template <class T, class Structure>
std::unique_ptr<HalfSpaceIndex<T>> make_own(Points<T> points, const IndexOptions& options) {
  return std::make_unique<Structure>(points, options);
}

template <class T, class Structure>
std::unique_ptr<HalfSpaceIndex<T>> load_own(const FlatReader& reader) {
  return std::make_unique<Structure>(reader);
}

template <template <class> class Structure>
Entry entry(const char* name, Index most_dimensions = kAny, Index least_dimensions = 1) {
  return {{name, true, least_dimensions, most_dimensions},
          make_own<float, Structure<float>>,
          make_own<double, Structure<double>>,
          load_own<float, Structure<float>>,
          load_own<double, Structure<double>>};
}

using Registry = NameRegistry<Entry>;

// Adding a structure: its line here.
Registry& registry() {
  static Registry all("index",
                      {
                          entry<BruteForce>("brute-force"),
                          entry<QuantizedScan>("quantized-scan", QuantizedScan<float>::kMostDimensions),
                          entry<KDTree>("kd-tree"),
                          entry<BallTree>("ball-tree"),
                          entry<PartitionTree>("partition-tree", PartitionTree<float>::kMostDimensions),
                          entry<ConvexLayers>("convex-layers", 2, 2),
                      },
                      kAutomatic);
  return all;
}

void require_served(const IndexInfo& info, Index dimension) {
  require_dimension(dimension);
  if (dimension < info.least_dimensions || dimension > info.most_dimensions)
    throw std::invalid_argument("points have " + std::to_string(dimension) + " columns; " + info.name + " serves " +
                                std::to_string(info.least_dimensions) + " to " + std::to_string(info.most_dimensions));
}

// An index that others made: it has to hold its points, and its answers are looked at.
template <class T>
IndexMaker<T> checked(const IndexInfo& info, IndexMaker<T> make) {
  require(make != nullptr, "the maker of the index is empty; give a function for float and one for double");
  return [info, make = std::move(make)](Points<T> points,
                                        const IndexOptions& options) -> std::unique_ptr<HalfSpaceIndex<T>> {
    require_served(info, points.dimension);
    std::unique_ptr<HalfSpaceIndex<T>> index = make(points, options);
    if (index == nullptr) throw PluginError("the maker of index \"" + info.name + "\" made nothing");
    if (index->size() != points.count || index->dimension() != points.dimension)
      throw PluginError("the maker of index \"" + info.name + "\" was given " + std::to_string(points.count) +
                        " points in " + std::to_string(points.dimension) + " dimensions and made an index of " +
                        std::to_string(index->size()) + " in " + std::to_string(index->dimension()));
    return std::make_unique<CheckedIndex<T>>(std::move(index));
  };
}

template <class T>
IndexMaker<T> proposed(const IndexInfo& info, const ProposerFactory<T>& make) {
  require(make != nullptr, "the factory of the index is empty; give a function for float and one for double");
  return [info, make](Points<T> points, const IndexOptions&) {
    require_served(info, points.dimension);
    return make_proposed_index<T>(info, points, make);
  };
}

template <class T>
Loader<T> proposed_loader(const IndexInfo& info, const ProposerFactory<T>& make) {
  return [info, make](const FlatReader& reader) { return load_proposed_index<T>(info, reader, make); };
}

void require_info(const IndexInfo& info) {
  if (info.least_dimensions < 1 || info.most_dimensions < info.least_dimensions)
    throw std::invalid_argument("index \"" + info.name + "\" serves dimensions from " +
                                std::to_string(info.least_dimensions) + " to " + std::to_string(info.most_dimensions) +
                                "; give at least 1, and not fewer than that");
}

}  // namespace

std::vector<std::string> index_names() {
  std::vector<std::string> names;
  for (const Registry::Pointer& each : registry().all()) names.push_back(each->info.name);
  return names;
}

bool index_serves(const std::string& name, Index dimension) {
  const Registry::Pointer found = registry().find(name);
  return found != nullptr && found->serves(dimension);
}

bool index_is_own(const std::string& name) { return registry().is_own(name); }

IndexInfo index_info(const std::string& name) {
  if (const Registry::Pointer found = registry().find(name)) return found->info;
  throw std::invalid_argument("index is \"" + name + "\"; known are " + registry().names());
}

void register_index(const IndexInfo& info, IndexMaker<float> make_float, IndexMaker<double> make_double) {
  require_info(info);
  registry().add(
      {info, checked<float>(info, std::move(make_float)), checked<double>(info, std::move(make_double)), {}, {}});
}

void register_proposer(const IndexInfo& info, ProposerFactory<float> make_float, ProposerFactory<double> make_double) {
  require_info(info);
  registry().add({info, proposed<float>(info, make_float), proposed<double>(info, make_double),
                  proposed_loader<float>(info, make_float), proposed_loader<double>(info, make_double)});
}

void unregister_index(const std::string& name) { registry().remove(name); }

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_index(const std::string& name, Points<T> points, const IndexOptions& options) {
  if (const Registry::Pointer found = registry().find(name)) return found->make<T>()(points, options);
  if (name == kAutomatic) {
    require_dimension(points.dimension);
    require(points.count >= 0, "the number of points is negative");
    return registry()
        .find(choose_index(points.count, points.dimension, kManyQueries).name)
        ->template make<T>()(points, options);
  }
  throw std::invalid_argument("index is \"" + name + "\"; known are \"auto\", " + registry().names());
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_saved_index(const std::string& name, const FlatReader& reader) {
  const Registry::Pointer found = registry().find(name);
  if (found == nullptr)
    FlatReader::fail("it holds an index called \"" + name.substr(0, 40) + "\", which is not known here");
  if (found->load<T>() == nullptr) FlatReader::fail("indexes called \"" + name + "\" are not read from files");
  return found->load<T>()(reader);
}

template std::unique_ptr<HalfSpaceIndex<float>> make_index<float>(const std::string&, Points<float>,
                                                                  const IndexOptions&);
template std::unique_ptr<HalfSpaceIndex<double>> make_index<double>(const std::string&, Points<double>,
                                                                    const IndexOptions&);
template std::unique_ptr<HalfSpaceIndex<float>> make_saved_index<float>(const std::string&, const FlatReader&);
template std::unique_ptr<HalfSpaceIndex<double>> make_saved_index<double>(const std::string&, const FlatReader&);

}  // namespace sublinear
