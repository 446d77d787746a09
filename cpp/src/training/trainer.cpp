#include "sublinear/training/trainer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "finding/finders.hpp"
#include "finding/reach.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/row_facts.hpp"
#include "training/epoch_order.hpp"
#include "training/fired_positions.hpp"
#include "training/gauss_newton.hpp"
#include "training/input_block.hpp"
#include "training/visiting_order.hpp"

namespace sublinear {
namespace {

// A list with its notes, while it is of a size that the caches nearby hold until it is needed.
template <class T>
void prefetch_list(const CandidateView<T>& list) {
  constexpr Index kMost = 2048;
  prefetch(list.ids, std::min(list.count, kMost));
  if (list.notes != nullptr) prefetch(list.notes, std::min(list.count, kMost));
}

// A worker attacks at most so many inputs that are alike one after the other.
constexpr Index kMostAlike = 8;

// Lists of fired neurons that take no more are kept without asking how much memory there is.
constexpr std::size_t kSmallLists = std::size_t{16} << 20;

}  // namespace

template <class T>
struct Trainer<T>::State {
  std::atomic<bool> busy{false};  // in the middle of a call
  TwoLayerNetwork<T>& network;
  TrainerOptions<T> options;
  int threads;
  Index n, m, d, c, batch_size;
  AlignedVector<T> inputs;
  std::vector<double> labels;
  std::unique_ptr<NeuronFinder<T>> finder;  // null: it has to be built again
  std::uint64_t finder_version = 0;         // the version of the weights that the finder knows
  bool finder_is_at_work = false;
  std::exception_ptr stopped_late;  // what the progress threw when the weights had moved
  std::int64_t steps_done = 0;
  std::vector<Index> order;
  std::int64_t order_epoch = -1;
  std::vector<Index> ranks;  // see visiting_order.hpp; none before the first step, or where they make no difference
  RowFacts<T> facts;
  // Upper bounds on |w| and |bias|, raised by every step; measured again when they get near overflow.
  double largest_weight = 0, largest_bias = 0;
  double largest_input = 0;  // sum of |x_j| over the components of an attacked input, at most

  // The current batch, position by position.
  AlignedVector<T> attacked;          // batch x d
  AlignedVector<T> output_gradients;  // batch x c, scaled: what a weight moves by, but for a_r and x~
  std::vector<double> clean_losses, robust_losses, loss_gradients;
  std::vector<CandidateLists> fired;  // one per block of inputs; empty when it would take more memory than allowed
  std::vector<LocalNetwork<T>> scratch;

  State(TwoLayerNetwork<T>& trained, Points<T> points, const double* targets, TrainerOptions<T> chosen)
      : network(trained),
        options(std::move(chosen)),
        threads(resolve_threads(options.threads)),
        n(points.count),
        m(trained.width()),
        d(trained.dimension()),
        c(trained.outputs()) {
    require(options.loss != nullptr, "loss is missing; give one made by make_loss");
    require(options.attack != nullptr, "attack is missing; give one, make_pgd with steps 0 for none");
    require(n >= 1, "there are no inputs; training needs at least one");
    if (n > std::numeric_limits<NeuronId>::max())
      throw std::length_error("there are " + std::to_string(n) + " inputs; a trainer takes fewer than 2^31");
    require(options.batch_size >= 0, "batch_size is negative; give a number of inputs, or 0 for all");
    require_inputs(points, d);
    check_labels(targets, n, *options.loss, c);
    options.attack->check_inputs(points);
    if (options.optimizer == Optimizer::gauss_newton) {
      require(
          c == 1 && std::string(options.loss->name()) == "squared",
          "Gauss-Newton steps are for the squared loss of networks with one output; give loss \"squared\" and such a "
          "network");
      require(options.input_weights.empty(), "Gauss-Newton steps take no input weights; leave them empty");
      require(options.damping > 0 && std::isfinite(options.damping),
              "damping is not a finite number above 0; give one, such as 1e-6");
    }
    batch_size = options.batch_size == 0 ? n : std::min(options.batch_size, n);
    inputs.assign(points.data, points.data + n * d);
    for (Index i = 0; i < n; ++i) largest_input = std::max(largest_input, absolute_sum_bound(points.row(i), d));
    largest_input += static_cast<double>(d) * options.attack->ball().radius * (1 + kWiden);
    labels.assign(targets, targets + n);
    take_weights();
    scratch.resize(static_cast<std::size_t>(threads));
    const WatchScope told(options.progress);
    build_finder();
  }

  // Weights divided by their mean: equal ones change nothing.
  void take_weights() {
    std::vector<double>& weights = options.input_weights;
    if (weights.empty()) return;
    if (static_cast<Index>(weights.size()) != n)
      throw std::invalid_argument("there are " + std::to_string(weights.size()) + " input weights and " +
                                  std::to_string(n) + " inputs; give one for each");
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!(weights[i] >= 0) || !std::isfinite(weights[i]))
        throw std::invalid_argument("the weight of input " + std::to_string(i) + " is " + format_number(weights[i]) +
                                    "; give finite numbers >= 0");
      sum += weights[i];
    }
    if (!(sum > 0) || !std::isfinite(sum))
      throw std::invalid_argument("input weights sum to " + format_number(sum) + "; give at least one above 0");
    for (double& weight : weights) weight *= static_cast<double>(n) / sum;
  }

  // What the input at a position of the batch counts.
  [[nodiscard]] double weight_at(const std::vector<Index>& batch, Index position) const {
    const Index input = batch[static_cast<std::size_t>(position)];
    return options.input_weights.empty() ? 1.0 : options.input_weights[static_cast<std::size_t>(input)];
  }

  void build_finder() {
    const FloatingPointScope scope;
    finder.reset();                                   // first, so that two structures are never held at once
    const std::uint64_t version = network.version();  // a callback may change it meanwhile
    measure_weights();
    if (!fits(largest_weight, largest_bias)) throw std::invalid_argument(overflow_text());
    facts = RowFacts<T>(network, threads);
    const Points<T> all{inputs.data(), n, d};
    const Ball ball = options.attack->ball();
    finder = options.finder_factory
                 ? make_finder<T>(options.finder_factory, network.neurons(), all, ball, options.finder, threads)
                 : make_finder<T>(options.strategy, network.neurons(), all, ball, options.finder, threads,
                                  options.index_factory);
    finder_version = version;
  }

  // Others may have changed the weights, or the whole network.
  void refresh_finder() {
    if (network.width() != m || network.dimension() != d || network.outputs() != c)
      throw std::logic_error(
          "the trainer's network was moved away, or one of other sizes took its place; make a trainer of the network "
          "where it is now");
    if (finder == nullptr || finder_version != network.version()) build_finder();
  }

  // Within a call nobody may: the lists of candidates are those of the weights that the finder knows.
  void require_unchanged() const {
    if (network.version() != finder_version)
      throw std::logic_error(
          "a callback of the trainer changed or moved the network in the middle of a call; let it "
          "note what it wants to do, and do it between calls");
  }

  void measure_weights() {
    largest_weight = norm_bound(network.weights(), network.width() * d, Norm::infinity);
    largest_bias = norm_bound(network.biases(), network.width(), Norm::infinity);
  }

  // Whether weights and biases of at most this size are far enough from overflow for every norm of a row and every
  // pre-activation in a ball, and for what structures compute of them: there they would no longer agree.
  [[nodiscard]] bool fits(double weight, double bias) const {
    const double limit = static_cast<double>(std::numeric_limits<T>::max()) / static_cast<double>(8 * (d + 1));
    return weight <= limit && bias + std::abs(static_cast<double>(network.threshold())) <= limit &&
           weight * largest_input <= limit;
  }

  [[nodiscard]] std::string overflow_text() const {
    return "weights reach " + format_number(largest_weight) + " in size, biases " + format_number(largest_bias) +
           ", the threshold is " + format_number(static_cast<double>(network.threshold())) +
           ", and inputs reach a sum of " + format_number(largest_input) +
           " over their components, attacked; products may overflow, give smaller numbers";
  }

  [[nodiscard]] std::int64_t steps_per_epoch() const { return (n + batch_size - 1) / batch_size; }

  // The inputs of the next step: a function of (seed, epoch) and the position in the epoch.
  [[nodiscard]] std::vector<Index> next_batch() {
    const std::int64_t epoch = steps_done / steps_per_epoch(), position = steps_done % steps_per_epoch();
    if (order_epoch != epoch) {
      order = epoch_order(n, batch_size, options.seed, epoch);
      order_epoch = epoch;
    }
    const auto first = order.begin() + position * batch_size;
    return {first, first + std::min(batch_size, n - position * batch_size)};
  }

  void tell_progress(double share) const {
    if (!options.progress) return;
    const Unwatched within;
    options.progress(share);
  }

  // Attacks the batch; fills everything but the weights. Nothing of it outlives the step.
  Work attack_batch(const std::vector<Index>& batch) {
    const Index count = static_cast<Index>(batch.size());
    attacked.resize(static_cast<std::size_t>(count * d));
    clean_losses.resize(batch.size());
    robust_losses.resize(batch.size());
    loss_gradients.resize(static_cast<std::size_t>(count * c));
    std::vector<CandidateLists> spare;  // of the step before, for their memory
    spare.swap(fired);
    // Lists of fired neurons may take as much as the finder's structure; beyond that the update finds them again. To
    // ask how much memory there is takes some 50 us, a few per cent of a short step: it is asked for large lists only.
    std::size_t fired_limit = options.finder.max_bytes != 0 ? options.finder.max_bytes : kSmallLists;
    bool limit_is_known = options.finder.max_bytes != 0;
    const auto may_keep = [&](std::size_t bytes) {
      if (bytes > fired_limit && !limit_is_known) {
        limit_is_known = true;
        fired_limit = std::max(kSmallLists, available_memory() / 2);
      }
      return bytes <= fired_limit;
    };
    std::size_t fired_bytes = static_cast<std::size_t>(network.width()) * sizeof(Index);
    // (With an approximate finder it would find others too, so its lists are kept whatever they take.)
    const bool must_keep = !finder->exact() || options.optimizer == Optimizer::gauss_newton;
    bool keep_fired = must_keep || may_keep(fired_bytes);
    const Index block = inputs_per_block(network.width(), count, options.finder.max_bytes);
    const std::uint64_t epoch = static_cast<std::uint64_t>(order_epoch);
    Work work;
    CandidateLists storage, block_fired;
    std::vector<CandidateView<T>> candidates;
    const bool linear = c <= options.attack->gradients();
    const double reach = euclidean_radius(options.attack->ball(), d);
    for (Index begin = 0; begin < count; begin += block) {
      const Index size = std::min(block, count - begin);
      const double share = static_cast<double>(begin) / static_cast<double>(count);
      tell_progress(share);
      require_unchanged();
      const WatchedPart part(share, static_cast<double>(begin + size) / static_cast<double>(count));
      if (!spare.empty()) {
        block_fired = std::move(spare.back());
        spare.pop_back();
      }
      finder_is_at_work = true;
      work += finder->visit(batch.data() + begin, size, threads, facts.view(), storage, candidates);
      finder_is_at_work = false;
      const std::vector<Index> order_of_visits = visiting_order(ranks, batch.data() + begin, size);
      const Index* const visits = order_of_visits.data();
      const Index alike = std::clamp<Index>(size / (16 * threads), 1, kMostAlike);
      const auto attack = [&](Index visit, std::vector<NeuronId>& list, int worker) {
        const Index k = visits[visit], position = begin + k, input = batch[static_cast<std::size_t>(position)];
        const T* x = inputs.data() + input * d;
        T* out = attacked.data() + position * d;
        LocalNetwork<T>& local = scratch[static_cast<std::size_t>(worker)];
        const double label = labels[static_cast<std::size_t>(input)];
        local.attach(network, facts, {candidates[static_cast<std::size_t>(k)], linear, reach});
        local.evaluate(x);
        if (visit + 1 < size)
          prefetch_list(candidates[static_cast<std::size_t>(visits[visit + 1])]);  // likely its next
        clean_losses[static_cast<std::size_t>(position)] = local.loss(*options.loss, label);
        options.attack->perturb(
            local, *options.loss, x, label,
            RandomStream(options.seed, RandomPurpose::attack, {epoch, static_cast<std::uint64_t>(input)}), out);
        check_in_ball(x, out, d, options.attack->ball(), network.threshold());
        local.evaluate(out);
        robust_losses[static_cast<std::size_t>(position)] = local.loss(*options.loss, label);
        std::copy(local.output_gradient().begin(), local.output_gradient().end(),
                  loss_gradients.begin() + position * c);
        Work own = local.take_work();
        own.fired += static_cast<std::int64_t>(local.fired().size());
        if (keep_fired) list.insert(list.end(), local.fired().begin(), local.fired().end());
        return own;
      };
      work += fill_lists<NeuronId>(size, threads, alike, block_fired, attack, visits);
      if (!keep_fired) continue;
      fired_bytes += block_fired.ids.size() * 2 * sizeof(NeuronId);
      keep_fired = must_keep || may_keep(fired_bytes);
      if (keep_fired)
        fired.push_back(std::move(block_fired));
      else
        fired.clear();
    }
    return work;
  }

  // Replaces f - y by what the Gauss-Newton step has in its place, times the batch size that follows as a divisor.
  Work solve_for_gradients(Index count) {
    std::vector<double> matrix =
        gauss_newton_matrix<T>({attacked.data(), count, d}, fired, network.output_weights(),
                               static_cast<double>(network.scale()), options.train_biases, threads);
    solve_gauss_newton(matrix, options.damping, loss_gradients, threads);
    for (double& gradient : loss_gradients) gradient *= static_cast<double>(count);
    Work work;
    work.inner_products = count * count;
    return work;
  }

  // Multiplies learning rate, scale and 1 / batch into the output gradients, and refuses a step that would overflow.
  void scale_gradients(double rate, const std::vector<Index>& batch) {
    const auto count = static_cast<Index>(batch.size());
    const double shared = rate * static_cast<double>(network.scale()) / static_cast<double>(count);
    output_gradients.resize(loss_gradients.size());
    double growth = 0, bias_growth = 0;  // at most so much can be added to a component of a weight row, and to a bias
    const double largest_output = norm_bound(network.output_weights(), network.width() * c, Norm::infinity);
    for (Index i = 0; i < count; ++i) {
      const double factor = shared * weight_at(batch, i);
      double sum = 0;
      for (Index k = 0; k < c; ++k) {
        const auto at = static_cast<std::size_t>(i * c + k);
        output_gradients[at] = static_cast<T>(loss_gradients[at] * factor);
        sum += std::abs(static_cast<double>(output_gradients[at]));
      }
      growth += sum * norm_bound(attacked.data() + i * d, d, Norm::infinity);
      if (options.train_biases) bias_growth += sum;
    }
    growth *= largest_output * 1.01;
    bias_growth *= largest_output * 1.01;
    const auto grow = [&] {
      const bool goes = fits(largest_weight + growth, largest_bias + bias_growth);
      if (goes) largest_weight += growth, largest_bias += bias_growth;
      return goes;
    };
    if (grow()) return;
    measure_weights();
    if (!grow()) {
      throw DivergenceError("step " + std::to_string(steps_done) + " with learning rate " + format_number(rate) +
                            " would make weights, or products of them with inputs, overflow; the network is as it was "
                            "before the step, train it with a lower learning rate");
    }
  }

  // One gradient step, neuron by neuron: row r loses sum over the batch positions i at which it fired, ascending, of
  // (sum over outputs k of G_ik a_rk) x~_i, and its bias, where biases are trained, the sum of the same coefficients.
  // Then tells the finder which rows moved, and by how much.
  Work update(Index count) {
    const bool known = !fired.empty();
    std::vector<Displacement> moves(static_cast<std::size_t>(m));
    std::vector<NeuronId> rows;
    std::vector<Displacement> by;
    rows.reserve(static_cast<std::size_t>(m));
    by.reserve(static_cast<std::size_t>(m));
    struct Buffers {
      FiredPositions fired;
      AlignedVector<T> update, row, coefficients, products;
      std::vector<NeuronId> positions;
    };
    std::vector<Buffers> buffers;
    buffers.reserve(static_cast<std::size_t>(threads));
    for (int worker = 0; worker < threads; ++worker) {
      Buffers& own = buffers.emplace_back(Buffers{FiredPositions(fired, m), {}, {}, {}, {}, {}});
      own.update.resize(static_cast<std::size_t>(d));
      own.row.resize(static_cast<std::size_t>(d));
      own.coefficients.resize(static_cast<std::size_t>(count));
      own.products.resize(static_cast<std::size_t>(known ? 0 : count));
      own.positions.resize(static_cast<std::size_t>(known ? 0 : count));
    }
    std::vector<Work> works(static_cast<std::size_t>(threads));
    std::optional<Unwatched> whole(std::in_place);
    T* const weights = network.change_weights();
    T* const biases = options.train_biases ? network.change_biases() : nullptr;
    // A few long ranges of neurons per thread; within each, tiles whose positions stay in the cache. Nothing in here
    // throws or takes memory, so that no step stops among the rows.
    constexpr Index kLeastRange = 256;  // less would cost more at its start than it spreads
    const Index range = std::max(kLeastRange, (m + 4 * threads - 1) / (4 * threads));
    parallel_for(m, threads, range, [&](Index begin, Index end, int worker) {
      Buffers& own = buffers[static_cast<std::size_t>(worker)];
      if (known) own.fired.start(static_cast<NeuronId>(begin));
      Index tile_end = begin;
      for (Index r = begin; r < end; ++r) {
        if (known && r == tile_end)
          tile_end = own.fired.read_tile(static_cast<NeuronId>(r), static_cast<NeuronId>(end));
        T* const row = weights + r * d;
        const NeuronId* at = nullptr;
        Index length = 0;
        if (known) {
          at = own.fired.begin(r);
          length = own.fired.length(r);
        } else {
          inner_products(attacked.data(), count, d, row, own.products.data());
          works[static_cast<std::size_t>(worker)].inner_products += count;
          for (Index i = 0; i < count; ++i)
            if (own.products[static_cast<std::size_t>(i)] + network.biases()[r] >= network.threshold())
              own.positions[static_cast<std::size_t>(length++)] = static_cast<NeuronId>(i);
          at = own.positions.data();
        }
        if (length == 0) continue;
        const T* a = network.output_weights() + r * c;
        if (c == 1)  // the same bits without the detour
          for (Index k = 0; k < length; ++k)
            own.coefficients[static_cast<std::size_t>(k)] = output_gradients[static_cast<std::size_t>(at[k])] * a[0];
        else
          inner_products_at(output_gradients.data(), at, length, c, a, own.coefficients.data());
        combine_rows(attacked.data(), at, own.coefficients.data(), length, d, own.update.data());
        std::copy(row, row + d, own.row.begin());
        for (Index j = 0; j < d; ++j) row[j] -= own.update[static_cast<std::size_t>(j)];
        Displacement& move = moves[static_cast<std::size_t>(r)];
        if (biases != nullptr) {
          move.bias = move_bias(biases[r], own.coefficients.data(), length);
          facts.note_bias(static_cast<NeuronId>(r), biases[r]);
        }
        move.euclidean = euclidean_distance_bound(row, own.row.data(), d);
        if (move.euclidean == 0) continue;
        const Norm norm = options.attack->ball().norm;
        move.dual = norm == Norm::two ? move.euclidean : dual_distance_bound(row, own.row.data(), d, norm);
        facts.note_move(static_cast<NeuronId>(r), row, move.euclidean);
      }
    });
    ++steps_done;
    for (Index r = 0; r < m; ++r)
      if (const Displacement& move = moves[static_cast<std::size_t>(r)]; move.euclidean > 0 || move.bias > 0) {
        rows.push_back(static_cast<NeuronId>(r));
        by.push_back(move);
      }
    whole.reset();
    Work work;
    try {
      const std::uint64_t version = network.version();
      work = finder->moved(rows.data(), by.data(), static_cast<Index>(rows.size()), threads);
      finder_version = version;
    } catch (const std::bad_alloc&) {  // the step is done: the next one builds the structure again, or says why not
      finder.reset();
    } catch (...) {
      finder.reset();
      const Watch* const watch = current_watch();
      if (watch == nullptr || !watch->has_stopped()) throw;  // an index of the application's own
      stopped_late = std::current_exception();               // the step is done; the next one begins with that
    }
    for (const Work& own : works) work += own;
    work.rows_moved = static_cast<std::int64_t>(rows.size());
    return work;
  }

  // Takes the coefficients, summed in their order, away from the bias; returns how far it moved, rounded outward.
  static double move_bias(T& bias, const T* coefficients, Index count) {
    T sum = 0;
    for (Index k = 0; k < count; ++k) sum += coefficients[k];
    const T before = bias;
    bias -= sum;
    return std::abs(static_cast<double>(bias) - static_cast<double>(before)) * (1 + kWiden);
  }

  StepReport step(double rate) {
    require(std::isfinite(rate) && rate >= 0, "learning_rate is negative or not finite; give a finite number >= 0");
    const FloatingPointScope scope;
    if (stopped_late) std::rethrow_exception(std::exchange(stopped_late, nullptr));
    const WatchScope told(options.progress);
    refresh_finder();
    if (ranks.empty() && outgrows_caches<T>(network.width(), d)) ranks = similarity_ranks<T>({inputs.data(), n, d});
    const std::vector<Index> batch = next_batch();
    const Index count = static_cast<Index>(batch.size());
    StepReport report;
    report.inputs = count;
    finder_is_at_work = false;
    try {
      report.work = attack_batch(batch);
    } catch (...) {  // the finder may have been stopped while it brought its answers up to date
      if (finder_is_at_work) finder.reset();
      throw;
    }
    for (Index i = 0; i < count; ++i) {
      report.clean_loss += weight_at(batch, i) * clean_losses[static_cast<std::size_t>(i)];
      report.robust_loss += weight_at(batch, i) * robust_losses[static_cast<std::size_t>(i)];
    }
    report.clean_loss /= static_cast<double>(count);
    report.robust_loss /= static_cast<double>(count);
    if (!std::isfinite(report.clean_loss) || !std::isfinite(report.robust_loss))
      throw DivergenceError("the loss at step " + std::to_string(steps_done) +
                            " is not finite; the network is as it was before the step, train it with a lower "
                            "learning rate or smaller inputs");
    if (options.optimizer == Optimizer::gauss_newton) report.work += solve_for_gradients(count);
    require_unchanged();
    scale_gradients(rate, batch);
    report.work += update(count);
    report.ends_epoch = steps_done % steps_per_epoch() == 0;
    return report;
  }
};

// Holds the trainer for one call.
template <class T>
struct Trainer<T>::Call {
  explicit Call(State& state) : state_(state) {
    if (state.busy.exchange(true, std::memory_order_acquire)) refuse();
  }
  ~Call() { state_.busy.store(false, std::memory_order_release); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  static void require_none(const State& state) {
    if (state.busy.load(std::memory_order_acquire)) refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw std::logic_error(
        "the trainer is in the middle of a call, of another thread or the one whose callback this is; call it again "
        "when that has returned");
  }

  State& state_;
};

template <class T>
Trainer<T>::Trainer(TwoLayerNetwork<T>& network, Points<T> inputs, const double* labels, TrainerOptions<T> options)
    : state_(std::make_unique<State>(network, inputs, labels, std::move(options))) {}

template <class T>
Trainer<T>::~Trainer() = default;
template <class T>
Trainer<T>::Trainer(Trainer&&) noexcept = default;
template <class T>
Trainer<T>& Trainer<T>::operator=(Trainer&&) noexcept = default;

template <class T>
typename Trainer<T>::State& Trainer<T>::state() const {
  if (state_ == nullptr) throw std::logic_error("the trainer was moved from; use the one it was moved to");
  return *state_;
}

template <class T>
StepReport Trainer<T>::step(double learning_rate) {
  State& own = state();
  const Call call(own);
  return own.step(learning_rate);
}

template <class T>
std::int64_t Trainer<T>::steps_done() const {
  return state().steps_done;
}

template <class T>
std::int64_t Trainer<T>::steps_per_epoch() const {
  return state().steps_per_epoch();
}

template <class T>
void Trainer<T>::set_steps_done(std::int64_t steps) {
  require(steps >= 0, "steps is negative; give the number of steps done before");
  State& own = state();
  const Call call(own);
  own.steps_done = steps;
  own.stopped_late = nullptr;
}

template <class T>
const NeuronFinder<T>& Trainer<T>::finder() const& {
  const State& own = state();
  Call::require_none(own);
  if (own.finder == nullptr)
    throw std::logic_error("there is no structure since a call failed; the next step builds it again");
  return *own.finder;
}

template <class T>
Points<T> Trainer<T>::inputs() const& {
  const State& own = state();
  return {own.inputs.data(), own.n, own.d};
}

template <class T>
Work Trainer<T>::candidates(const Index* inputs, Index count, CandidateLists& out) {
  const FloatingPointScope scope;
  State& own = state();
  const Call call(own);
  require_positions(inputs, count, own.n);
  own.refresh_finder();
  try {
    const Work work = own.finder->candidates(inputs, count, own.threads, out);
    own.require_unchanged();
    return work;
  } catch (...) {
    own.finder.reset();
    throw;
  }
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace sublinear
