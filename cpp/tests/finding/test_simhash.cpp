// The approximate strategy: what it proposes is what its buckets hold, and nothing else is promised.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "finding/layer.hpp"
#include "sublinear/kernels/errors.hpp"

namespace sublinear {
namespace {

FinderOptions hashing(Index bits, Index tables, double least_share = 0) {
  FinderOptions options;
  options.hashing.bits = bits;
  options.hashing.tables = tables;
  options.hashing.least_share = least_share;
  return options;
}

template <class T>
std::unique_ptr<NeuronFinder<T>> make(const Layer<T>& layer, const FinderOptions& options, int threads = 1) {
  return make_finder<T>("simhash", layer.neurons(), layer.points(), {0.05, Norm::two}, options, threads);
}

template <class T>
Work ask_all(Layer<T>& layer, NeuronFinder<T>& finder, CandidateLists& lists, int threads = 1) {
  const std::vector<Index> all = layer.choose(layer.size, layer.size, true);
  return finder.candidates(all.data(), layer.size, threads, lists);
}

// The share of the pairs that fire which the lists have.
template <class T>
double recall(const Layer<T>& layer, const CandidateLists& lists) {
  Index fired = 0, found = 0;
  for (Index i = 0; i < layer.size; ++i)
    for (NeuronId r = 0; r < layer.count; ++r) {
      if (!layer.fires(r, layer.points().row(i))) continue;
      ++fired;
      found += std::binary_search(lists.begin(i), lists.end(i), r) ? 1 : 0;
    }
  REQUIRE(fired > 0);
  return static_cast<double>(found) / static_cast<double>(fired);
}

TEST_CASE_TEMPLATE("simhash: a neuron along the input is always found, one against it never", T, float, double) {
  Layer<T> layer(60, 20, 16, Numbers::gaussian, 4);
  for (Index j = 0; j < 16; ++j) {
    layer.weights[static_cast<std::size_t>(j)] = 3 * layer.inputs[static_cast<std::size_t>(j)];
    layer.weights[static_cast<std::size_t>(16 + j)] = -2 * layer.inputs[static_cast<std::size_t>(j)];
  }
  for (const Index bits : {1, 7, 20}) {
    const auto finder = make(layer, hashing(bits, 5));
    CandidateLists lists;
    ask_all(layer, *finder, lists);
    CHECK(std::binary_search(lists.begin(0), lists.end(0), 0));
    CHECK(!std::binary_search(lists.begin(0), lists.end(0), 1));
    CHECK(std::adjacent_find(lists.begin(0), lists.end(0), std::greater_equal<NeuronId>()) == lists.end(0));
  }
}

TEST_CASE("simhash: more tables find more, more bits find less, and neurons that fire are found before others") {
  Layer<float> layer(1000, 50, 24, Numbers::gaussian, 8);
  const auto figures = [&](Index bits, Index tables) {
    CandidateLists lists;
    const Work work = ask_all(layer, *make(layer, hashing(bits, tables)), lists);
    CHECK(work.candidates == static_cast<std::int64_t>(lists.ids.size()));
    CHECK(work.added == 0);
    CHECK(work.inner_products == 0);  // inputs were hashed when the tables were built
    CHECK(work.bounds >= work.candidates);
    return std::pair(recall(layer, lists), static_cast<double>(lists.ids.size()) / (1000.0 * 50.0));
  };
  const auto [few, few_share] = figures(8, 4);
  const auto [many, many_share] = figures(8, 40);
  const auto [fine, fine_share] = figures(12, 40);
  CHECK(few < many);
  CHECK(few_share < many_share);
  CHECK(fine < many);
  CHECK(fine_share < many_share);
  CHECK(many > 1.5 * many_share);  // better than as many neurons chosen at random
}

TEST_CASE("simhash: short answers are filled up at random, and counted") {
  Layer<float> layer(400, 10, 12, Numbers::gaussian, 5);
  CandidateLists bare, filled, again;
  ask_all(layer, *make(layer, hashing(14, 2)), bare);
  const auto finder = make(layer, hashing(14, 2, 0.25));
  const Work work = ask_all(layer, *finder, filled);
  CHECK(work.added == static_cast<std::int64_t>(filled.ids.size()) - static_cast<std::int64_t>(bare.ids.size()));
  for (Index k = 0; k < 10; ++k) {
    CHECK(filled.length(k) == 100);
    CHECK(std::includes(filled.begin(k), filled.end(k), bare.begin(k), bare.end(k)));
  }
  CHECK(std::vector<NeuronId>(filled.begin(0), filled.end(0)) != std::vector<NeuronId>(filled.begin(1), filled.end(1)));
  // The same for any number of threads and order of questions; others after a step.
  ask_all(layer, *make(layer, hashing(14, 2, 0.25), 3), again, 3);
  CHECK(again.ids == filled.ids);
  const Index last = 9;
  finder->candidates(&last, 1, 1, again);
  CHECK(again.ids == std::vector<NeuronId>(filled.begin(9), filled.end(9)));
  finder->moved(nullptr, nullptr, 0, 1);
  ask_all(layer, *finder, again);
  CHECK(again.ids != filled.ids);
}

TEST_CASE("simhash: tables are those of older weights until the schedule rebuilds them") {
  Layer<float> layer(300, 30, 16, Numbers::gaussian, 6);
  FinderOptions options = hashing(6, 10);
  options.hashing.rebuild_after = 2;
  options.hashing.rebuild_growth = 1;  // after steps 2, 2 + 2 e = 7.4, ...
  const auto finder = make(layer, options);
  CandidateLists before, now, fresh;
  ask_all(layer, *finder, before);
  const Moved moved = move_rows(layer, 300, 1, false, Norm::two);
  for (int step = 1; step <= 9; ++step) {
    CAPTURE(step);
    const auto count = static_cast<Index>(step == 1 || step == 5 ? moved.rows.size() : 0);
    if (step == 5) move_rows(layer, 300, 1, false, Norm::two);
    const Work work = finder->moved(moved.rows.data(), moved.by.data(), count, 2);
    CHECK(work.rows_moved == count);
    const bool rebuilds = step == 2 || step == 8;
    CHECK(work.inner_products == (rebuilds ? 300 * 60 : 0));
    ask_all(layer, *finder, now);
    CHECK((now.ids == before.ids) == !rebuilds);
    if (!rebuilds) continue;
    ask_all(layer, *make(layer, options), fresh);
    CHECK(now.ids == fresh.ids);
    before = now;
  }
}

TEST_CASE_TEMPLATE("simhash answers for any point as for the same training input" * doctest::test_suite("threads"), T,
                   float, double) {
  Layer<T> layer(200, 12, 7, Numbers::gaussian, 9);
  const auto finder = make(layer, hashing(5, 6));
  CandidateLists here, there;
  ask_all(layer, *finder, here);
  const Work work = finder->candidates_at(layer.points(), 0.1, 2, there);
  CHECK(there.ids == here.ids);
  CHECK(work.inner_products == 12 * 5 * 6);
}

TEST_CASE("simhash refuses choices out of range and too little memory") {
  const Layer<float> layer(50, 10, 4, Numbers::gaussian, 1);
  CHECK_THROWS_WITH_AS(make(layer, hashing(0, 5)), doctest::Contains("bits is 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make(layer, hashing(21, 5)), doctest::Contains("bits is 21"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make(layer, hashing(5, 0)), doctest::Contains("tables is 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make(layer, hashing(5, 5, 1.5)), doctest::Contains("least_share is 1.5"), std::invalid_argument);
  FinderOptions options = hashing(5, 5);
  options.hashing.rebuild_after = 0;
  CHECK_THROWS_WITH_AS(make(layer, options), doctest::Contains("rebuild_after is 0"), std::invalid_argument);
  options = hashing(16, 50);
  options.max_bytes = 100000;
  CHECK_THROWS_WITH_AS(make(layer, options), doctest::Contains("100000"), MemoryLimitError);
}

}  // namespace
}  // namespace sublinear
