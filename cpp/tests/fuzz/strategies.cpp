// Differential fuzzing of the strategies: a layer of neurons, inputs, balls and moves, told by bytes. Every exact
// strategy, with every index it may have inside, proposes all neurons that fire in the balls, and trains to the bits of
// "dense".
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "finding/layer.hpp"
#include "fuzz/tape.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/training/trainer.hpp"

using namespace sublinear;

namespace {

// A strategy as it is asked for: with an index where it takes one, with room for its lists or hardly any.
struct Variant {
  std::string name, index;
  bool tight = false;

  [[nodiscard]] std::string text() const {
    return name + (index.empty() ? "" : ":" + index) + (tight ? ", tight" : "");
  }
  [[nodiscard]] FinderOptions options() const {
    FinderOptions options;
    options.index = index;
    options.max_bytes = tight ? 300 : std::size_t{1} << 20;
    return options;
  }
};

// Every variant that serves inputs of this dimension.
std::vector<Variant> variants(Index dimension) {
  std::vector<Variant> all;
  for (const StrategyInfo& strategy : strategies()) {
    if (!strategy.exact) continue;
    all.push_back({strategy.name, "", false});
    if (strategy.name == "margin" || strategy.option == "index") all.push_back({strategy.name, "", true});
    if (strategy.option != "index") continue;
    for (const std::string& index : index_names())
      if (index_serves(index, dimension + 2)) all.push_back({strategy.name, index, false});
  }
  return all;
}

Ball ball_of(Tape& tape) {
  constexpr double kRadii[] = {0, 1e-30, 1e-6, 0.01, 0.1, 0.5, 1, 8};
  const unsigned byte = tape.byte();
  return {kRadii[byte % 8], byte < 128 ? Norm::two : Norm::infinity};
}

template <class T>
Layer<T> layer_of(Tape& tape) {
  const auto m = static_cast<Index>(1 + tape.below(24)), n = static_cast<Index>(1 + tape.below(8));
  Layer<T> layer(m, n, static_cast<Index>(1 + tape.below(7)), Numbers::gaussian, tape.byte());
  for (T& w : layer.weights)
    if (tape.below(4) != 0) w = tape.moderate<T>();
  for (T& x : layer.inputs)
    if (tape.below(4) != 0) x = tape.moderate<T>();
  for (T& b : layer.biases) b = tape.moderate<T>();
  layer.threshold = tape.moderate<T>();
  return layer;
}

// Moves some rows and biases as the bytes say.
template <class T>
Moved move(Tape& tape, Layer<T>& layer, Norm norm) {
  Moved moved;
  const unsigned step = 1 + tape.below(5), kind = tape.byte();
  const Index d = layer.dimension;
  for (Index r = tape.below(5); r < layer.count; r += step) {
    T* const row = layer.weights.data() + r * d;
    const std::vector<T> before(row, row + d);
    T& bias = layer.biases[static_cast<std::size_t>(r)];
    const T bias_before = bias;
    for (Index j = 0; j < d; ++j) {
      if (kind % 4 == 0) row[j] = tape.moderate<T>();
      if (kind % 4 == 1) row[j] += tape.moderate<T>() / T(64);
      if (kind % 4 == 2) row[j] = std::nextafter(row[j], T(kind < 128 ? 100 : -100));
      // Straight towards an input: no step counts for more.
      if (kind % 4 == 3) row[j] += layer.inputs[static_cast<std::size_t>(kind % layer.size * d + j)] / T(16);
      if (!(std::abs(row[j]) < T(300))) row[j] = T(1);
    }
    if (kind >= 192) bias = tape.moderate<T>();
    moved.rows.push_back(static_cast<NeuronId>(r));
    moved.by.push_back({euclidean_distance_bound(row, before.data(), d),
                        dual_distance_bound(row, before.data(), d, norm),
                        std::abs(static_cast<double>(bias) - static_cast<double>(bias_before))});
  }
  return moved;
}

// The neurons that fire at x, at a random point of the ball around it, or at the best point of it for one of them.
template <class T>
std::vector<NeuronId> firing_in_ball(Layer<T>& layer, const T* x, Ball ball) {
  std::vector<std::vector<T>> points{std::vector<T>(x, x + layer.dimension), random_point(layer, x, ball)};
  for (NeuronId r = 0; r < layer.count; ++r) points.push_back(aligned_point(layer, x, r, ball));
  std::vector<NeuronId> firing;
  for (NeuronId r = 0; r < layer.count; ++r)
    if (std::any_of(points.begin(), points.end(), [&](const auto& point) { return layer.fires(r, point.data()); }))
      firing.push_back(r);
  return firing;
}

// List k is ascending and distinct, holds neurons, and none of the firing ones is missing.
void check_list(const CandidateLists& lists, Index k, const std::vector<NeuronId>& firing, Index neurons,
                const std::string& who) {
  const NeuronId *const begin = lists.begin(k), *const end = lists.end(k);
  if (std::adjacent_find(begin, end, std::greater_equal<NeuronId>()) != end || (begin != end && *begin < 0) ||
      (begin != end && end[-1] >= neurons))
    fail(who, "a list is not ascending, or has what is no neuron");
  if (!std::includes(begin, end, firing.begin(), firing.end()))
    fail(who, "a neuron that fires in the ball is not proposed");
}

// A conversation with every strategy at once: questions and moves in turns.
template <class T>
void converse(Tape& tape) {
  Layer<T> layer = layer_of<T>(tape);
  const Ball ball = ball_of(tape);
  std::vector<std::unique_ptr<NeuronFinder<T>>> finders;
  std::vector<std::string> names;
  for (const Variant& variant : variants(layer.dimension)) {
    names.push_back(variant.text());
    finders.push_back(make_finder<T>(variant.name, layer.neurons(), layer.points(), ball, variant.options(), 1));
  }
  for (int round = 0; round < 8 && (round == 0 || !tape.done()); ++round) {
    std::vector<Index> asked;
    for (Index i = 0, some = tape.byte(); i < layer.size; ++i)
      if ((some >> i) % 2 == 0) asked.push_back(i);
    const auto count = static_cast<Index>(asked.size());
    const int threads = tape.below(16) == 1 ? 2 : 1;
    std::vector<std::vector<NeuronId>> firing;
    for (const Index i : asked) firing.push_back(firing_in_ball(layer, layer.points().row(i), ball));
    const std::vector<T> stranger = random_point(layer, layer.points().row(0), {2, Norm::two});
    const Ball smaller{ball.radius / 2, ball.norm};
    const std::vector<NeuronId> firing_there = firing_in_ball(layer, stranger.data(), smaller);
    for (std::size_t f = 0; f < finders.size(); ++f) {
      CandidateLists lists;
      finders[f]->candidates(asked.data(), count, threads, lists);
      if (lists.size() != count) fail(names[f], "another number of lists");
      for (Index k = 0; k < count; ++k)
        check_list(lists, k, firing[static_cast<std::size_t>(k)], layer.count, names[f]);
      if (!finders[f]->serves_any_point()) continue;
      finders[f]->candidates_at({stranger.data(), 1, layer.dimension}, smaller.radius, threads, lists);
      check_list(lists, 0, firing_there, layer.count, names[f]);
    }
    const Moved moved = move(tape, layer, ball.norm);
    for (const auto& finder : finders)
      finder->moved(moved.rows.data(), moved.by.data(), static_cast<Index>(moved.rows.size()), threads);
  }
}

struct Outcome {
  std::vector<char> weights;
  std::vector<double> losses;
  std::vector<std::int64_t> fired;
  bool diverged = false;

  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.weights == b.weights && a.losses == b.losses && a.fired == b.fired && a.diverged == b.diverged;
  }
};

// The same few steps of training with every strategy.
template <class T>
void train(Tape& tape) {
  Layer<T> layer = layer_of<T>(tape);
  const std::string& loss = loss_names()[tape.below(static_cast<unsigned>(loss_names().size()))];
  const Index outputs = loss == "cross-entropy" ? 2 + static_cast<Index>(tape.below(3)) : 1;
  std::vector<T> output_weights(static_cast<std::size_t>(layer.count * outputs));
  for (T& a : output_weights) a = tape.moderate<T>();
  std::vector<double> labels;
  for (Index i = 0; i < layer.size; ++i)
    labels.push_back(outputs > 1          ? static_cast<double>(tape.below(static_cast<unsigned>(outputs)))
                     : loss == "logistic" ? (tape.below(2) == 0 ? 1.0 : -1.0)
                                          : static_cast<double>(tape.moderate<T>()));
  PgdOptions pgd;
  const Ball ball = ball_of(tape);
  pgd.radius = ball.radius;
  pgd.norm = ball.norm;
  pgd.steps = static_cast<int>(tape.below(5));
  const unsigned kind = tape.byte();
  pgd.random_start = kind % 4 == 3;
  pgd.restarts = kind % 8 == 7 ? 2 : 1;
  const Activation activation = kind < 128 ? Activation::shifted : Activation::jump;
  const auto batch = static_cast<Index>(tape.below(5));
  const double rate = std::ldexp(1.0, static_cast<int>(tape.below(14)) - 10);
  const int threads = tape.below(16) == 1 ? 2 : 1, steps = 1 + static_cast<int>(tape.below(6));
  const T scale = tape.below(2) == 0 ? T(1) : T(0.25);

  Outcome dense;
  for (const Variant& variant : variants(layer.dimension)) {
    TwoLayerNetwork<T> network({layer.weights.data(), layer.count, layer.dimension}, output_weights.data(), outputs,
                               layer.biases.data(), layer.threshold, scale, activation);
    TrainerOptions<T> options;
    options.strategy = variant.name;
    options.finder = variant.options();
    options.loss = make_loss(loss);
    options.attack = make_pgd<T>(pgd);
    options.batch_size = batch;
    options.seed = kind;
    options.threads = threads;
    Trainer<T> trainer(network, layer.points(), labels.data(), options);
    Outcome outcome;
    try {
      for (int step = 0; step < steps; ++step) {
        const StepReport report = trainer.step(rate);
        outcome.losses.insert(outcome.losses.end(), {report.clean_loss, report.robust_loss});
        outcome.fired.push_back(report.work.fired);
      }
    } catch (const DivergenceError&) {
      outcome.diverged = true;
    }
    outcome.weights.resize(layer.weights.size() * sizeof(T));
    std::memcpy(outcome.weights.data(), network.weights(), outcome.weights.size());
    if (variant.name == "dense" && dense.weights.empty()) dense = outcome;
    if (!(outcome == dense)) fail(variant.text(), "training ended with other bits than dense");
  }
}

template <class T>
void run(Tape& tape, bool training) {
  if (training)
    train<T>(tape);
  else
    converse<T>(tape);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape(data, size);
  const unsigned first = tape.byte();
  if (first % 2 == 0)
    run<float>(tape, first < 128);
  else
    run<double>(tape, first < 128);
  return 0;
}
