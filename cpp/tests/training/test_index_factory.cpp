// Indexes of the application's own inside strategies and predictors.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/told.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/forwarding_index.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

struct Calls {
  int made = 0, asked = 0, moved = 0;
  bool fail_moves = false, fail_reports = false;
};

// Counts its calls, and proposes all points where `lavish`: more than it has to.
template <class T>
class OwnIndex final : public ForwardingIndex<T> {
 public:
  OwnIndex(Points<T> points, Calls& calls, bool lavish)
      : ForwardingIndex<T>(std::make_unique<BruteForce<T>>(points)), calls_(calls), lavish_(lavish) {
    ++calls_.made;
  }
  [[nodiscard]] const char* name() const noexcept override { return "own"; }
  void move(const Index* ids, Index count, const T* points) override {
    ++calls_.moved;
    if (calls_.fail_moves) throw std::runtime_error("no move");
    ForwardingIndex<T>::move(ids, count, points);
  }
  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    ++calls_.asked;
    if (calls_.fail_reports) throw std::runtime_error("no report");
    if (!lavish_) return ForwardingIndex<T>::report(normals, thresholds, queries, options, out);
    return fill_lists<Index>(queries, 1, 1, out, [&](Index, std::vector<Index>& ids, int) {
      for (Index id = 0; id < this->size(); ++id) ids.push_back(id);
      return Work{};
    });
  }

 private:
  Calls& calls_;
  bool lavish_;
};

// Answers as the scan does, and then spoils the answer.
template <class T>
class WrongIndex final : public ForwardingIndex<T> {
 public:
  using Spoil = std::function<void(IdLists<Index>&)>;
  WrongIndex(Points<T> points, const Spoil& spoil)
      : ForwardingIndex<T>(std::make_unique<BruteForce<T>>(points)), spoil_(spoil) {}
  [[nodiscard]] const char* name() const noexcept override { return "wrong"; }
  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    const Work work = ForwardingIndex<T>::report(normals, thresholds, queries, options, out);
    if (spoil_) spoil_(out);
    return work;
  }

 private:
  const Spoil& spoil_;
};

template <class T>
TrainerOptions<T> options_of(const std::string& strategy) {
  TrainerOptions<T> options;
  options.strategy = strategy;
  options.loss = make_loss("cross-entropy");
  options.attack = make_pgd<T>(pgd(0.1));
  options.batch_size = 16;
  options.threads = 2;
  return options;
}

template <class T>
TwoLayerNetwork<T> trained(const Problem<T>& problem, TrainerOptions<T> options) {
  auto network = problem.network(80);
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), std::move(options));
  for (int k = 0; k < 6; ++k) trainer.step(20);
  return network;
}

}  // namespace

TEST_CASE_TEMPLATE("training with an index of one's own gives the bits of the scan", T, float, double) {
  const Problem<T> problem(40, 7, "cross-entropy");
  const auto expected = trained<T>(problem, options_of<T>("dense"));
  for (const char* strategy : {"weights", "data", "static"})
    for (const bool lavish : {false, true}) {
      CAPTURE(strategy);
      CAPTURE(lavish);
      Calls calls;
      auto options = options_of<T>(strategy);
      options.index_factory = [&](Points<T> points) {
        CHECK(points.dimension == 7 + 2);
        CHECK(points.count == (options.strategy == "data" ? 40 : 80));
        return std::make_unique<OwnIndex<T>>(points, calls, lavish);
      };
      CHECK(same_weights(trained<T>(problem, options), expected));
      CHECK((calls.made == 1 || options.strategy == "static"));  // which makes it anew, and never moves a point
      CHECK(calls.made >= 1);
      CHECK(calls.asked > 0);
      CHECK((calls.moved > 0) == (options.strategy == "weights"));
    }
}

TEST_CASE_TEMPLATE("a predictor takes an index of one's own", T, float, double) {
  const Problem<T> problem(40, 7, "cross-entropy");
  const auto network = problem.network(80);
  Calls calls;
  const IndexFactory<T> factory = [&](Points<T> points) { return std::make_unique<OwnIndex<T>>(points, calls, false); };
  const Predictor<T> scan(network, "", Norm::two, 1), own(network, factory, Norm::two, 1);
  std::vector<T> expected(40 * 3), found(40 * 3);
  scan.decision_function(problem.points(), 1, expected.data());
  own.decision_function(problem.points(), 1, found.data());
  CHECK(found == expected);
  CHECK(calls.asked == 1);
}

TEST_CASE("factories that make nothing, something else, or that nobody asked for are refused") {
  using T = float;
  const Problem<T> problem(20, 4, "cross-entropy");
  auto network = problem.network(30);
  const auto refuse = [&](const std::string& strategy, const std::string& index, const IndexFactory<T>& factory) {
    auto options = options_of<T>(strategy);
    options.finder.index = index;
    options.index_factory = factory;
    CHECK_THROWS_AS(Trainer<T>(network, problem.points(), problem.labels.data(), options), std::invalid_argument);
  };
  const IndexFactory<T> right = [](Points<T> points) { return std::make_unique<BruteForce<T>>(points); };
  for (const char* strategy : {"dense", "margin", "dtree", "wtree", "simhash"}) refuse(strategy, "", right);
  refuse("weights", "kd-tree", right);
  refuse("data", "", [](Points<T>) { return nullptr; });
  refuse("weights", "", [](Points<T> points) {
    return std::make_unique<BruteForce<T>>(Points<T>{points.data, points.count - 1, points.dimension});
  });
  refuse("weights", "", [](Points<T> points) {
    return std::make_unique<BruteForce<T>>(Points<T>{points.data, points.count, points.dimension - 1});
  });
}

TEST_CASE("a step whose index cannot move is done, and the structure is made again") {
  const Problem<float> problem(40, 7, "cross-entropy");
  auto reference = options_of<float>("dense");
  const auto expected = trained<float>(problem, reference);
  Calls calls;
  auto options = options_of<float>("weights");
  options.index_factory = [&](Points<float> points) { return std::make_unique<OwnIndex<float>>(points, calls, false); };
  auto network = problem.network(80);
  Trainer<float> trainer(network, problem.points(), problem.labels.data(), options);
  calls.fail_moves = true;
  CHECK_THROWS_WITH_AS(trainer.step(20), "no move", std::runtime_error);
  CHECK(trainer.steps_done() == 1);
  CHECK_THROWS_AS(static_cast<void>(trainer.finder()), std::logic_error);
  calls.fail_moves = false;
  for (int k = 0; k < 5; ++k) trainer.step(20);
  CHECK(calls.made == 2);
  CHECK(same_weights(network, expected));
  CHECK(trainer.finder().exact());
}

TEST_CASE("a question that fails half-way leaves a trainer that builds its structure again") {
  const Problem<float> problem(40, 7, "cross-entropy");
  const auto expected = trained<float>(problem, options_of<float>("dense"));
  Calls calls;
  auto options = options_of<float>("weights");
  options.index_factory = [&](Points<float> points) { return std::make_unique<OwnIndex<float>>(points, calls, false); };
  auto network = problem.network(80);
  Trainer<float> trainer(network, problem.points(), problem.labels.data(), options);
  const Index asked = 0;
  CandidateLists out;
  calls.fail_reports = true;
  CHECK_THROWS_WITH_AS(static_cast<void>(trainer.candidates(&asked, 1, out)), "no report", std::runtime_error);
  CHECK_THROWS_AS(static_cast<void>(trainer.finder()), std::logic_error);
  CHECK_THROWS_WITH_AS(static_cast<void>(trainer.step(20)), "no report", std::runtime_error);
  CHECK(trainer.steps_done() == 0);
  calls.fail_reports = false;
  for (int k = 0; k < 6; ++k) trainer.step(20);
  CHECK(calls.made == 3);
  CHECK(same_weights(network, expected));
}

TEST_CASE("inputs of another dimension than the network's are refused in words") {
  const Problem<float> problem(40, 7, "cross-entropy");
  auto network = problem.network(80);
  const Points<float> narrow{problem.inputs.data(), 40, 6};
  CHECK_THROWS_WITH_AS(Trainer<float>(network, narrow, problem.labels.data(), options_of<float>("margin")),
                       "inputs have 6 columns, the network takes 7", std::invalid_argument);
}

TEST_CASE_TEMPLATE("a step that its progress stops has not happened", T, float, double) {
  struct Stop {};
  const Told only_between_blocks(Told::never);
  const Problem<T> problem(64, 7, "cross-entropy");
  for (const StrategyInfo& info : strategies()) {
    CAPTURE(info.name);
    if (info.name == "dtree" || info.name == "wtree") continue;  // they refuse so few bytes
    auto options = options_of<T>(info.name);
    options.batch_size = 0;
    if (info.name != "simhash") options.finder.max_bytes = 2000;  // blocks of sixteen inputs
    const auto expected = trained<T>(problem, options);
    std::vector<double> told;
    double stop_at = 2;
    options.progress = [&](double share) {
      told.push_back(share);
      if (share >= stop_at) throw Stop{};
    };
    auto network = problem.network(80);
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
    for (int k = 0; k < 2; ++k) trainer.step(20);
    if (info.name != "simhash") CHECK(told == std::vector<double>{0, 0.25, 0.5, 0.75, 0, 0.25, 0.5, 0.75});
    const auto before = network.clone();
    for (const double at : {0.0, 0.5, 0.75}) {
      if (at > 0 && info.name == "simhash") continue;
      stop_at = at;
      CHECK_THROWS_AS(trainer.step(20), Stop);
      CHECK(same_weights(network, before));
      CHECK(trainer.steps_done() == 2);
    }
    stop_at = 2;
    for (int k = 0; k < 4; ++k) trainer.step(20);
    CHECK(same_weights(network, expected));
  }
}

TEST_CASE_TEMPLATE("answers of an index of one's own that are no lists of its ids are refused", T, float, double) {
  using Lists = IdLists<Index>;
  const Problem<T> problem(40, 7, "cross-entropy");
  const std::vector<std::pair<const char*, std::function<void(Lists&)>>> faults{
      {"is given more ids than it has", [](Lists& out) { out.ids.back() = 1 << 20; }},
      {"a negative id", [](Lists& out) { out.ids.front() = -1; }},
      {"falling ids", [](Lists& out) { std::swap(out.ids[0], out.ids[1]); }},
      {"an id twice", [](Lists& out) { out.ids[1] = out.ids[0]; }},
      {"too few offsets", [](Lists& out) { out.offsets.pop_back(); }},
      {"no offsets", [](Lists& out) { out.offsets.clear(); }},
      {"nothing", [](Lists& out) { out = {}; }},
      {"a first offset", [](Lists& out) { out.offsets.front() = 1; }},
      {"falling offsets", [](Lists& out) { out.offsets[1] = out.offsets.back() + 5; }},
      {"ids that are missing", [](Lists& out) { out.ids.pop_back(); }},
  };
  const auto expected = trained<T>(problem, options_of<T>("dense"));
  for (const char* strategy : {"weights", "data", "static"})
    for (const auto& each : faults) {
      const char* const what = each.first;
      const auto& fault = each.second;
      CAPTURE(strategy);
      CAPTURE(what);
      std::function<void(Lists&)> spoil;
      auto options = options_of<T>(strategy);
      options.index_factory = [&](Points<T> points) { return std::make_unique<WrongIndex<T>>(points, spoil); };
      if (options.strategy == "data") {  // it asks when it is made
        auto network = problem.network(80);
        spoil = fault;
        CHECK_THROWS_AS(Trainer<T>(network, problem.points(), problem.labels.data(), options), std::logic_error);
        spoil = nullptr;
      }
      auto network = problem.network(80);
      Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
      if (options.strategy != "data") {
        spoil = fault;
        CHECK_THROWS_AS(trainer.step(20), std::logic_error);
        CHECK(trainer.steps_done() == 0);
        spoil = nullptr;
      }
      for (int k = 0; k < 6; ++k) trainer.step(20);
      CHECK(same_weights(network, expected));
    }

  const auto network = problem.network(80);
  std::function<void(Lists&)> spoil = faults[0].second;
  const Predictor<T> predictor(network,
                               [&](Points<T> points) { return std::make_unique<WrongIndex<T>>(points, spoil); });
  std::vector<T> found(40 * 3);
  CHECK_THROWS_AS(predictor.decision_function(problem.points(), 1, found.data()), std::logic_error);
  spoil = [](Lists& out) { out.ids.front() = -3; };
  CHECK_THROWS_WITH_AS(predictor.decision_function(problem.points(), 1, found.data()),
                       "the index wrong broke HalfSpaceIndex::report's contract: query 0 has id -3 first; give "
                       "ascending, distinct ids from 0 to 79",
                       std::logic_error);
}
