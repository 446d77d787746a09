/// @file
/// Which neurons can fire somewhere in the ball around an input, while the weights move: the strategies.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/cached_product.hpp"
#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

/// Candidate neurons per input, ascending and distinct.
using CandidateLists = IdLists<NeuronId>;

/// The candidates of one input where they lie. `cached`, one per candidate, is where the caller keeps products from one
/// visit of the input to the next: a finder that keeps lists keeps them too, drops them with their neuron
/// and starts a new neuron's with one that says nothing. Null where the finder keeps no lists.
template <class T>
struct CandidateView {
  const NeuronId* ids = nullptr;       ///< `count` of them, ascending and distinct
  Index count = 0;                     ///< how many candidates
  CachedProduct<T>* cached = nullptr;  ///< `count` of them, or null
};

/// Choices of "simhash". Unlike those of exact strategies they change which neurons are found, so they change results.
struct HashOptions {
  Index bits = 9;               ///< sign bits of a bucket, 1 to kMostHashBits
  Index tables = 50;            ///< at least 1; SLIDE's experiments have 9 bits and 50 tables
  double least_share = 0.05;    ///< answers below this share of the neurons are filled up at random; 0 to 1
  double rebuild_after = 50;    ///< the i-th rebuild of the tables comes rebuild_after * exp(rebuild_growth * (i - 1))
  double rebuild_growth = 0.1;  ///< steps after the one before; at least 1, and at least 0
  std::uint64_t seed = 0;       ///< of projections and of neurons that are added
};
/// Most bits of a bucket: a table then has 2^20 buckets.
inline constexpr Index kMostHashBits = 20;

/// Choices that change speed and memory, never results, but for `hashing`.
struct FinderOptions {
  /// The `HalfSpaceIndex` inside strategies that have one ("weights", "data", "static"; an error for others); empty for
  /// the strategy's own choice.
  std::string index = {};
  /// Most bytes that trees and lists over pairs of a neuron and an input may hold; 0 = the memory available when they
  /// are built. Structures of size n x m ("dtree", "wtree") refuse above it; candidate lists keep what fits and scan
  /// for the rest. What grows like n + m only is not counted.
  std::size_t max_bytes = 0;
  /// For "simhash"; others do not look at it.
  HashOptions hashing = {};
};

/// Built over a layer of neurons and the training inputs, tells for each input which neurons can fire somewhere in its
/// ball. An exact one may propose too many neurons, never too few: whatever the attack does inside the ball (with the
/// rounding that attack.hpp allows), every neuron that then fires by the canonical test is in the list.
///
/// The neurons and the inputs are views and must outlive the finder. Whoever changes weight rows or biases says so
/// through `moved` before the next question.
///
/// Arguments are checked before anything changes. A call that is not const and throws anything else (std::bad_alloc, or
/// what an index of the application's own throws) may have stopped half-way: make the finder anew. `Trainer` does.
///
/// @note Thread safety: calls that are not const must not overlap with any other; each uses several threads inside.
template <class T>
class SUBLINEAR_API NeuronFinder {
 public:
  virtual ~NeuronFinder() = default;

  /// The name in the registry, such as "margin".
  [[nodiscard]] virtual const char* name() const noexcept = 0;

  /// Whether no neuron that can fire is ever missed, so that training ends with the bits of "dense".
  [[nodiscard]] virtual bool exact() const noexcept { return true; }

  /// Candidates for the training inputs with these (distinct) positions, one list per position, ids ascending.
  /// Not const: answers may be brought up to date. @param threads changes speed only, never lists or counts; 0 = all
  /// processors, here and below.
  /// @throws std::invalid_argument for a position that does not exist.
  virtual Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) = 0;

  /// The same lists, not copied where the finder keeps them: one view per position. They hold until the next call that
  /// is not const. `storage` is where lists go that the finder does not keep. `known` is what is known
  /// of all rows, or nothing: a product that the finder happens to know takes its drift from there.
  virtual Work visit(const Index* inputs, Index count, int threads, const KnownRows<T>& known, CandidateLists& storage,
                     std::vector<CandidateView<T>>& views);

  /// Whether its lists would be of so many of all neurons that looking at every neuron, a group of inputs at a time,
  /// takes less than to keep and follow them. Whoever is told so need not ask for candidates: all neurons are. Called
  /// before each step; what it measures now and then is a function of the neurons and inputs. Changes speed only.
  [[nodiscard]] virtual bool proposes_all(int threads) {
    static_cast<void>(threads);
    return false;
  }

  /// Whether `candidates_at` answers for points that are not training inputs.
  [[nodiscard]] virtual bool serves_any_point() const noexcept { return false; }

  /// Candidates for any points, within `radius` in the norm the finder was built for. Const: may run on several threads
  /// at the same time.
  /// @throws std::logic_error if the finder does not serve any point; std::invalid_argument for a radius that is
  /// negative or not finite, points that are not finite, or another dimension.
  virtual Work candidates_at(Points<T> points, double radius, int threads, CandidateLists& out) const;

  /// Rows `rows[k]` (ascending, distinct) of the neurons have new values, each moved by at most `by[k]`.
  /// @throws std::invalid_argument for rows that are not ascending, distinct and in range.
  virtual Work moved(const NeuronId* rows, const Displacement* by, Index count, int threads) = 0;

  /// Bytes of memory held beyond the neurons and the inputs.
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;
};

/// A strategy as tables and help texts show it.
struct StrategyInfo {
  std::string name = {};       ///< as `make_finder` takes it: small letters, digits, '-', '_', '.'
  std::string structure = {};  ///< what the structure is over
  std::string source = {};     ///< the paper it implements
  bool exact = true;           ///< whether training ends with the bits of "dense"
  std::string option = {};     ///< what else it takes: "index", "hashing" or nothing
};

/// What a strategy is made of. The neurons and the inputs are views that outlive it; all has been checked.
template <class T>
struct FinderArguments {
  Neurons<T> neurons = {};             ///< finite, at least one
  Points<T> inputs = {};               ///< finite, at least one, of the neurons' dimension
  Ball ball = {};                      ///< around each input; the radius is finite and >= 0
  std::string index = {};              ///< the index inside, or empty
  std::size_t max_bytes = 0;           ///< as `FinderOptions` has it, never 0
  HashOptions hashing = {};            ///< in range
  int threads = 1;                     ///< at least 1
  IndexFactory<T> index_factory = {};  ///< what makes the index inside instead, or empty
};

/// Makes a strategy.
template <class T>
using FinderFactory = std::function<std::unique_ptr<NeuronFinder<T>>(const FinderArguments<T>& arguments)>;

/// The strategies `make_finder` knows, in the order in which tables show them: those of this library, then those that
/// `register_strategy` added, in the order in which they came.
[[nodiscard]] SUBLINEAR_API std::vector<StrategyInfo> strategies();

/// From now on `make_finder` and trainers know a strategy by `info.name`. Its answers are checked: lists have to be
/// ascending ids of neurons; and where `info.exact`, one input in 64 that is asked for, the first among them, is looked
/// up by a scan, too. A neuron that fires in the ball and is missing is a PluginError, before any weight is changed by
/// it. Any thread may call it.
/// @throws std::invalid_argument for a name that is taken or not of the letters above, an empty factory, or an
/// `option`, which only strategies of this library have.
SUBLINEAR_API void register_strategy(const StrategyInfo& info, FinderFactory<float> make_float,
                                     FinderFactory<double> make_double);

/// Forgets a registered strategy; those that were made live on. @throws std::invalid_argument if there is none.
SUBLINEAR_API void unregister_strategy(const std::string& name);

/// Makes the strategy called `name` for balls `ball` around `inputs`. @param index_factory makes the index inside a
/// strategy that has one ("weights", over points of dimension + 2 coordinates that move; "data" and "static", over
/// points of as many that do not; called whenever the structure is made anew); empty = as `options.index` says.
/// @throws std::invalid_argument for an unknown name or index, an index for a strategy that has none inside, choices of
/// hashing out of range, a radius that is negative or not finite, no neurons or no inputs, values that are not finite,
/// or inputs whose dimension is not the neurons'; a factory beside a named index, for a strategy without an index, or
/// whose index does not hold the points it was given; std::length_error for 2^31 inputs or neurons or more;
/// MemoryLimitError (before any allocation) if the structure needs more than `options.max_bytes`.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<NeuronFinder<T>> make_finder(const std::string& name,
                                                                         const Neurons<T>& neurons, Points<T> inputs,
                                                                         Ball ball, const FinderOptions& options,
                                                                         int threads,
                                                                         const IndexFactory<T>& index_factory = {});

/// The same with a strategy that is not registered; its answers are checked like those of one that is.
template <class T>
[[nodiscard]] SUBLINEAR_API std::unique_ptr<NeuronFinder<T>> make_finder(const FinderFactory<T>& factory,
                                                                         const Neurons<T>& neurons, Points<T> inputs,
                                                                         Ball ball, const FinderOptions& options,
                                                                         int threads);

/// How a product is summed: as `inner_product` does it, or in T in whatever order, as a matrix product does.
enum class Summation { canonical, any };

/// For each of the `count` rows, what its product with an input must reach for the neuron to be able to fire somewhere
/// in the input's ball: limits[k] for neuron rows[k] (null rows: neuron k). Rounding is accounted for: a strategy that
/// proposes all whose product is not below the limit misses nobody. @param largest_norm at least the norm, in the
/// ball's, of every input that they serve: `largest_norm(inputs, ball.norm)`. Cost: the norms of the rows.
template <class T>
SUBLINEAR_API void firing_limits(const Neurons<T>& neurons, const NeuronId* rows, Index count, Ball ball,
                                 double largest_norm, Summation summation, T* limits);

/// The largest norm of these points, rounded outward.
template <class T>
[[nodiscard]] SUBLINEAR_API double largest_norm(Points<T> points, Norm norm);

}  // namespace sublinear
