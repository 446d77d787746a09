// Prints a hash of each kind of result that must have the same bits on every platform, a line each. With the path of a
// table, compares with it instead: exit status 1 where a line differs, 77 where this processor lacks the forced level.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <initializer_list>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/simd.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "sublinear/training/network_file.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/three_layer_network.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

namespace {

using namespace sublinear;
using sublinear::testing::pgd;
using sublinear::testing::Problem;

// FNV-1a over bytes.
class Hash {
 public:
  Hash& add(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t k = 0; k < size; ++k) value_ = (value_ ^ bytes[k]) * 1099511628211ULL;
    return *this;
  }
  template <class Value>
  Hash& add(const Value& value) noexcept {
    static_assert(std::is_arithmetic_v<Value>);
    return add(&value, sizeof value);
  }
  template <class Values>
  Hash& add_all(const Values& values) noexcept {
    return add(values.data(), values.size() * sizeof *values.data());
  }
  Hash& add(const Work& work) noexcept {
    for (const std::int64_t count : {work.inner_products, work.quantized, work.bounds, work.candidates, work.added,
                                     work.fired, work.rows_moved, work.rows_reasked})
      add(count);
    return *this;
  }
  [[nodiscard]] std::string text() const {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value_));
    return digits;
  }

 private:
  std::uint64_t value_ = 14695981039346656037ULL;
};

// Lines of the table: a name, then what is hashed and its hash, several times.
class Table {
 public:
  void add(const std::string& name, std::initializer_list<std::pair<const char*, Hash>> hashes) {
    std::string line = name;
    for (const auto& [what, hash] : hashes) line += std::string(" ") + what + "=" + hash.text();
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::string> lines_;
};

template <class T>
constexpr const char* kType = std::is_same_v<T, float> ? "float32" : "float64";

template <class T>
std::string named(const std::string& kind, const std::string& name) {
  return kind + "/" + name + "/" + kType<T>;
}

template <class T>
Hash hash_of_weights(const TwoLayerNetwork<T>& network) {
  const auto width = static_cast<std::size_t>(network.width());
  return Hash()
      .add(network.weights(), width * static_cast<std::size_t>(network.dimension()) * sizeof(T))
      .add(network.biases(), width * sizeof(T));
}

void add_functions(Table& table) {
  Hash exp, log, soft, logistic, normal;
  for (int k = -4000; k <= 4000; ++k) {
    const double x = k * 0.1859375;
    exp.add(exponential(x));
    log.add(logarithm(x < 0 ? -1 / x : x));
    soft.add(softplus(x));
    logistic.add(sigmoid(x));
  }
  RandomStream random(1, RandomPurpose::weights, {2, 3});
  for (int k = 0; k < 1000; ++k) normal.add(random.normal()).add(random.uniform()).add(random.below(1000));
  table.add("functions", {{"exp", exp}, {"log", log}, {"softplus", soft}, {"sigmoid", logistic}, {"random", normal}});
}

template <class T>
void add_initializations(Table& table) {
  const Problem<T> problem(10, 7, "cross-entropy");
  for (const std::string& name : initialization_names()) {
    const auto network = problem.network(40, name);
    Hash file;
    table.add(named<T>("initialization", name),
              {{"weights", hash_of_weights(network)}, {"file", file.add_all(network_bytes(network))}});
  }
}

struct Training {
  std::string strategy, loss;
  PgdOptions attack;
  std::string optimizer = "gradient";
  bool train_biases = false;
  std::string index = {};
};

template <class T>
void add_training(Table& table, const std::string& name, const Training& how, const Problem<T>& problem) {
  auto network = problem.network(96, "ntk");
  TrainerOptions<T> options;
  options.strategy = how.strategy;
  options.loss = make_loss(how.loss);
  options.attack = make_pgd<T>(how.attack);
  options.batch_size = how.optimizer == "gradient" ? 7 : 0;
  options.optimizer = make_optimizer<T>(how.optimizer);
  options.train_biases = how.train_biases;
  options.finder.index = how.index;
  options.finder.max_bytes = std::size_t{1} << 26;  // not what happens to be free here
  options.finder.hashing.bits = 4;
  options.finder.hashing.tables = 6;
  options.finder.hashing.rebuild_after = 2;
  options.seed = 5;
  options.threads = 2;
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
  Hash losses, counts, outputs;
  fit<T>(trainer, 4, linear_rate(how.optimizer == "gradient" ? 2 : 0.5, 0.1, 4), [&](const StepReport& report) {
    losses.add(report.clean_loss).add(report.robust_loss);
    counts.add(report.work);
    return true;
  });
  std::vector<T> values(static_cast<std::size_t>(problem.n * problem.outputs));
  counts.add(Predictor<T>(network).decision_function(problem.points(), 2, values.data()));
  Hash file;
  table.add(named<T>("training", name), {{"weights", hash_of_weights(network)},
                                         {"losses", losses},
                                         {"counts", counts},
                                         {"outputs", outputs.add_all(values)},
                                         {"file", file.add_all(network_bytes(network))}});
}

// Its inputs with length 1 and last coordinate 1/2.
template <class T>
Problem<T> on_the_slice(Problem<T> problem) {
  for (Index i = 0; i < problem.n; ++i) {
    T* const x = problem.inputs.data() + i * problem.d;
    double squares = 0;
    for (Index j = 0; j + 1 < problem.d; ++j) squares += static_cast<double>(x[j]) * static_cast<double>(x[j]);
    for (Index j = 0; j + 1 < problem.d; ++j)
      x[j] = static_cast<T>(static_cast<double>(x[j]) * std::sqrt(0.75 / squares));
    x[problem.d - 1] = T(0.5);
  }
  return problem;
}

// Every strategy, every loss and every kind of attack.
template <class T>
void add_trainings(Table& table) {
  const Problem<T> two(40, 24, "logistic"), three(40, 24, "cross-entropy");
  for (const StrategyInfo& strategy : strategies())
    add_training(table, strategy.name, {strategy.name, "cross-entropy", pgd(0.1)}, three);
  for (const std::string& index : index_names())
    if (index_serves(index, 26))
      add_training(table, "weights-" + index, {"weights", "logistic", pgd(0.05), "gradient", true, index}, two);
  for (const char* loss : {"absolute", "squared", "logistic"})
    add_training(table, loss, {"margin", loss, pgd(0.02, 4, Norm::infinity), "gradient", true}, two);
  PgdOptions random = pgd(0.1, 3);
  random.random_start = true;
  random.restarts = 3;
  add_training(table, "random-l2", {"margin", "cross-entropy", random}, three);
  random.norm = Norm::infinity;
  random.radius = 0.03;
  add_training(table, "random-linf", {"margin", "logistic", random}, two);
  add_training(table, "gauss-newton", {"margin", "squared", pgd(0), "gauss-newton"}, two);
  PgdOptions slice = pgd(0.3, 3);
  slice.domain = Domain::slice;
  add_training(table, "slice", {"margin", "cross-entropy", slice}, on_the_slice(three));
}

template <class T>
void add_three_layers(Table& table) {
  const Problem<T> problem(30, 12, "squared");
  ThreeLayerInitialization how;
  how.dimension = problem.d;
  how.width = 64;
  auto network = random_three_layer_network<T>(how);
  ThreeLayerOptions options;
  options.batch_size = 8;
  options.threads = 2;
  ThreeLayerTrainer<T> trainer(network, problem.points(), problem.labels.data(), options);
  Hash losses, outputs;
  for (int step = 0; step < 8; ++step) losses.add(trainer.step(0.5).loss);
  std::vector<T> values(static_cast<std::size_t>(problem.n));
  network.decision_function(problem.points(), 2, values.data());
  table.add(named<T>("training", "three-layer"), {{"losses", losses}, {"outputs", outputs.add_all(values)}});
}

// Points on a grid, many of them equal in a coordinate, and scattered ones.
template <class T>
std::vector<T> some_points(Index count, Index d, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::weights);
  std::vector<T> points(static_cast<std::size_t>(count * d));
  for (std::size_t k = 0; k < points.size(); ++k)
    points[k] = static_cast<T>(k % 3 == 0 ? static_cast<double>(random.below(5)) - 2 : random.normal());
  return points;
}

template <class T>
void add_index(Table& table, const std::string& name, Index d) {
  constexpr Index kCount = 1500, kMore = 300, kQueries = 9;
  const auto points = some_points<T>(kCount, d, 1), more = some_points<T>(kMore, d, 2);
  const auto normals = some_points<T>(kQueries, d, 3);
  const auto index = make_index<T>(name, {points.data(), kCount, d});
  Hash built, changed, ids, counts;
  built.add_all(index_bytes(*index));
  const auto ask = [&] {
    std::vector<double> thresholds(kQueries, 1.5);
    IdLists<Index> lists;
    TopLists<T> top;
    counts.add(index->report(normals.data(), thresholds.data(), kQueries, {}, lists));
    counts.add(index->top(normals.data(), kQueries, 5, 2, top));
    ids.add_all(lists.offsets).add_all(lists.ids).add_all(top.lists.ids).add_all(top.products);
  };
  ask();
  const Index first = index->insert({more.data(), kMore, d});
  std::vector<Index> erased, moved;
  for (Index k = 0; k < 200; ++k) {
    erased.push_back(7 * k);
    moved.push_back(7 * k + 1);
  }
  erased.push_back(first);
  index->erase(erased.data(), static_cast<Index>(erased.size()));
  index->move(moved.data(), static_cast<Index>(moved.size()), more.data());
  ask();
  changed.add_all(index_bytes(*index));
  table.add(named<T>("index", name + "-" + std::to_string(d)),
            {{"built", built}, {"changed", changed}, {"ids", ids}, {"counts", counts}});
}

template <class T>
void add_indexes(Table& table) {
  for (const std::string& name : index_names())
    for (const Index d : {2, 4, 33})
      if (index_serves(name, d)) add_index<T>(table, name, d);
}

Table make_table() {
  Table table;
  add_functions(table);
  add_initializations<float>(table);
  add_initializations<double>(table);
  add_indexes<float>(table);
  add_indexes<double>(table);
  add_trainings<float>(table);
  add_trainings<double>(table);
  add_three_layers<float>(table);
  add_three_layers<double>(table);
  return table;
}

// Says where the two differ; returns whether they do not.
bool same_as(const Table& table, const std::string& path) {
  std::ifstream file(path);
  std::map<std::string, std::string> expected;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && line[0] != '#') expected.emplace(line.substr(0, line.find(' ')), line);
  }
  std::size_t same = 0;
  for (const std::string& line : table.lines()) {
    const std::string name = line.substr(0, line.find(' '));
    const auto found = expected.find(name);
    if (found != expected.end() && found->second == line) {
      ++same;
    } else {
      std::printf("here  %s\ntable %s\n", line.c_str(), found == expected.end() ? "nothing" : found->second.c_str());
    }
    if (found != expected.end()) expected.erase(found);
  }
  for (const auto& [name, line] : expected) std::printf("here  nothing\ntable %s\n", line.c_str());
  std::printf("%zu of %zu lines are those of %s, at the instruction set %s\n", same, table.lines().size(), path.c_str(),
              sublinear::name(simd_level()));
  const bool all = same == table.lines().size() && expected.empty();
  if (!all)
    std::printf("if results or counts have changed on purpose, write the table again: platform_hashes > %s\n",
                path.c_str());
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    static_cast<void>(simd_level());
  } catch (const std::exception& problem) {
    std::printf("%s\n", problem.what());
    return 77;
  }
  const Table table = make_table();
  if (count > 1) return same_as(table, arguments[1]) ? 0 : 1;
  for (const std::string& line : table.lines()) std::printf("%s\n", line.c_str());
  return 0;
}
