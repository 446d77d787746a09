// The list of what every strategy promises. A case is a layer of neurons with inputs, and steps that move rows; one
// that fails is made smaller before it is printed.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <typeinfo>
#include <utility>
#include <vector>

#include "finding/checked_finder.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/training/trainer.hpp"
#include "testing/conformance_checks.hpp"
#include "testing/smallest.hpp"

namespace sublinear {
namespace {

// How numbers are drawn: integers make sums exact, so that many neurons fire exactly on the threshold.
enum class Numbers { gaussian, integers };

// Rows (by their places among the neurons that are left) and what is added to their weights and biases.
template <class T>
struct Step {
  std::vector<Index> rows = {};
  std::vector<T> by = {};  // rows x (dimension + 1): the last one is the bias's
};

template <class T>
struct Layer {
  Index dimension = 1;
  Ball ball = {};
  T threshold = 0;
  std::vector<T> neurons = {};  // rows of weights with the bias behind
  std::vector<T> inputs = {};
  std::vector<Step<T>> steps = {};
};

template <class T>
class StrategyChecks : ConformanceChecks<T> {
 public:
  using Finder = std::unique_ptr<NeuronFinder<T>>;
  using Maker = std::function<Finder(const Neurons<T>&, Points<T>, Ball, std::size_t max_bytes, int threads)>;
  using Choose = std::function<void(TrainerOptions<T>&)>;

  StrategyChecks(std::string title, Maker make, Choose choose)
      : ConformanceChecks<T>(std::move(title)), make_(std::move(make)), choose_(std::move(choose)) {}

  void run() {
    for (const Norm norm : {Norm::two, Norm::infinity})
      for (const double radius : {0.0, 0.05, 1.0})
        for (const Numbers numbers : {Numbers::gaussian, Numbers::integers}) {
          try_case(draw(5, 3, 2, numbers, {radius, norm}, 3, 1), 0);
          try_case(draw(37, 9, 6, numbers, {radius, norm}, 12, 7), 0);
        }
    for (const Index m : {1, 17})
      for (const Index n : {1, 18})
        for (const Index d : {1, 17}) try_case(draw(m, n, d, Numbers::gaussian, {0.1, Norm::two}, 6, 3), 0);
    for (const std::size_t allowed : {std::size_t{1}, std::size_t{600}, std::size_t{3000}})
      try_case(draw(60, 20, 5, Numbers::gaussian, {0.3, Norm::two}, 8, 5), allowed);
    single("neurons that fire on the last bit are found", [this] { last_bits(); });
    single("bad arguments are std::invalid_argument and change nothing", [this] { bad_arguments(); });
    single("training ends with the bits of \"dense\"", [this] { training(); });
  }

 private:
  using ConformanceChecks<T>::fail;
  using ConformanceChecks<T>::refuse;
  using ConformanceChecks<T>::single;

  // ---- conversations

  static Layer<T> draw(Index m, Index n, Index d, Numbers numbers, Ball ball, int rounds, unsigned seed) {
    std::mt19937 random(seed);
    const auto value = [&]() -> double {
      return numbers == Numbers::integers ? static_cast<double>(random() % 7) - 3
                                          : std::normal_distribution<double>()(random);
    };
    Layer<T> layer;
    layer.dimension = d;
    layer.ball = ball;
    layer.threshold = numbers == Numbers::integers ? T(4) : T(1.5);
    const Index width = d + 1;
    layer.neurons.resize(static_cast<std::size_t>(m * width));
    layer.inputs.resize(static_cast<std::size_t>(n * d));
    for (T& w : layer.neurons) w = static_cast<T>(value());
    for (T& x : layer.inputs)
      x = static_cast<T>(numbers == Numbers::integers ? value() : value() / std::sqrt(static_cast<double>(d)));
    for (Index r = 1; r < m; r += 5)  // exact duplicates, as coupled initialisations have
      std::copy_n(layer.neurons.begin() + (r - 1) * width, width, layer.neurons.begin() + r * width);
    const double sizes[] = {1e-3, 0.02, 0, 0.02, 1e-6, 0.5, 0.02, 3};
    for (int round = 0; round < rounds; ++round) {
      Step<T> step;
      for (Index r = 0; r < m; ++r)
        if (round % 3 == 0 || random() % 2 == 0) step.rows.push_back(r);
      for (std::size_t k = 0; k < step.rows.size(); ++k)
        for (Index j = 0; j < width; ++j) {
          double by = sizes[round % 8] * value();
          if (numbers == Numbers::integers) by = random() % 8 == 0 ? static_cast<double>(random() % 3) - 1 : 0;
          step.by.push_back(j == d && round % 2 != 0 ? T(0) : static_cast<T>(by));
        }
      layer.steps.push_back(step);
    }
    return layer;
  }

  void try_case(Layer<T> tried, std::size_t max_bytes) const {
    std::optional<std::string> failure = failure_of(tried, max_bytes);
    if (!failure) return;
    const auto keep = [&](Layer<T> smaller) {
      const std::optional<std::string> again = failure_of(smaller, max_bytes);
      if (!again) return false;
      tried = std::move(smaller), failure = again;
      return true;
    };
    const auto shrink_rows = [&](std::vector<T> Layer<T>::*rows, Index width) {
      shrink([&] { return (tried.*rows).size() / static_cast<std::size_t>(width); },
             [&](std::size_t begin, std::size_t end) {
               if (end - begin == (tried.*rows).size() / static_cast<std::size_t>(width)) return false;
               Layer<T> smaller = tried;
               smaller.*rows = without_rows(smaller.*rows, begin, end, width);
               return keep(smaller);
             });
    };
    shrink([&] { return tried.steps.size(); },
           [&](std::size_t begin, std::size_t end) {
             Layer<T> smaller = tried;
             smaller.steps = without_rows(smaller.steps, begin, end, 1);
             return keep(smaller);
           });
    shrink_rows(&Layer<T>::inputs, tried.dimension);
    shrink_rows(&Layer<T>::neurons, tried.dimension + 1);
    for (std::size_t s = 0; s < tried.steps.size(); ++s)
      shrink([&] { return tried.steps[s].rows.size(); },
             [&](std::size_t begin, std::size_t end) {
               Layer<T> smaller = tried;
               Step<T>& step = smaller.steps[s];
               step.rows = without_rows(step.rows, begin, end, 1);
               step.by = without_rows(step.by, begin, end, smaller.dimension + 1);
               return keep(smaller);
             });
    fail("every neuron that can fire is proposed: " + *failure);
  }

  [[nodiscard]] std::optional<std::string> failure_of(const Layer<T>& tried, std::size_t max_bytes) const {
    const auto radius = print(&tried.ball.radius, 1);
    std::string history = "ball of radius " + radius + (tried.ball.norm == Norm::two ? " in l2" : " in linf") +
                          ", threshold " + print(&tried.threshold, 1) + ", max_bytes " + std::to_string(max_bytes) +
                          ", neurons (weights, then the bias) " + print_rows(tried.neurons, tried.dimension + 1) +
                          ", inputs " + print_rows(tried.inputs, tried.dimension);
    try {
      converse(tried, max_bytes, history);
      return std::nullopt;
    } catch (const BrokenPromise& broken) {
      return broken.text + "\n  case: " + history;
    } catch (const MemoryLimitError&) {  // it says that it cannot with so little
      if (max_bytes != 0) return std::nullopt;
      return "it needs more memory than there is\n  case: " + history;
    } catch (const std::exception& error) {
      return std::string("it threw ") + error.what() + "\n  case: " + history;
    }
  }

  // Weights and biases as the library has them.
  struct Rows {
    Index dimension;
    std::vector<T> weights = {}, biases = {};

    Rows(const std::vector<T>& neurons, Index d) : dimension(d) {
      for (std::size_t k = 0; k < neurons.size(); k += static_cast<std::size_t>(d) + 1) {
        const auto row = neurons.begin() + static_cast<std::ptrdiff_t>(k);
        weights.insert(weights.end(), row, row + d);
        biases.push_back(row[d]);
      }
    }
    [[nodiscard]] Neurons<T> neurons(T threshold) const {
      return {weights.data(), biases.data(), static_cast<Index>(biases.size()), dimension, threshold};
    }
  };

  void converse(const Layer<T>& tried, std::size_t max_bytes, std::string& history) const {
    const Index d = tried.dimension;
    Rows rows(tried.neurons, d);
    const Neurons<T> neurons = rows.neurons(tried.threshold);
    const Points<T> inputs{tried.inputs.data(), static_cast<Index>(tried.inputs.size()) / d, d};
    const Finder one = make_(neurons, inputs, tried.ball, max_bytes, 1),
                 three = make_(neurons, inputs, tried.ball, max_bytes, 3);
    std::mt19937 random(1);
    ask(*one, *three, neurons, inputs, tried.ball, random);
    for (const Step<T>& step : tried.steps) {
      std::vector<NeuronId> moved;
      std::vector<Displacement> by;
      take_step(step, rows, tried.ball.norm, moved, by);
      history += ", then neurons " + print(moved) + " move";
      const auto count = static_cast<Index>(moved.size());
      const Work work = one->moved(moved.data(), by.data(), count, 1);
      promise(work == three->moved(moved.data(), by.data(), count, 3), "three threads do the work of one in moved");
      promise(work.rows_moved == count, "work.rows_moved is the number of rows that moved");
      ask(*one, *three, neurons, inputs, tried.ball, random);
    }
  }

  static void take_step(const Step<T>& step, Rows& rows, Norm norm, std::vector<NeuronId>& moved,
                        std::vector<Displacement>& by) {
    const Index d = rows.dimension, m = static_cast<Index>(rows.biases.size());
    for (std::size_t k = 0; k < step.rows.size(); ++k) {
      const auto r = static_cast<NeuronId>(step.rows[k] % m);
      if (!moved.empty() && r <= moved.back()) continue;  // the neurons are fewer now
      T* const row = rows.weights.data() + static_cast<Index>(r) * d;
      T& bias = rows.biases[static_cast<std::size_t>(r)];
      const std::vector<T> before(row, row + d);
      const T bias_before = bias;
      const T* const change = step.by.data() + static_cast<Index>(k) * (d + 1);
      for (Index j = 0; j < d; ++j) row[j] += change[j];
      bias += change[d];
      moved.push_back(r);
      by.push_back({euclidean_distance_bound(row, before.data(), d), dual_distance_bound(row, before.data(), d, norm),
                    std::abs(static_cast<double>(bias) - static_cast<double>(bias_before))});
    }
  }

  // Some inputs, in any order: the lists are complete, and those of one thread.
  void ask(NeuronFinder<T>& one, NeuronFinder<T>& three, const Neurons<T>& neurons, Points<T> inputs, Ball ball,
           std::mt19937& random) const {
    std::vector<Index> asked(static_cast<std::size_t>(inputs.count));
    std::iota(asked.begin(), asked.end(), Index{0});
    std::shuffle(asked.begin(), asked.end(), random);
    asked.resize(1 + random() % asked.size());
    const auto count = static_cast<Index>(asked.size());
    CandidateLists lists, same;
    const Work work = one.candidates(asked.data(), count, 1, lists);
    const Work other = three.candidates(asked.data(), count, 3, same);
    promise(lists.size() == count, "there is a list for each input");
    promise(lists.ids == same.ids && lists.offsets == same.offsets, "three threads propose what one does");
    promise(work == other, "three threads do the work of one in candidates");
    promise(work.candidates == static_cast<std::int64_t>(lists.ids.size()), "work.candidates counts the proposals");
    for (Index k = 0; k < count; ++k) {
      const Index input = asked[static_cast<std::size_t>(k)];
      const std::vector<NeuronId> list(lists.begin(k), lists.end(k));
      promise(std::adjacent_find(list.begin(), list.end(), std::greater_equal<NeuronId>()) == list.end(),
              "ids ascend and are distinct; for input " + std::to_string(input) + " they are " + print(list));
      if (one.exact()) complete(neurons, inputs.row(input), ball, list, "input " + std::to_string(input), random);
    }
    if (one.serves_any_point()) elsewhere(one, neurons, ball, random);
  }

  // The list has every neuron that fires at x, at a best point of the ball, or at a random one.
  void complete(const Neurons<T>& neurons, const T* x, Ball ball, const std::vector<NeuronId>& list,
                const std::string& where, std::mt19937& random) const {
    const Index d = neurons.dimension;
    // As far out as attacks may go before rounding to T.
    const Ball outer{ball.radius * (1 + static_cast<double>(2 * d + 60) * unit_roundoff<T>), ball.norm};
    std::vector<std::vector<T>> points{std::vector<T>(x, x + d)};
    for (NeuronId r = 0; r < neurons.count; ++r) points.push_back(best_point(neurons, r, x, outer));
    for (int k = 0; k < 5; ++k) points.push_back(random_point(x, d, ball, random));
    for (const std::vector<T>& point : points)
      for (NeuronId r = 0; r < neurons.count; ++r)
        if (inner_product(neurons.row(r), point.data(), d) + neurons.biases[r] >= neurons.threshold)
          promise(std::binary_search(list.begin(), list.end(), r), "neuron " + std::to_string(r) + " fires at " +
                                                                       print(point) + ", in the ball of " + where +
                                                                       ", and is not among " + print(list));
  }

  static std::vector<T> random_point(const T* x, Index d, Ball ball, std::mt19937& random) {
    std::vector<double> way(static_cast<std::size_t>(d));
    double norm = 0;
    for (double& v : way) {
      v = std::normal_distribution<double>()(random);
      norm = ball.norm == Norm::two ? std::hypot(norm, v) : std::max(norm, std::abs(v));
    }
    const double length = random() % 2 == 0 ? ball.radius : ball.radius * static_cast<double>(random() % 1000) / 1000;
    std::vector<T> point(x, x + d);
    for (std::size_t j = 0; j < way.size() && norm > 0; ++j)
      point[j] = static_cast<T>(static_cast<double>(point[j]) + length * way[j] / norm);
    return point;
  }

  // Points that are not training inputs, beyond the norms of those, with another radius.
  void elsewhere(const NeuronFinder<T>& finder, const Neurons<T>& neurons, Ball ball, std::mt19937& random) const {
    const Index d = neurons.dimension;
    std::vector<T> points(static_cast<std::size_t>(3 * d));
    for (T& v : points) v = static_cast<T>(3 * std::normal_distribution<double>()(random));
    const Ball other{ball.radius / 2 + 0.2, ball.norm};
    CandidateLists lists;
    finder.candidates_at({points.data(), 3, d}, other.radius, 2, lists);
    promise(lists.size() == 3, "candidates_at has a list for each point");
    for (Index k = 0; k < 3 && finder.exact(); ++k)
      complete(neurons, points.data() + k * d, other, {lists.begin(k), lists.end(k)},
               "the point " + print(points.data() + k * d, d) + " that is no input", random);
  }

  // ---- single checks

  // Each neuron's bias is the least with which it fires at its best point of the ball around one input: any bound that
  // is too tight by a rounding misses it.
  void last_bits() const {
    const T up = std::numeric_limits<T>::infinity();
    for (const Norm norm : {Norm::two, Norm::infinity})
      for (const double radius : {0.0, 0.05, 2.0})
        for (const double scale : {1.0, 1e-20, 1e12}) {
          const Ball ball{radius, norm};
          const Layer<T> drawn = draw(120, 6, 19, Numbers::gaussian, ball, 0, 23);
          Rows rows(drawn.neurons, 19);
          for (T& w : rows.weights) w *= static_cast<T>(scale);
          const Neurons<T> neurons = rows.neurons(drawn.threshold * static_cast<T>(scale));
          const Points<T> inputs{drawn.inputs.data(), 6, 19};
          std::vector<std::vector<T>> edges;
          for (NeuronId r = 0; r < neurons.count; ++r) {
            edges.push_back(best_point(neurons, r, inputs.row(r % 6), ball));
            T& bias = rows.biases[static_cast<std::size_t>(r)];
            const T product = inner_product(neurons.row(r), edges.back().data(), 19);
            bias = neurons.threshold - product;
            while (!(product + bias >= neurons.threshold)) bias = std::nextafter(bias, up);
            while (product + std::nextafter(bias, -up) >= neurons.threshold) bias = std::nextafter(bias, -up);
          }
          const Finder finder = make_(neurons, inputs, ball, 0, 1);
          if (!finder->exact()) return;
          CandidateLists lists;
          std::vector<Index> all(6);
          std::iota(all.begin(), all.end(), Index{0});
          finder->candidates(all.data(), 6, 1, lists);
          for (NeuronId r = 0; r < neurons.count; ++r) {
            const Index i = r % 6;
            const T* const w = neurons.row(r);
            promise(std::binary_search(lists.begin(i), lists.end(i), r),
                    "weights " + print(w, 19) + ", bias " + print(&neurons.biases[r], 1) + ", threshold " +
                        print(&neurons.threshold, 1) + " fires at " + print(edges[static_cast<std::size_t>(r)]) +
                        ", within " + print(&radius, 1) + " of the input " + print(inputs.row(i), 19) +
                        ", and is not proposed");
          }
        }
  }

  void bad_arguments() const {
    const Layer<T> drawn = draw(5, 4, 3, Numbers::gaussian, {}, 0, 1);
    const Rows rows(drawn.neurons, 3);
    const Finder finder = make_(rows.neurons(drawn.threshold), {drawn.inputs.data(), 4, 3}, {}, 0, 1);
    CandidateLists lists;
    for (const Index bad : {Index{-1}, Index{4}})
      refuse("an unknown input", [&] { finder->candidates(&bad, 1, 1, lists); });
    const Displacement by[2];
    for (const std::vector<NeuronId>& bad : {std::vector<NeuronId>{1, 0}, {2, 2}, {-1, 0}, {0, 5}})
      refuse("rows that are not ascending, distinct and in range", [&] { finder->moved(bad.data(), by, 2, 1); });
    finder->candidates(nullptr, 0, 1, lists);
    promise(lists.size() == 0, "no inputs have no lists");
    finder->moved(nullptr, nullptr, 0, 1);
    if (finder->serves_any_point()) {
      refuse("a negative radius", [&] { finder->candidates_at({drawn.inputs.data(), 1, 3}, -1, 1, lists); });
      refuse("another dimension", [&] { finder->candidates_at({drawn.inputs.data(), 1, 2}, 0, 1, lists); });
      return;
    }
    try {
      finder->candidates_at({drawn.inputs.data(), 1, 3}, 0.1, 1, lists);
    } catch (const std::logic_error&) {
      return;
    }
    promise(false, "who does not serve any point says so");
  }

  // ---- training

  [[nodiscard]] TwoLayerNetwork<T> trained(const Choose& choose, const PgdOptions& attack, Index batch,
                                           int threads) const {
    constexpr Index kInputs = 40, kDimension = 12;
    std::mt19937 random(3);
    std::vector<T> inputs;
    std::vector<double> labels;
    for (Index i = 0; i < kInputs; ++i) {
      for (Index j = 0; j < kDimension; ++j)
        inputs.push_back(static_cast<T>((0.7 * std::normal_distribution<double>()(random) + (j == i % 3 ? 2 : 0)) / 3));
      labels.push_back(static_cast<double>(i % 3));
    }
    Initialization how;
    how.dimension = kDimension;
    how.width = 60;
    how.outputs = 3;
    how.seed = 11;
    TwoLayerNetwork<T> network = random_network<T>(how);
    TrainerOptions<T> options;
    choose(options);
    options.loss = make_loss("cross-entropy");
    options.attack = make_pgd<T>(attack);
    options.batch_size = batch;
    options.train_biases = true;
    options.threads = threads;
    Trainer<T> trainer(network, {inputs.data(), kInputs, kDimension}, labels.data(), options);
    fit(trainer, 4, constant_rate(20));
    return network;
  }

  void training() const {
    for (const Norm norm : {Norm::two, Norm::infinity}) {
      PgdOptions attack;
      attack.radius = norm == Norm::two ? 0.1 : 0.03;
      attack.steps = 4;
      attack.norm = norm;
      for (const Index batch : {Index{0}, Index{7}}) {
        const auto dense = trained([](TrainerOptions<T>& options) { options.strategy = "dense"; }, attack, batch, 1);
        for (const int threads : {1, 3}) {
          bool exact = true;
          const auto own = trained(
              [&](TrainerOptions<T>& options) {
                choose_(options);
                exact = is_exact();
              },
              attack, batch, threads);
          if (!exact) continue;
          const auto bytes = static_cast<std::size_t>(own.width() * own.dimension()) * sizeof(T);
          promise(std::memcmp(own.weights(), dense.weights(), bytes) == 0 &&
                      std::memcmp(own.biases(), dense.biases(), static_cast<std::size_t>(own.width()) * sizeof(T)) == 0,
                  "4 epochs, batch size " + std::to_string(batch) + ", " + std::to_string(threads) +
                      " threads: the weights differ");
        }
      }
    }
  }

  [[nodiscard]] bool is_exact() const {
    const T weight = 1, bias = 0, input = 1;
    return make_({&weight, &bias, 1, 1, T(0)}, {&input, 1, 1}, {}, 0, 1)->exact();
  }

  Maker make_;
  Choose choose_;
};

}  // namespace

template <class T>
void check_strategy(const std::string& name, const FinderOptions& options) {
  StrategyChecks<T>(
      "strategy \"" + name + "\"" + (options.index.empty() ? "" : " with index \"" + options.index + "\""),
      [=](const Neurons<T>& neurons, Points<T> inputs, Ball ball, std::size_t max_bytes, int threads) {
        FinderOptions own = options;
        if (max_bytes != 0) own.max_bytes = max_bytes;
        return make_finder<T>(name, neurons, inputs, ball, own, threads);
      },
      [=](TrainerOptions<T>& training) {
        training.strategy = name;
        training.finder = options;
      })
      .run();
}

template <class T>
void check_strategy(const FinderFactory<T>& factory) {
  StrategyChecks<T>(
      "the strategy",
      [=](const Neurons<T>& neurons, Points<T> inputs, Ball ball, std::size_t max_bytes, int threads) {
        FinderOptions own;
        own.max_bytes = max_bytes;
        return make_finder<T>(factory, neurons, inputs, ball, own, threads);
      },
      [=](TrainerOptions<T>& training) { training.finder_factory = factory; })
      .run();
}

template void check_strategy<float>(const std::string&, const FinderOptions&);
template void check_strategy<double>(const std::string&, const FinderOptions&);
template void check_strategy<float>(const FinderFactory<float>&);
template void check_strategy<double>(const FinderFactory<double>&);

}  // namespace sublinear
