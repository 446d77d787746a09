// Every request for memory of a call fails once: whatever the call had begun, nothing has changed.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "memory/failing_memory.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "sublinear/training/network_file.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

constexpr Index kDimension = 2;

template <class T>
std::vector<T> random_rows(Index count, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::weights);
  std::vector<T> rows(static_cast<std::size_t>(count * kDimension));
  for (T& v : rows) v = static_cast<T>(random.normal());
  return rows;
}

// What an index answers to a fixed set of questions.
template <class T>
struct Answers {
  Index size = 0;
  std::vector<Index> offsets, ids, counts;

  explicit Answers(const HalfSpaceIndex<T>& index, int threads = 1) : size(index.size()), counts(12) {
    const std::vector<T> normals = random_rows<T>(12, 9);
    const std::vector<double> thresholds(12, 0.3);
    IdLists<Index> lists;
    index.report(normals.data(), thresholds.data(), 12, threads, lists);
    index.count(normals.data(), thresholds.data(), 12, threads, counts.data());
    offsets = lists.offsets;
    ids = lists.ids;
  }
  friend bool operator==(const Answers& a, const Answers& b) {
    return a.size == b.size && a.offsets == b.offsets && a.ids == b.ids && a.counts == b.counts;
  }
};

// An index with a history: parts, points that wait, points that are gone.
template <class T>
std::unique_ptr<HalfSpaceIndex<T>> lived_index(const std::string& name) {
  const std::vector<T> first = random_rows<T>(700, 1), more = random_rows<T>(150, 2), places = random_rows<T>(40, 3);
  auto index = make_index<T>(name, {first.data(), 700, kDimension});
  index->insert({more.data(), 150, kDimension});
  std::vector<Index> ids;
  for (Index k = 0; k < 40; ++k) ids.push_back(20 * k);
  index->move(ids.data(), 40, places.data());
  ids.clear();
  for (Index k = 0; k < 200; ++k) ids.push_back(4 * k + 1);
  index->erase(ids.data(), 200);
  return index;
}

// Fails the requests of `change` one after the other, each time on a fresh index. A call that throws has changed
// nothing and succeeds when it is made again; one that does not throw has done all. Returns how often it threw.
template <class T>
int fail_each(const std::string& name, const std::function<void(HalfSpaceIndex<T>&)>& change) {
  const auto start = lived_index<T>(name);
  const Answers<T> before(*start);
  const std::string bytes = index_bytes(*start);
  change(*start);
  const Answers<T> after(*start);
  int thrown = 0;
  for (long k = 1;; ++k) {
    const auto index = index_from_bytes<T>(bytes.data(), bytes.size());
    bool threw = false;
    fail_request(k);
    try {
      change(*index);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    const bool failed = stop_failing();
    CAPTURE(k);
    if (threw) {
      ++thrown;
      CHECK(Answers<T>(*index) == before);
      change(*index);
    }
    CHECK(Answers<T>(*index) == after);
    if (!failed) return thrown;
  }
}

template <class T>
struct Trained {
  Problem<T> problem;
  TwoLayerNetwork<T> network;
  Trainer<T> trainer;

  Trained(const std::string& strategy, int threads, std::size_t max_bytes)
      : problem(48, 6, "cross-entropy"),
        network(problem.network(96)),
        trainer(network, problem.points(), problem.labels.data(), options(strategy, threads, max_bytes)) {
    for (int k = 0; k < 3; ++k) trainer.step(20);
  }

  static TrainerOptions<T> options(const std::string& strategy, int threads, std::size_t max_bytes) {
    TrainerOptions<T> options;
    options.strategy = strategy;
    options.loss = make_loss("cross-entropy");
    options.attack = make_pgd<T>(pgd(0.1, 3));
    options.batch_size = 20;
    options.threads = threads;
    options.finder.max_bytes = max_bytes;
    return options;
  }
};

// The same for a step of training. An approximate strategy may go on differently once its structure was built again.
template <class T>
int fail_each_of_a_step(const std::string& strategy, int threads, std::size_t max_bytes) {
  bool exact = true;
  for (const StrategyInfo& info : strategies())
    if (info.name == strategy) exact = info.exact;
  Trained<T> reference(strategy, threads, max_bytes);
  const TwoLayerNetwork<T> before = reference.network.clone();
  reference.trainer.step(20);
  const TwoLayerNetwork<T> after = reference.network.clone();
  for (int k = 0; k < 2; ++k) reference.trainer.step(20);
  int thrown = 0;
  for (long k = 1;; ++k) {
    Trained<T> own(strategy, threads, max_bytes);
    bool threw = false;
    fail_request(k);
    try {
      own.trainer.step(20);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    const bool failed = stop_failing();
    CAPTURE(k);
    if (threw) {
      ++thrown;
      CHECK(same_weights(own.network, before));
      CHECK(own.trainer.steps_done() == 3);
      own.trainer.step(20);
    }
    CHECK(own.trainer.steps_done() == 4);
    if (exact || !failed) CHECK(same_weights(own.network, after));
    for (int more = 0; more < 2; ++more) own.trainer.step(20);
    if (exact || !failed) CHECK(same_weights(own.network, reference.network));
    if (!failed) return thrown;
  }
}

}  // namespace

TEST_CASE_TEMPLATE("an index whose change runs out of memory is as it was", T, float, double) {
  const std::vector<T> few = random_rows<T>(10, 4), many = random_rows<T>(600, 5);
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    for (const auto* points : {&few, &many}) {
      const auto count = static_cast<Index>(points->size()) / kDimension;
      Index first = -1;
      CHECK(fail_each<T>(name, [&](HalfSpaceIndex<T>& index) {
              first = index.insert({points->data(), count, kDimension});
            }) > 0);
      CHECK(first == 850);
    }
    for (const Index count : {5, 300}) {
      std::vector<Index> ids;
      for (Index k = 0; k < count; ++k) ids.push_back(2 * k);
      CHECK(fail_each<T>(name, [&](HalfSpaceIndex<T>& index) { index.erase(ids.data(), count); }) > 0);
      CHECK(fail_each<T>(name, [&](HalfSpaceIndex<T>& index) { index.move(ids.data(), count, many.data()); }) > 0);
    }
  }
}

TEST_CASE_TEMPLATE("an index whose queries run out of memory answers afterwards", T, float, double) {
  for (const std::string& name : index_names())
    for (const int threads : {1, 2}) {
      CAPTURE(name);
      const auto index = lived_index<T>(name);
      const Answers<T> expected(*index);
      int thrown = 0;
      for (long k = 1, failed = 1; failed != 0; ++k) {
        fail_request(k);
        try {
          const Answers<T> asked(*index, threads);
          failed = stop_failing() ? 1 : 0;
          CHECK(asked == expected);
        } catch (const std::bad_alloc&) {
          stop_failing();
          ++thrown;
        }
      }
      CHECK(thrown > 0);
      CHECK(Answers<T>(*index) == expected);
    }
}

TEST_CASE_TEMPLATE("what runs out of memory while it is made leaves nothing", T, float, double) {
  // Leaks show under AddressSanitizer.
  const std::vector<T> points = random_rows<T>(300, 6);
  Problem<T> problem(30, 4, "cross-entropy");
  auto network = problem.network(40);
  std::vector<std::function<void()>> makers;
  for (const std::string& name : index_names()) {
    makers.push_back([&, name] { static_cast<void>(make_index<T>(name, {points.data(), 300, kDimension})); });
    const std::string bytes = index_bytes(*make_index<T>(name, {points.data(), 300, kDimension}));
    makers.push_back([bytes] { static_cast<void>(index_from_bytes<T>(bytes.data(), bytes.size())); });
  }
  for (const StrategyInfo& info : strategies())
    makers.push_back([&, strategy = std::string(info.name)] {
      Trainer<T>(network, problem.points(), problem.labels.data(), Trained<T>::options(strategy, 2, 0));
    });
  makers.push_back([&] {
    const std::string bytes = network_bytes(network);
    static_cast<void>(network_from_bytes<T>(bytes.data(), bytes.size()));
  });
  makers.push_back([&] {
    const Predictor<T> predictor(network, "kd-tree", Norm::two, 2);
    std::vector<T> outputs(90);
    predictor.decision_function(problem.points(), 2, outputs.data());
  });
  for (const auto& make : makers) {
    int thrown = 0;
    for (long k = 1, failed = 1; failed != 0; ++k) {
      fail_request(k);
      try {
        make();
        failed = stop_failing() ? 1 : 0;
      } catch (const std::bad_alloc&) {
        stop_failing();
        ++thrown;
      }
    }
    CHECK(thrown > 0);
  }
}

TEST_CASE_TEMPLATE("a training step that runs out of memory has not happened", T, float, double) {
  for (const StrategyInfo& info : strategies()) {
    CAPTURE(info.name);
    CHECK(fail_each_of_a_step<T>(info.name, 1, 0) > 0);
  }
  CHECK(fail_each_of_a_step<T>("margin", 2, 0) > 0);
  CHECK(fail_each_of_a_step<T>("margin", 1, 1000) > 0);  // lists that do not fit, and fired neurons not kept
}
