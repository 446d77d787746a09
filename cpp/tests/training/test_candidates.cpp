// What a trainer says its strategy proposes.
#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

TEST_CASE_TEMPLATE("a trainer tells what its strategy proposes, and asking changes no bit", T, float, double) {
  const Problem<T> problem(40, 7, "cross-entropy");
  const std::vector<Index> inputs{3, 0, 39};
  std::vector<T> asked;
  for (const Index i : inputs) asked.insert(asked.end(), problem.points().row(i), problem.points().row(i) + problem.d);
  for (const StrategyInfo& each : strategies()) {
    CAPTURE(each.name);
    TrainerOptions<T> options;
    options.strategy = each.name;
    options.loss = make_loss("cross-entropy");
    options.attack = make_pgd<T>(pgd(0.1));
    options.batch_size = 16;
    options.threads = 2;
    auto network = problem.network(80), beside = problem.network(80);
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
    Trainer<T> other(beside, problem.points(), problem.labels.data(), options);
    for (int step = 0; step < 4; ++step) {
      trainer.step(20);
      other.step(20);
      CandidateLists proposed, fired;
      const Work work = trainer.candidates(inputs.data(), 3, proposed);
      CHECK(work.candidates == static_cast<std::int64_t>(proposed.ids.size()));
      REQUIRE(proposed.size() == 3);
      Predictor<T>(network, "", Norm::two, 1).fired({asked.data(), 3, problem.d}, 1, fired);
      for (Index q = 0; q < 3; ++q) {
        CHECK(std::is_sorted(proposed.begin(q), proposed.end(q)));
        CHECK(proposed.length(q) < 80);  // it leaves out what cannot fire
        if (each.exact) CHECK(std::includes(proposed.begin(q), proposed.end(q), fired.begin(q), fired.end(q)));
      }
    }
    if (each.exact) CHECK(same_weights(network, beside));
    CandidateLists out;
    for (const Index wrong : {Index{-1}, Index{40}})
      CHECK_THROWS_AS(trainer.candidates(&wrong, 1, out), std::invalid_argument);
    CHECK_NOTHROW(trainer.step(20));  // a question that was refused has broken nothing
  }
}
