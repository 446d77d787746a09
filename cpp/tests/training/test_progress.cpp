// Every call that can take long tells how far it is, and leaves everything as it was where the progress throws.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "kernels/told.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/training/low_rank_layer.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/three_layer_network.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// Runs `call` with all told, then stopped at its first, middle and last telling; returns how often it told.
int tells(const std::function<void()>& call, const std::function<void()>& check_unchanged = {}) {
  Listener all;
  {
    const ProgressScope scope(all.progress());
    call();
  }
  CHECK(std::is_sorted(all.shares.begin(), all.shares.end()));
  const int count = static_cast<int>(all.shares.size());
  if (count == 0) return 0;
  CHECK(all.shares.front() >= 0);
  CHECK(all.shares.back() <= 1);
  for (const int stop_at : {1, (count + 1) / 2, count}) {
    Listener listener;
    listener.stop_at = stop_at;
    const ProgressScope scope(listener.progress());
    CHECK_THROWS_AS(call(), Listener::Stop);
    CHECK(static_cast<int>(listener.shares.size()) == stop_at);
    if (check_unchanged) check_unchanged();
  }
  return count;
}

TrainerOptions<float> options_of(const std::string& strategy, int threads) {
  TrainerOptions<float> options;
  options.strategy = strategy;
  options.loss = make_loss("cross-entropy");
  options.attack = make_pgd<float>(pgd(0.1));
  options.threads = threads;
  return options;
}

}  // namespace

TEST_CASE("batch queries of every index are told of and can be stopped") {
  const Told told(Told::always);
  const Problem<float> points(3000, 2, "squared"), normals(100, 2, "squared", 8);
  const std::vector<double> thresholds(100, 0.5);
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    const auto index = make_index<float>(name, points.points(), {});
    IdLists<Index> expected, lists;
    index->report(normals.inputs.data(), thresholds.data(), 100, 1, expected);
    const auto report = [&] { index->report(normals.inputs.data(), thresholds.data(), 100, 1, lists); };
    CHECK(tells(report) >= 4);
    report();
    CHECK(lists.ids == expected.ids);
    std::vector<Index> counts(100);
    CHECK(tells([&] { index->count(normals.inputs.data(), thresholds.data(), 100, 1, counts.data()); }) >= 4);
    TopLists<float> top;
    CHECK(tells([&] { index->top(normals.inputs.data(), 100, 3, 1, top); }) >= 100);
  }
}

TEST_CASE("an index that is stopped while points are inserted is as before, and may be told of while it is made") {
  const Told told(Told::always);
  const Problem<float> points(20000, 2, "squared"), more(40000, 2, "squared", 5);
  const std::vector<float> normal{1, 0.5F};
  const double threshold = 0.2;
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    CHECK(tells([&] { static_cast<void>(make_index<float>(name, points.points(), {})); }) >= 1);
    const bool builds = name.find("tree") != std::string::npos || name == "convex-layers";
    if (!builds) continue;
    const auto index = make_index<float>(name, points.points(), {});
    IdLists<Index> before, after;
    index->report(normal.data(), &threshold, 1, 1, before);
    for (const int stop_at : {1, 3}) {
      Listener listener;
      listener.stop_at = stop_at;
      const ProgressScope scope(listener.progress());
      CHECK_THROWS_AS(index->insert(more.points()), Listener::Stop);
    }
    CHECK(index->size() == 20000);
    index->report(normal.data(), &threshold, 1, 1, after);
    CHECK(after.ids == before.ids);
    CHECK(index->insert(more.points()) == 20000);
    CHECK(index->size() == 60000);
    std::vector<Index> ids(40000);
    for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = static_cast<Index>(k) + 20000;
    Listener listener;
    {
      const ProgressScope scope(listener.progress());
      index->move(ids.data(), 40000, more.inputs.data());
      index->erase(ids.data(), 40000);
    }
    CHECK(listener.shares.empty());  // what changes points in place is done to its end
    CHECK(index->size() == 20000);
    index->report(normal.data(), &threshold, 1, 1, after);
    CHECK(after.ids == before.ids);
  }
}

TEST_CASE("networks and predictors tell how far they are, and can be stopped") {
  const Told told(Told::always);
  const Problem<float> problem(96, 7, "cross-entropy");
  const TwoLayerNetwork<float> network = problem.network(640);
  CHECK(tells([&] { static_cast<void>(problem.network(640)); }) >= 640);
  for (const std::string index : {"", "kd-tree", "brute-force"}) {
    CAPTURE(index);
    CHECK(tells([&] { const Predictor<float> made(network, index, Norm::two, 1); }) >= 3);
    const Predictor<float> predictor(network, index, Norm::two, 1);
    std::vector<float> expected(96 * 3), outputs(96 * 3), attacked(96 * 7);
    predictor.decision_function(problem.points(), 1, expected.data());
    // Without an index inputs are taken in groups of at most 64, by tiles of 256 of the 640 neurons.
    const int times = index.empty() ? 2 * 3 : 96;
    CHECK(tells([&] { predictor.decision_function(problem.points(), 1, outputs.data()); }) >= times);
    CHECK(outputs.size() == expected.size());
    predictor.decision_function(problem.points(), 1, outputs.data());
    CHECK(outputs == expected);
    CandidateLists fired;
    CHECK(tells([&] { predictor.fired(problem.points(), 1, fired); }) >= times);
    const auto attack = make_pgd<float>(pgd(0.1));
    const auto loss = make_loss("cross-entropy");
    CHECK(tells([&] {
            predictor.attack(problem.points(), problem.labels.data(), *attack, *loss, 1, 1, attacked.data(), nullptr);
          }) >= 5 * times);  // at every step of the attack too
  }
}

TEST_CASE("every strategy and every trainer tells how far it is while it is made, and can be stopped") {
  const Told told(Told::always);
  const Problem<float> problem(96, 7, "cross-entropy");
  auto network = problem.network(640);
  for (const StrategyInfo& info : strategies()) {
    CAPTURE(info.name);
    const auto options = options_of(info.name, 1);
    CHECK(tells([&] {
            static_cast<void>(make_finder<float>(info.name, network.neurons(), problem.points(), {0.1, Norm::two},
                                                 options.finder, 1));
          }) >= 3);
    const auto make = [&] { const Trainer<float> made(network, problem.points(), problem.labels.data(), options); };
    CHECK(tells(make) >= 3);
    Listener listener;  // the option does what the scope does
    auto with_progress = options;
    with_progress.progress = listener.progress();
    const Trainer<float> trainer(network, problem.points(), problem.labels.data(), with_progress);
    CHECK(listener.shares.size() >= 3);
  }
}

TEST_CASE("a full batch that is stopped anywhere has not happened, or is done and stops the next one" *
          doctest::test_suite("threads")) {
  const Told told(Told::always);
  const Problem<float> problem(96, 7, "cross-entropy");
  for (const StrategyInfo& info : strategies())
    for (const int threads : {1, 2}) {
      CAPTURE(info.name);
      CAPTURE(threads);
      auto expected = problem.network(80);
      Trainer<float> plain(expected, problem.points(), problem.labels.data(), options_of(info.name, 1));
      for (int k = 0; k < 3; ++k) plain.step(20);

      auto network = problem.network(80);
      Listener listener;
      auto options = options_of(info.name, threads);
      options.progress = listener.progress();
      Trainer<float> trainer(network, problem.points(), problem.labels.data(), options);
      listener.shares.clear();
      trainer.step(20);
      const int count = static_cast<int>(listener.shares.size());
      CHECK(count >= (threads == 1 ? 96 : 2));
      const bool exact = info.exact;
      for (const int stop_at : {1, 2, count / 3, count / 2, count}) {
        const auto before = network.clone();
        const std::int64_t steps = trainer.steps_done();
        listener.shares.clear();
        listener.stop_at = stop_at;
        try {
          trainer.step(20);
        } catch (const Listener::Stop&) {
          CHECK(same_weights(network, before));
          CHECK(trainer.steps_done() == steps);
          listener.stop_at = 0;
          continue;
        }
        listener.stop_at = 0;
        CHECK(trainer.steps_done() == steps + 1);
        if (static_cast<int>(listener.shares.size()) < stop_at) continue;  // threads told less often this time
        CHECK_THROWS_AS(trainer.step(20), Listener::Stop);
        CHECK(trainer.steps_done() == steps + 1);
      }
      while (trainer.steps_done() < 3) trainer.step(20);
      if (exact && trainer.steps_done() == 3) CHECK(same_weights(network, expected));
    }
}

TEST_CASE("layers of low rank and networks of three layers are told of, and change whole or not at all") {
  const Told told(Told::always);
  const Problem<float> problem(64, 7, "squared");
  ThreeLayerInitialization how;
  how.dimension = 7;
  how.width = 64;
  how.kappa = 0.1;
  how.rank_limit = 8;
  auto network = random_three_layer_network<float>(how);
  std::vector<float> outputs(64), expected(64);
  CHECK(tells([&] { network.decision_function(problem.points(), 1, outputs.data()); }) >= 64);
  ThreeLayerTrainer<float> trainer(network, problem.points(), problem.labels.data(), {16, 1, 1});
  network.decision_function(problem.points(), 1, expected.data());
  for (const int stop_at : {1, 5}) {
    Listener listener;
    listener.stop_at = stop_at;
    const ProgressScope scope(listener.progress());
    CHECK_THROWS_AS(trainer.step(0.1), Listener::Stop);
  }
  network.decision_function(problem.points(), 1, outputs.data());
  CHECK(outputs == expected);
  trainer.step(0.1);  // over the rank's limit: flushed
  Listener listener;
  listener.stop_at = 1;
  const ProgressScope scope(listener.progress());
  CHECK_NOTHROW(network.hidden().flush(1));
}
