#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "finding/checked_finder.hpp"
#include "finding/finders.hpp"
#include "finding/row_limits.hpp"
#include "kernels/name_registry.hpp"
#include "reporting/checked_index.hpp"
#include "reporting/saved_index.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {
namespace {

struct Entry {
  StrategyInfo info;
  FinderFactory<float> make_float;
  FinderFactory<double> make_double;
  bool is_own = true;  // of this library: its answers need no looking at

  template <class T>
  [[nodiscard]] const FinderFactory<T>& make() const {
    if constexpr (std::is_same_v<T, float>)
      return make_float;
    else
      return make_double;
  }
};

constexpr Index kMostTables = 10000;

using Registry = NameRegistry<Entry>;

std::vector<Entry> own_entries() {
  return {
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
}

Registry& registry() {
  static Registry all("strategy", own_entries());
  return all;
}

Registry::Pointer find_entry(const std::string& name) {
  if (Registry::Pointer found = registry().find(name)) return found;
  throw std::invalid_argument("unknown strategy \"" + name + "\"; give one of " + registry().names());
}

void require_index(const Entry& entry, const std::string& index) {
  if (index.empty() || (entry.info.option == "index" && index == kAutomatic)) return;
  if (entry.info.option != "index")
    throw std::invalid_argument("strategy \"" + entry.info.name + "\" has no index inside, but index is \"" + index +
                                "\"; leave it empty");
  std::string known;
  for (const std::string& name : index_names()) {
    if (name == index) return;
    known += (known.empty() ? "\"" : ", \"") + name + "\"";
  }
  throw std::invalid_argument("unknown index \"" + index + "\"; give one of " + known);
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

std::vector<StrategyInfo> strategies() {
  std::vector<StrategyInfo> infos;
  for (const Registry::Pointer& each : registry().all()) infos.push_back(each->info);
  return infos;
}

void register_strategy(const StrategyInfo& info, FinderFactory<float> make_float, FinderFactory<double> make_double) {
  require(make_float != nullptr && make_double != nullptr,
          "the factory of the strategy is empty; give a function for float and one for double");
  if (!info.option.empty())
    throw std::invalid_argument("strategy \"" + info.name + "\" has the option \"" + info.option +
                                "\", which only those of this library have; leave it empty");
  registry().add({info, std::move(make_float), std::move(make_double), false});
}

void unregister_strategy(const std::string& name) { registry().remove(name); }

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

namespace {

// Checks what a strategy is to be made of.
template <class T>
FinderArguments<T> checked_arguments(const Neurons<T>& neurons, Points<T> inputs, Ball ball,
                                     const FinderOptions& options, int threads, const IndexFactory<T>& index_factory) {
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
  return arguments;
}

template <class T>
std::unique_ptr<NeuronFinder<T>> checked(const FinderFactory<T>& make, const FinderArguments<T>& arguments,
                                         const StrategyInfo& info) {
  std::unique_ptr<NeuronFinder<T>> finder = make(arguments);
  if (finder == nullptr) throw PluginError("the factory of strategy \"" + info.name + "\" made nothing");
  return std::make_unique<CheckedFinder<T>>(std::move(finder), arguments, info.name, info.exact);
}

// Whether a strategy of this library has somebody else's index inside.
template <class T>
bool has_foreign_index(const FinderArguments<T>& arguments) {
  return arguments.index_factory != nullptr ||
         (!arguments.index.empty() && arguments.index != kAutomatic && !index_is_own(arguments.index));
}

}  // namespace

template <class T>
std::unique_ptr<NeuronFinder<T>> make_finder(const std::string& name, const Neurons<T>& neurons, Points<T> inputs,
                                             Ball ball, const FinderOptions& options, int threads,
                                             const IndexFactory<T>& index_factory) {
  const FloatingPointScope scope;
  const Registry::Pointer entry = find_entry(name);
  require_index(*entry, options.index);
  if (index_factory) require_factory(*entry, options.index);
  const FinderArguments<T> arguments = checked_arguments(neurons, inputs, ball, options, threads, index_factory);
  if (!entry->is_own) return checked<T>(entry->make<T>(), arguments, entry->info);
  std::unique_ptr<NeuronFinder<T>> finder = entry->make<T>()(arguments);
  if (!has_foreign_index(arguments)) return finder;
  return std::make_unique<CheckedFinder<T>>(std::move(finder), arguments, name, entry->info.exact);
}

template <class T>
std::unique_ptr<NeuronFinder<T>> make_finder(const FinderFactory<T>& factory, const Neurons<T>& neurons,
                                             Points<T> inputs, Ball ball, const FinderOptions& options, int threads) {
  const FloatingPointScope scope;
  require(factory != nullptr, "the factory of the strategy is empty; give a function that makes it");
  require(options.index.empty(), "there is an index and a factory of a strategy; the strategy makes what it needs");
  const FinderArguments<T> arguments = checked_arguments<T>(neurons, inputs, ball, options, threads, {});
  return checked<T>(factory, arguments, {"the application's own", "", "", true, ""});
}

template <class T>
void firing_limits(const Neurons<T>& neurons, const NeuronId* rows, Index count, Ball ball, double largest_norm,
                   Summation summation, T* limits) {
  const Reach<T> reach(ball, largest_norm, neurons.dimension, neurons.threshold);
  // A product in any order errs as the canonical one may, which the reach allows for, and differs from it by as much
  // again; subnormal numbers may be flushed to zero there.
  const double g = 2 * dot_error_factor<T>(neurons.dimension) * largest_norm * (1 + 8 * kWiden);
  const double eta =
      2 * static_cast<double>(neurons.dimension + 8) * static_cast<double>(std::numeric_limits<T>::min());
  for (Index k = 0; k < count; ++k) {
    const NeuronId r = rows == nullptr ? static_cast<NeuronId>(k) : rows[k];
    const double norm = dual_norm_bound(neurons.row(r), neurons.dimension, ball.norm);
    T limit = reach.limit(neurons.threshold, neurons.biases[r], norm);
    if (summation == Summation::any) {
      const double lowered = static_cast<double>(limit) - g * norm * (1 + 8 * kWiden) - eta;
      limit = round_down<T>(lowered - std::abs(lowered) * kWiden);
    }
    limits[k] = limit;
  }
}

template <class T>
double largest_norm(Points<T> points, Norm norm) {
  return largest_norm_bound(points, norm);
}

template class NeuronFinder<float>;
template class NeuronFinder<double>;
template std::unique_ptr<NeuronFinder<float>> make_finder<float>(const std::string&, const Neurons<float>&,
                                                                 Points<float>, Ball, const FinderOptions&, int,
                                                                 const IndexFactory<float>&);
template std::unique_ptr<NeuronFinder<double>> make_finder<double>(const std::string&, const Neurons<double>&,
                                                                   Points<double>, Ball, const FinderOptions&, int,
                                                                   const IndexFactory<double>&);

#define SUBLINEAR_INSTANTIATE(T)                                                                                  \
  template std::unique_ptr<NeuronFinder<T>> make_finder<T>(const FinderFactory<T>&, const Neurons<T>&, Points<T>, \
                                                           Ball, const FinderOptions&, int);                      \
  template void firing_limits<T>(const Neurons<T>&, const NeuronId*, Index, Ball, double, Summation, T*);         \
  template double largest_norm<T>(Points<T>, Norm);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
