// What every strategy promises, on every strategy of the library; and what is each one's own.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "finding/layer.hpp"
#include "finding/max_tree.hpp"
#include "finding/row_limits.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/testing/conformance.hpp"

namespace sublinear {
namespace {

constexpr Norm kNorms[] = {Norm::two, Norm::infinity};

std::vector<StrategyInfo> exact_strategies() {
  std::vector<StrategyInfo> exact;
  for (const StrategyInfo& strategy : strategies())
    if (strategy.exact) exact.push_back(strategy);
  return exact;
}

bool stores_products(const std::string& name) { return name == "dtree" || name == "wtree"; }

// Every neuron that fires at `point` is in the list [begin, end).
template <class T>
void check_complete(const Layer<T>& layer, const T* point, const NeuronId* begin, const NeuronId* end) {
  Index missed = 0;
  for (Index r = 0; r < layer.count; ++r)
    if (layer.fires(static_cast<NeuronId>(r), point) && !std::binary_search(begin, end, static_cast<NeuronId>(r)))
      ++missed;
  CHECK_MESSAGE(missed == 0, missed << " firing neurons are not in the list");
}

void check_ascending(const CandidateLists& lists) {
  for (Index k = 0; k < lists.size(); ++k)
    CHECK_MESSAGE(std::adjacent_find(lists.begin(k), lists.end(k), std::greater_equal<NeuronId>()) == lists.end(k),
                  "list " << k << " is not ascending and distinct");
}

// The list serves the whole ball around x.
template <class T>
void check_ball(Layer<T>& layer, const T* x, Ball ball, const NeuronId* begin, const NeuronId* end) {
  check_complete(layer, x, begin, end);
  for (Index r = 0; r < layer.count; ++r)
    check_complete(layer, aligned_point(layer, x, static_cast<NeuronId>(r), ball).data(), begin, end);
  for (int k = 0; k < 5; ++k) check_complete(layer, random_point(layer, x, ball).data(), begin, end);
}

// Who can fire according to the limits: what strategies without a skin must answer, no more.
template <class T>
CandidateLists by_limits(const Layer<T>& layer, Ball ball, const std::vector<Index>& asked) {
  const RowLimits<T> limits(layer.neurons(), layer.points(), ball, 1);
  CandidateLists expected;
  for (const Index i : asked) {
    for (NeuronId r = 0; r < layer.count; ++r)
      if (inner_product(layer.neurons().row(r), layer.points().row(i), layer.dimension) >= limits[r])
        expected.ids.push_back(r);
    expected.offsets.push_back(static_cast<Index>(expected.ids.size()));
  }
  return expected;
}

// One strategy, made for one thread and for three, asked and told the same.
template <class T>
struct Pair {
  std::unique_ptr<NeuronFinder<T>> one, three;

  Pair(const std::string& name, const Layer<T>& layer, Ball ball, const FinderOptions& options = {})
      : one(make_finder<T>(name, layer.neurons(), layer.points(), ball, options, 1)),
        three(make_finder<T>(name, layer.neurons(), layer.points(), ball, options, 3)) {}

  Work ask(const std::vector<Index>& asked, CandidateLists& lists) {
    CandidateLists other;
    const auto count = static_cast<Index>(asked.size());
    const Work work = one->candidates(asked.data(), count, 1, lists);
    const Work same = three->candidates(asked.data(), count, 3, other);
    CHECK(lists.size() == count);
    CHECK(lists.offsets == other.offsets);
    CHECK(lists.ids == other.ids);
    CHECK(work == same);
    CHECK(work.candidates == static_cast<std::int64_t>(lists.ids.size()));
    check_ascending(lists);
    return work;
  }

  Work tell(const Moved& moved) {
    const auto count = static_cast<Index>(moved.rows.size());
    const Work work = one->moved(moved.rows.data(), moved.by.data(), count, 1);
    CHECK(work == three->moved(moved.rows.data(), moved.by.data(), count, 3));
    CHECK(work.rows_moved == count);
    return work;
  }
};

// Asks random inputs and moves random rows in turns.
template <class T>
void run_conversation(const std::string& name, Layer<T>& layer, Ball ball, const FinderOptions& options, int rounds) {
  CAPTURE(name);
  CAPTURE(ball.radius);
  CAPTURE(static_cast<int>(ball.norm));
  CAPTURE(static_cast<int>(layer.numbers));
  Pair<T> finder(name, layer, ball, options);
  const double steps[] = {1e-3, 0.02, 0, 0.02, 1e-6, 0.5, 0.02, 3};
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const auto some = static_cast<Index>(1 + layer.random.below(static_cast<std::uint64_t>(layer.size)));
    const std::vector<Index> asked = layer.choose(some, layer.size, false);
    CandidateLists lists;
    finder.ask(asked, lists);
    const bool exact = name == "dense" || stores_products(name);
    if (exact) CHECK(lists.ids == by_limits(layer, ball, asked).ids);
    for (std::size_t k = 0; k < asked.size(); ++k)
      check_ball(layer, layer.points().row(asked[k]), ball, lists.begin(static_cast<Index>(k)),
                 lists.end(static_cast<Index>(k)));
    const Index moving = round % 3 == 0
                             ? layer.count
                             : static_cast<Index>(layer.random.below(static_cast<std::uint64_t>(layer.count + 1)));
    finder.tell(move_rows(layer, moving, steps[round % 8], round % 2 == 0, ball.norm));
  }
}

TEST_CASE_TEMPLATE("every strategy keeps what NeuronFinder promises", T, float, double) {
  for (const StrategyInfo& strategy : strategies()) CHECK_NOTHROW(check_strategy<T>(strategy.name));
}

TEST_CASE_TEMPLATE("strategies stay complete when their lists may not take the memory", T, float, double) {
  for (const StrategyInfo& strategy : exact_strategies())
    for (const std::size_t allowed : {std::size_t{1}, std::size_t{600}, std::size_t{3000}}) {
      if (strategy.name == "dtree") continue;  // keeps no lists
      CAPTURE(allowed);
      Layer<T> layer(60, 20, 5, Numbers::gaussian, 5);
      FinderOptions options;
      options.max_bytes = allowed;
      if (strategy.name == "wtree") options.max_bytes += forest_bytes<T>(MaxTree(layer.size), layer.count);
      run_conversation<T>(strategy.name, layer, {0.3, Norm::two}, options, 10);
    }
}

TEST_CASE_TEMPLATE("every index serves the strategies that have one inside" * doctest::test_suite("threads"), T, float,
                   double) {
  for (const std::string& index : index_names())
    for (const char* strategy : {"weights", "data", "static"}) {
      CAPTURE(index);
      Layer<T> layer(50, 12, 4, Numbers::integers, 11);
      if (!index_serves(index, 6)) continue;
      FinderOptions options;
      options.index = index;
      run_conversation<T>(strategy, layer, {1, Norm::infinity}, options, 8);
    }
}

// Each neuron's bias is the least with which it fires at its best point of the ball around one input: any bound that is
// too tight by a rounding misses it.
// One neuron and one input that differ from what exact arithmetic says as much as rounding can make them.
template <class T>
struct Trap {
  std::vector<T> weights, input, attacked;  // attacked: where the neuron fires
  T bias, threshold;
};

template <class T>
void check_trap(const Trap<T>& trap) {
  const auto d = static_cast<Index>(trap.weights.size());
  REQUIRE(inner_product(trap.weights.data(), trap.attacked.data(), d) + trap.bias >= trap.threshold);
  const Neurons<T> neurons{trap.weights.data(), &trap.bias, 1, d, trap.threshold};
  for (const Norm norm : kNorms) {
    double radius = 0;
    for (std::size_t j = 0; j < trap.input.size(); ++j) {
      const double step = std::abs(static_cast<double>(trap.attacked[j]) - static_cast<double>(trap.input[j]));
      radius = norm == Norm::two ? std::hypot(radius, step) : std::max(radius, step);
    }
    for (const StrategyInfo& strategy : exact_strategies()) {
      CAPTURE(strategy.name);
      const auto finder = make_finder<T>(strategy.name, neurons, {trap.input.data(), 1, d}, {radius, norm}, {}, 1);
      CandidateLists lists;
      const Index first = 0;
      finder->candidates(&first, 1, 1, lists);
      CHECK(lists.length(0) == 1);
    }
  }
}

TEST_CASE_TEMPLATE("rounding hides no neuron: sums that all round the other way after a tiny step", T, float, double) {
  // In every lane 1 comes first, then halves of its last place: ties, lost one by one. A trifle more, and each counts.
  constexpr std::size_t kLanes = kLaneBytes / sizeof(T), kTerms = 100;
  const T half = static_cast<T>(unit_roundoff<T>);
  Trap<T> trap{std::vector<T>(kLanes * kTerms, T(1)), std::vector<T>(kLanes * kTerms, half), {}, 0, 0};
  std::fill_n(trap.input.begin(), kLanes, T(1));
  trap.attacked = trap.input;
  for (std::size_t j = kLanes; j < trap.attacked.size(); ++j) trap.attacked[j] *= T(1.0009765625);
  trap.threshold = inner_product(trap.weights.data(), trap.attacked.data(), static_cast<Index>(kLanes * kTerms));
  REQUIRE(static_cast<double>(trap.threshold) > kLanes * (1 + 100 * unit_roundoff<T>));
  check_trap(trap);
}

TEST_CASE_TEMPLATE("rounding hides no neuron: a sum below the threshold that rounds to it", T, float, double) {
  const T half = static_cast<T>(unit_roundoff<T>) / 2;
  check_trap(Trap<T>{{-half}, {1}, {1}, 1, 1});
}

TEST_CASE_TEMPLATE("rounding hides no neuron: products that underflow before a small step", T, float, double) {
  const T least = std::numeric_limits<T>::denorm_min();
  check_trap(
      Trap<T>{std::vector<T>(100, least), std::vector<T>(100, T(0.49)), std::vector<T>(100, T(0.51)), 0, 100 * least});
}

TEST_CASE_TEMPLATE("margin counts all of a step that goes straight for the threshold", T, float, double) {
  // In one dimension a step of w raises the best product of the ball by the step times (|x| + radius): the whole bound.
  constexpr Index kNeurons = 200;
  const Ball ball{5, Norm::two};
  std::vector<T> weights(kNeurons), biases(kNeurons);
  const std::vector<T> inputs{1, T(0.5)};
  for (std::size_t r = 0; r < kNeurons; ++r) weights[r] = static_cast<T>(static_cast<double>(r) / 400);
  const Neurons<T> neurons{weights.data(), biases.data(), kNeurons, 1, T(3)};
  const auto finder = make_finder<T>("margin", neurons, {inputs.data(), 2, 1}, ball, {}, 1);
  const std::vector<Index> both{0, 1};
  CandidateLists lists;
  for (int step = 0; step < 400; ++step) {
    if (step % 3 == 0) {
      finder->candidates(both.data(), 2, 1, lists);
      for (NeuronId r = 0; r < kNeurons; ++r)
        for (const Index i : both)
          if (weights[static_cast<std::size_t>(r)] * (inputs[static_cast<std::size_t>(i)] + 5) >= 3)
            CHECK(std::binary_search(lists.begin(i), lists.end(i), r));
    }
    Moved moved;
    for (NeuronId r = static_cast<NeuronId>(step % 2); r < kNeurons; r += 2) {
      T& w = weights[static_cast<std::size_t>(r)];
      const T before = w;
      w += T(1.0 / 1024);
      const double by = euclidean_distance_bound(&w, &before, 1);
      moved.rows.push_back(r);
      moved.by.push_back({by, by, 0});
    }
    finder->moved(moved.rows.data(), moved.by.data(), static_cast<Index>(moved.rows.size()), 1);
  }
}

TEST_CASE("each strategy does its own kind of work") {
  Layer<float> layer(300, 40, 4, Numbers::gaussian, 1);
  const std::vector<Index> all = layer.choose(40, 40, true);
  const Moved moved = move_rows(layer, 10, 0.01, false, Norm::two);
  for (const StrategyInfo& strategy : strategies()) {
    CAPTURE(strategy.name);
    CHECK(make_finder<float>(strategy.name, layer.neurons(), layer.points(), {}, {}, 1)->exact() == strategy.exact);
    Pair<float> finder(strategy.name, layer, {0.05, Norm::two});
    CandidateLists lists;
    CHECK(finder.one->name() == strategy.name);
    CHECK(finder.one->bytes() > 0);
    const Work asked = finder.ask(all, lists), told = finder.tell(moved);
    if (strategy.exact) CHECK(asked.added == 0);
    if (strategy.name == "dense") CHECK(asked.inner_products == 300 * 40);
    if (strategy.name == "data" || stores_products(strategy.name)) CHECK(asked.inner_products == 0);
    if (stores_products(strategy.name)) CHECK(told.inner_products == 10 * 40);
    if (strategy.name == "data" || strategy.name == "wtree") CHECK(told.bounds > 0);
    if (strategy.name == "dtree" || strategy.name == "weights" || strategy.name == "static") CHECK(asked.bounds > 0);
    if (strategy.name == "dense" || strategy.name == "weights" || strategy.name == "margin" ||
        strategy.name == "static")
      CHECK(told.inner_products == 0);
  }
}

TEST_CASE("margin asks few pairs while rows hardly move, and no more than a scan when they do") {
  const Index m = 2000, n = 40, rounds = 30;
  const auto inner_products_of = [&](double step, Index batch, std::int64_t& reasked) {
    Layer<float> layer(m, n, 16, Numbers::gaussian, 17);
    Pair<float> finder("margin", layer, {0.05, Norm::two});
    CandidateLists lists;
    Work work;
    for (Index first = 0; first < n; first += batch) finder.ask(layer.choose(n, n, false), lists);  // lists are made
    for (Index round = 0; round < rounds; ++round) {
      finder.tell(move_rows(layer, m / 4, step, false, Norm::two));
      work += finder.ask(layer.choose(batch, n, false), lists);
    }
    reasked = work.rows_reasked;
    return static_cast<double>(work.inner_products) / static_cast<double>(m * batch * rounds);
  };
  std::int64_t reasked = 0;
  CHECK(inner_products_of(0, n, reasked) <= 1.0 / rounds);  // lists are made once more, for a narrower skin
  CHECK(reasked == 0);
  CHECK(inner_products_of(1e-4, n, reasked) < 0.1);
  CHECK(inner_products_of(3e-3, n, reasked) < 0.2);
  CHECK(reasked > 0);
  CHECK(inner_products_of(1e-2, 5, reasked) < 0.9);
  CHECK(reasked > 0);
  CHECK(inner_products_of(10, n, reasked) <= 1);
}

TEST_CASE_TEMPLATE("static counts all of a step that goes straight for the threshold, also beyond its slack", T, float,
                   double) {
  // In one dimension a step of w raises the best product of the ball by the step times (|x| + radius): the whole bound.
  // Half of the neurons go by their biases instead.
  constexpr Index kNeurons = 200;
  const Ball ball{5, Norm::two};
  std::vector<T> weights(kNeurons), biases(kNeurons);
  const std::vector<T> inputs{1, T(0.5)};
  for (std::size_t r = 0; r < kNeurons; ++r) weights[r] = static_cast<T>(static_cast<double>(r) / 400);
  const Neurons<T> neurons{weights.data(), biases.data(), kNeurons, 1, T(3)};
  const auto finder = make_finder<T>("static", neurons, {inputs.data(), 2, 1}, ball, {}, 1);
  const std::vector<Index> both{0, 1};
  CandidateLists lists;
  for (int step = 0; step < 300; ++step) {
    finder->candidates(both.data(), 2, 1, lists);
    for (NeuronId r = 0; r < kNeurons; ++r)
      for (const Index i : both)
        if (weights[static_cast<std::size_t>(r)] * (inputs[static_cast<std::size_t>(i)] + 5) +
                biases[static_cast<std::size_t>(r)] >=
            3)
          CHECK(std::binary_search(lists.begin(i), lists.end(i), r));
    Moved moved;
    for (NeuronId r = static_cast<NeuronId>(step % 2); r < kNeurons; r += 2) {
      T& w = (r / 2 % 2 == 0 ? weights : biases)[static_cast<std::size_t>(r)];
      w += T(1.0 / 1024);
      moved.rows.push_back(r);
      moved.by.push_back(r / 2 % 2 == 0 ? Displacement{1.0 / 1024, 1.0 / 1024, 0} : Displacement{0, 0, 1.0 / 1024});
    }
    finder->moved(moved.rows.data(), moved.by.data(), static_cast<Index>(moved.rows.size()), 1);
  }
}

TEST_CASE("static widens its question as rows move, is built anew when they went too far, and forgives a return") {
  Layer<float> layer(2000, 40, 3, Numbers::gaussian, 17);
  const Ball ball{0.01, Norm::two};
  const auto finder = make_finder<float>("static", layer.neurons(), layer.points(), ball, {}, 1);
  const std::vector<Index> all = layer.choose(40, 40, true);
  CandidateLists lists;
  const auto ask = [&] {
    finder->candidates(all.data(), 40, 1, lists);
    return lists.ids.size();
  };
  const auto move = [&](float by) {
    layer.weights[0] += by;
    const NeuronId row = 0;
    const Displacement displacement{std::abs(by) * 1.0001, std::abs(by) * 1.0001, 0};
    finder->moved(&row, &displacement, 1, 1);
  };
  const std::size_t unmoved = ask();
  move(1.0F / 64);
  const std::size_t widened = ask();
  CHECK(widened > unmoved);
  move(-1.0F / 64);  // it is back, but the largest displacement is kept
  CHECK(ask() == widened);
  move(1.0F / 64);
  CHECK(ask() == widened);
  move(8);  // beyond any slack: built anew, and narrow again
  const std::size_t anew = ask();
  CHECK(anew < widened);
  CHECK(anew >= unmoved - 40);
  move(1.0F / 1024);
  CHECK(ask() >= anew);
}

TEST_CASE("a long run with rare visits keeps its log short and its answers right") {
  Layer<double> layer(50, 30, 4, Numbers::gaussian, 4);
  const Ball ball{0.1, Norm::two};
  Pair<double> finder("margin", layer, ball);
  const std::size_t bytes = finder.one->bytes();
  CandidateLists lists;
  for (int step = 0; step < 300; ++step) {
    finder.tell(move_rows(layer, 25, 0.2, true, ball.norm));
    const std::vector<Index> asked = layer.choose(1, layer.size, false);
    finder.ask(asked, lists);
    check_ball(layer, layer.points().row(asked[0]), ball, lists.begin(0), lists.end(0));
  }
  const std::size_t entry = sizeof(NeuronId) + sizeof(CachedProduct<double>);
  CHECK(finder.one->bytes() < bytes + 30 * 50 * entry * 17 / 16 + 50 * 4 * 16 + 1000);
}

// Steps of a batch of inputs each, after which all rows move by `step`; says when all neurons were proposed first.
template <class T>
int steps_until_all(Layer<T>& layer, const char* name, double radius, double step) {
  const auto finder = make_finder<T>(name, layer.neurons(), layer.points(), {radius, Norm::two}, {}, 1);
  constexpr Index kBatch = 8;
  std::vector<Index> batch(kBatch);
  CandidateLists lists;
  for (int k = 0; k < 40; ++k) {
    if (finder->proposes_all(1)) return k;
    for (Index i = 0; i < kBatch; ++i) batch[static_cast<std::size_t>(i)] = (k * kBatch + i) % layer.size;
    finder->candidates(batch.data(), kBatch, 1, lists);
    const Moved moved = move_rows(layer, layer.count, step, false, Norm::two);
    finder->moved(moved.rows.data(), moved.by.data(), static_cast<Index>(moved.rows.size()), 1);
  }
  return -1;
}

TEST_CASE_TEMPLATE("lists are given up where most neurons can fire, and without an attack where they do not last", T,
                   float, double) {
  const auto layer = [] { return Layer<T>(400, 800, 20, Numbers::gaussian, 11); };
  for (const char* name : {"dense", "margin"}) {
    CAPTURE(name);
    Layer<T> wide = layer(), narrow = layer();
    CHECK(steps_until_all(wide, name, 3.0, 0.0) == 0);
    CHECK(steps_until_all(narrow, name, 0.01, 0.0) == -1);
  }
  // Inputs come again after 100 steps.
  Layer<T> fast = layer(), slow = layer(), attacked = layer();
  const int given_up = steps_until_all(fast, "margin", 0.0, 0.05);
  CHECK(given_up >= 8);
  CHECK(steps_until_all(slow, "margin", 0.0, 1e-6) == -1);
  CHECK(steps_until_all(attacked, "margin", 0.01, 0.05) == -1);
}

TEST_CASE("dtree and wtree say what they need before they take it") {
  Layer<float> layer(500, 300, 3, Numbers::gaussian, 1);
  FinderOptions options;
  options.max_bytes = 1000;
  for (const char* name : {"dtree", "wtree"}) {
    CAPTURE(name);
    const auto make = [&] { return make_finder<float>(name, layer.neurons(), layer.points(), {}, options, 1); };
    CHECK_THROWS_WITH_AS(make(), doctest::Contains("may have 1000 B (1000 bytes)"), MemoryLimitError);
    CHECK_THROWS_WITH_AS(make(), doctest::Contains("500 neurons and 300 inputs needs"), MemoryLimitError);
  }
  options.max_bytes = forest_bytes<float>(MaxTree(500), 300);
  CHECK(make_finder<float>("dtree", layer.neurons(), layer.points(), {}, options, 1) != nullptr);
}

TEST_CASE_TEMPLATE("bad arguments are refused with the reason", T, float, double) {
  Layer<T> layer(5, 4, 3, Numbers::gaussian, 1);
  const auto make = [&](const std::string& name, Points<T> inputs, Ball ball, const std::string& index = "") {
    FinderOptions options;
    options.index = index;
    return make_finder<T>(name, layer.neurons(), inputs, ball, options, 1);
  };
  const Points<T> inputs = layer.points();
  CHECK_THROWS_WITH_AS(make("densest", inputs, {}), doctest::Contains("\"margin\""), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("weights", inputs, {}, "tree"), doctest::Contains("unknown index \"tree\""),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("dense", inputs, {}, index_names().front()), doctest::Contains("has no index inside"),
                       std::invalid_argument);
  for (const double radius : {-0.1, std::numeric_limits<double>::infinity(), std::nan("")})
    CHECK_THROWS_WITH_AS(make("dense", inputs, {radius, Norm::two}), doctest::Contains("radius is"),
                         std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("dense", {inputs.data, 4, 2}, {}), doctest::Contains("dimension 2"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("dense", {inputs.data, 0, 3}, {}), doctest::Contains("no inputs"), std::invalid_argument);
  layer.inputs[4] = std::numeric_limits<T>::quiet_NaN();
  CHECK_THROWS_WITH_AS(make("dense", inputs, {}), doctest::Contains("row 1, column 1"), std::invalid_argument);
  layer.inputs[4] = 0;
  layer.weights[0] = std::numeric_limits<T>::infinity();
  CHECK_THROWS_WITH_AS(make("dense", inputs, {}), doctest::Contains("weights"), std::invalid_argument);
  layer.weights[0] = 0;

  for (const StrategyInfo& strategy : strategies()) {
    CAPTURE(strategy.name);
    const auto finder = make(strategy.name, inputs, {});
    CandidateLists lists;
    for (const Index bad : {Index{-1}, Index{4}})
      CHECK_THROWS_AS(finder->candidates(&bad, 1, 1, lists), std::invalid_argument);
    const Displacement by[2];
    for (const std::vector<NeuronId>& bad : {std::vector<NeuronId>{1, 0}, {2, 2}, {-1, 0}, {0, 5}})
      CHECK_THROWS_AS(finder->moved(bad.data(), by, 2, 1), std::invalid_argument);
    const Index first = 0;
    CHECK_THROWS_AS(finder->candidates(&first, 1, -1, lists), std::invalid_argument);
    CHECK_NOTHROW(finder->candidates(&first, 0, 1, lists));
    CHECK(lists.size() == 0);
    CHECK_NOTHROW(finder->moved(nullptr, nullptr, 0, 1));
  }
}

}  // namespace
}  // namespace sublinear
