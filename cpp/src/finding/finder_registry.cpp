#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "finding/checked_index.hpp"
#include "finding/finders.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {
namespace {

template <class T>
using Factory = FinderPointer<T> (*)(const FinderArguments<T>&);

struct Entry {
  StrategyInfo info;
  Factory<float> make_float;
  Factory<double> make_double;

  template <class T>
  [[nodiscard]] FinderPointer<T> make(const FinderArguments<T>& arguments) const {
    if constexpr (std::is_same_v<T, float>)
      return make_float(arguments);
    else
      return make_double(arguments);
  }
};

constexpr Index kMostTables = 10000;

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {{"dense", "nothing, scans all neurons", "-", true, ""}, make_dense<float>, make_dense<double>},
      {{"weights", "half-space index over the lifted weights",
        "Song, Yang, Zhang, arXiv 2110.04622, algorithm 1; Gao, Qin, Song, Wang, arXiv 2208.05395", true, "index"},
       make_weights<float>,
       make_weights<double>},
      {{"data", "half-space index over the inputs, and who can fire on what both ways",
        "Song, Yang, Zhang, arXiv 2110.04622, algorithm 2", true, "index"},
       make_data<float>,
       make_data<double>},
      {{"dtree", "per input a max-tree over its products with all neurons",
        "Alman, Liang, Song, Zhang, Zhuo, arXiv 2211.14227, correlation DTree", true, ""},
       make_dtree<float>,
       make_dtree<double>},
      {{"wtree", "per neuron a max-tree over its products with all inputs",
        "Alman, Liang, Song, Zhang, Zhuo, arXiv 2211.14227, correlation WTree", true, ""},
       make_wtree<float>,
       make_wtree<double>},
      {{"margin", "candidate lists with a skin that moving neurons use up", "this library", true, ""},
       make_margin<float>,
       make_margin<double>},
      {{"static", "half-space index over the lifted weights of earlier steps, asked for what can have come near",
        "after Qin, Song, Yang, arXiv 2307.06565", true, "index"},
       make_static<float>,
       make_static<double>},
      {{"simhash", "hash tables of the weights' sign patterns, approximate",
        "Charikar, STOC 2002; Chen et al. (SLIDE), arXiv 1903.03129", false, "hashing"},
       make_simhash<float>,
       make_simhash<double>},
  };
  return all;
}

template <class Names, class NameOf>
std::string join_names(const Names& names, NameOf&& name_of) {
  std::string joined;
  for (const auto& each : names) joined += (joined.empty() ? "\"" : ", \"") + name_of(each) + "\"";
  return joined;
}

const Entry& find_entry(const std::string& name) {
  for (const Entry& entry : entries())
    if (entry.info.name == name) return entry;
  throw std::invalid_argument("unknown strategy \"" + name + "\"; give one of " +
                              join_names(entries(), [](const Entry& entry) { return entry.info.name; }));
}

void require_index(const Entry& entry, const std::string& index) {
  if (index.empty() || (entry.info.option == "index" && index == kAutomatic)) return;
  if (entry.info.option != "index")
    throw std::invalid_argument("strategy \"" + entry.info.name + "\" has no index inside, but index is \"" + index +
                                "\"; leave it empty");
  for (const std::string& name : index_names())
    if (name == index) return;
  throw std::invalid_argument("unknown index \"" + index + "\"; give one of " +
                              join_names(index_names(), [](const std::string& each) { return each; }));
}

void require_factory(const Entry& entry, const std::string& index) {
  if (entry.info.option != "index")
    throw std::invalid_argument("strategy \"" + entry.info.name +
                                "\" has no index inside, but there is an index factory; leave it empty");
  if (!index.empty())
    throw std::invalid_argument("index is \"" + index + "\" and there is an index factory too; give one of them");
}

void require_hashing(const HashOptions& hashing) {
  const auto require_range = [](double value, double least, double most, const char* what) {
    if (!(value >= least && value <= most))
      throw std::invalid_argument(std::string(what) + " is " + format_number(value) + "; give a number from " +
                                  format_number(least) + " to " + format_number(most));
  };
  if (hashing.bits < 1 || hashing.bits > kMostHashBits)
    throw std::invalid_argument("bits is " + std::to_string(hashing.bits) + "; give a number from 1 to " +
                                std::to_string(kMostHashBits));
  if (hashing.tables < 1 || hashing.tables > kMostTables)
    throw std::invalid_argument("tables is " + std::to_string(hashing.tables) + "; give a number from 1 to " +
                                std::to_string(kMostTables));
  require_range(hashing.least_share, 0, 1, "least_share");
  require_range(hashing.rebuild_after, 1, 1e9, "rebuild_after");
  require_range(hashing.rebuild_growth, 0, 10, "rebuild_growth");
}

void require_radius(double radius) {
  if (!(radius >= 0) || !std::isfinite(radius))
    throw std::invalid_argument("radius is " + format_number(radius) + "; give a finite number >= 0");
}

void require_dimension(Index given, Index expected) {
  if (given != expected)
    throw std::invalid_argument("points have dimension " + std::to_string(given) + " and the neurons' weights have " +
                                std::to_string(expected) + "; give points of that dimension");
}

// Inputs and neurons are numbered in 32 bits.
void require_count(Index count, const char* what) {
  if (count < 1) throw std::invalid_argument(std::string("there are no ") + what + "; give at least one");
  if (count > std::numeric_limits<NeuronId>::max())
    throw std::length_error("there are " + std::to_string(count) + " " + what + "; at most 2^31 - 1 are possible");
}

}  // namespace

const std::vector<StrategyInfo>& strategies() {
  static const std::vector<StrategyInfo> infos = [] {
    std::vector<StrategyInfo> all;
    for (const Entry& entry : entries()) all.push_back(entry.info);
    return all;
  }();
  return infos;
}

void require_positions(const Index* inputs, Index count, Index size) {
  require(count >= 0, "the number of inputs is negative");
  require_pointer(inputs, count, "inputs");
  for (Index k = 0; k < count; ++k)
    if (inputs[k] < 0 || inputs[k] >= size)
      throw std::invalid_argument("input " + std::to_string(inputs[k]) + " does not exist; give positions from 0 to " +
                                  std::to_string(size - 1));
}

template <class T>
void require_points(Points<T> points, double radius, Index dimension) {
  require_radius(radius);
  require_dimension(points.dimension, dimension);
  require_finite(points.data, points.count, points.dimension, "points");
}
template void require_points<float>(Points<float>, double, Index);
template void require_points<double>(Points<double>, double, Index);

void require_rows(const NeuronId* rows, const Displacement* by, Index count, Index size) {
  require(count >= 0, "the number of moved rows is negative");
  require_pointer(rows, count, "rows");
  require_pointer(by, count, "by");
  for (Index k = 0; k < count; ++k)
    if (rows[k] < 0 || rows[k] >= size || (k > 0 && rows[k] <= rows[k - 1]))
      throw std::invalid_argument("moved rows must be ascending, distinct and from 0 to " + std::to_string(size - 1) +
                                  "; row " + std::to_string(rows[k]) + " at position " + std::to_string(k) + " is not");
}

template <class T>
IndexFactory<T> inner_index_factory(const FinderArguments<T>& arguments) {
  if (!arguments.index_factory)
    return [name = arguments.index.empty() ? "ball-tree" : arguments.index](Points<T> points) {
      return make_index<T>(name, points);
    };
  return [factory = arguments.index_factory](Points<T> points) -> std::unique_ptr<HalfSpaceIndex<T>> {
    std::unique_ptr<HalfSpaceIndex<T>> index = factory(points);
    require(index != nullptr, "the index factory made no index; return one over the points it is given");
    if (index->size() != points.count || index->dimension() != points.dimension)
      throw std::invalid_argument("the index factory was given " + std::to_string(points.count) + " points in " +
                                  std::to_string(points.dimension) + " dimensions and made an index of " +
                                  std::to_string(index->size()) + " points in " + std::to_string(index->dimension()) +
                                  "; it has to hold the points it is given");
    return std::make_unique<CheckedIndex<T>>(std::move(index));
  };
}
template IndexFactory<float> inner_index_factory<float>(const FinderArguments<float>&);
template IndexFactory<double> inner_index_factory<double>(const FinderArguments<double>&);

template <class T>
Work NeuronFinder<T>::visit(const Index* inputs, Index count, int threads, const KnownRows<T>&, CandidateLists& storage,
                            std::vector<CandidateView<T>>& views) {
  const Work work = candidates(inputs, count, threads, storage);
  views.clear();
  for (Index k = 0; k < count; ++k) views.push_back({storage.begin(k), storage.length(k), nullptr});
  return work;
}

template <class T>
Work NeuronFinder<T>::candidates_at(Points<T>, double, int, CandidateLists&) const {
  throw std::logic_error(std::string("strategy \"") + name() +
                         "\" answers for training inputs only; for other points use a finder whose serves_any_point() "
                         "is true, such as \"dense\" or \"weights\"");
}

template <class T>
std::unique_ptr<NeuronFinder<T>> make_finder(const std::string& name, const Neurons<T>& neurons, Points<T> inputs,
                                             Ball ball, const FinderOptions& options, int threads,
                                             const IndexFactory<T>& index_factory) {
  const FloatingPointScope scope;
  const Entry& entry = find_entry(name);
  require_index(entry, options.index);
  if (index_factory) require_factory(entry, options.index);
  require_hashing(options.hashing);
  require_radius(ball.radius);
  require_count(neurons.count, "neurons");
  require_count(inputs.count, "inputs");
  require(neurons.dimension >= 1, "the neurons' weights have a dimension below 1; give at least one column");
  require_dimension(inputs.dimension, neurons.dimension);
  require(std::isfinite(neurons.threshold), "the neurons' threshold is not finite; give a finite number");
  require_finite(neurons.weights, neurons.count, neurons.dimension, "weights");
  require_finite(neurons.biases, neurons.count, 1, "biases");
  require_finite(inputs.data, inputs.count, inputs.dimension, "inputs");
  FinderArguments<T> arguments{
      neurons,      inputs, ball, options.index, options.max_bytes, options.hashing, resolve_threads(threads),
      index_factory};
  if (arguments.max_bytes == 0) arguments.max_bytes = available_memory();
  return entry.make(arguments);
}

template class NeuronFinder<float>;
template class NeuronFinder<double>;
template std::unique_ptr<NeuronFinder<float>> make_finder<float>(const std::string&, const Neurons<float>&,
                                                                 Points<float>, Ball, const FinderOptions&, int,
                                                                 const IndexFactory<float>&);
template std::unique_ptr<NeuronFinder<double>> make_finder<double>(const std::string&, const Neurons<double>&,
                                                                   Points<double>, Ball, const FinderOptions&, int,
                                                                   const IndexFactory<double>&);

}  // namespace sublinear
