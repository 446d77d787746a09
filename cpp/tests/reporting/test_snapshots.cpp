#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sublinear/kernels/snapshots.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

constexpr Index kPoints = 64;

// All points at the same place: half of an answer is from no state there ever was.
std::vector<float> places(float at) { return std::vector<float>(2 * kPoints, at); }

Index reported(const HalfSpaceIndex<float>& index, double threshold) {
  const float normal[] = {1, 1};
  IdLists<Index> lists;
  index.report(normal, &threshold, 1, 1, lists);
  return static_cast<Index>(lists.ids.size());
}

}  // namespace

TEST_CASE("snapshots of an index give readers whole states while a writer changes it" *
          doctest::test_suite("threads")) {
  constexpr int kChanges = 100;
  std::vector<Index> ids;
  for (Index id = 0; id < kPoints; ++id) ids.push_back(id);
  for (const char* name : {"brute-force", "kd-tree"}) {
    CAPTURE(name);
    Snapshots<HalfSpaceIndex<float>> points(make_index<float>(name, {places(0).data(), kPoints, 2}));
    std::atomic<bool> stop{false};
    std::atomic<int> torn{0}, fell{0};
    std::vector<std::thread> readers;
    for (int k = 0; k < 3; ++k)
      readers.emplace_back([&] {
        Index newest = 0;
        while (!stop) {
          const auto state = points.current();
          Index at = newest;  // the state says how far it is: all points are there, and none further
          while (at < kChanges && reported(*state, 2.0 * static_cast<double>(at + 1)) > 0) ++at;
          torn += reported(*state, 2.0 * static_cast<double>(at)) == kPoints ? 0 : 1;
          fell += at < newest ? 1 : 0;
          newest = at;
        }
      });
    for (int step = 1; step <= kChanges; ++step)  // where a writer starves, this never ends
      points.change([&](HalfSpaceIndex<float>& next) {
        next.move(ids.data(), kPoints, places(static_cast<float>(step)).data());
      });
    stop = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(torn == 0);
    CHECK(fell == 0);
    CHECK(reported(*points.current(), 2.0 * kChanges) == kPoints);
  }
}

TEST_CASE("snapshots stay as they were where a change fails, and hold for whoever has them" *
          doctest::test_suite("threads")) {
  Snapshots<HalfSpaceIndex<float>> points(make_index<float>("kd-tree", {places(1).data(), kPoints, 2}));
  const auto before = points.current();
  const Index id = 7, unknown = 1000;
  CHECK_THROWS_AS(points.change([&](HalfSpaceIndex<float>& next) {
    next.erase(&id, 1);
    next.erase(&unknown, 1);
  }),
                  std::invalid_argument);
  CHECK((points.current() == before));
  CHECK(before->size() == kPoints);
  const Index first = points.change([](HalfSpaceIndex<float>& next) { return next.insert({places(1).data(), 3, 2}); });
  CHECK(first == kPoints);
  CHECK(points.current()->size() == kPoints + 3);
  CHECK(before->size() == kPoints);
  CHECK_THROWS_AS(points.replace(nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Snapshots<HalfSpaceIndex<float>>(nullptr), std::invalid_argument);
  points.replace(before);
  CHECK(points.current()->size() == kPoints);
}

TEST_CASE("snapshots of a predictor serve while its network is trained" * doctest::test_suite("threads")) {
  const Problem<float> problem(40, 5, "cross-entropy");
  auto network = problem.network(40);
  TrainerOptions<float> options;
  options.loss = make_loss("cross-entropy");
  options.attack = make_pgd<float>(pgd(0.1));
  Trainer<float> trainer(network, problem.points(), problem.labels.data(), options);
  Snapshots<Predictor<float>> served(std::make_unique<Predictor<float>>(network.clone()));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    std::vector<float> outputs(40 * 3);
    while (!stop) served.current()->decision_function(problem.points(), 1, outputs.data());
  });
  for (int step = 0; step < 5; ++step) {
    trainer.step(1);
    served.replace(std::make_unique<Predictor<float>>(network.clone()));
  }
  stop = true;
  reader.join();
  CHECK(same_weights(served.current()->network(), network));
}
