#include <stdexcept>

#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/reporting/quantized_scan.hpp"

namespace sublinear {
namespace {

template <class T>
struct Entry {
  const char* name;
  std::unique_ptr<HalfSpaceIndex<T>> (*make)(Points<T>);
};

template <class T, template <class> class Structure>
std::unique_ptr<HalfSpaceIndex<T>> make(Points<T> points) {
  return std::make_unique<Structure<T>>(points);
}

// Adding a structure: its line here.
template <class T>
constexpr Entry<T> kRegistry[] = {
    {"brute-force", make<T, BruteForce>},
    {"quantized-scan", make<T, QuantizedScan>},
    {"kd-tree", make<T, KDTree>},
    {"ball-tree", make<T, BallTree>},
};

}  // namespace

const std::vector<std::string>& index_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& entry : kRegistry<float>) list.emplace_back(entry.name);
    return list;
  }();
  return names;
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> make_index(const std::string& name, Points<T> points) {
  std::string known;
  for (const auto& entry : kRegistry<T>) {
    if (name == entry.name) return entry.make(points);
    known += (known.empty() ? "\"" : ", \"") + std::string(entry.name) + "\"";
  }
  throw std::invalid_argument("index is \"" + name + "\"; known are " + known);
}

template std::unique_ptr<HalfSpaceIndex<float>> make_index<float>(const std::string&, Points<float>);
template std::unique_ptr<HalfSpaceIndex<double>> make_index<double>(const std::string&, Points<double>);

}  // namespace sublinear
