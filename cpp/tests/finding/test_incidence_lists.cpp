#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "finding/incidence_lists.hpp"
#include "sublinear/kernels/random.hpp"

TEST_SUITE_BEGIN("level-free");

namespace sublinear {
namespace {

TEST_CASE("incidence lists hold what was put in last, and drop whole inputs where memory ends") {
  constexpr Index kNeurons = 30, kInputs = 20;
  for (const std::size_t max_bytes : {std::size_t{1} << 20, std::size_t{4000}, std::size_t{500}, std::size_t{0}}) {
    CAPTURE(max_bytes);
    IncidenceLists lists(kNeurons, kInputs, max_bytes);
    const std::size_t empty = lists.bytes();
    RandomStream random(3, RandomPurpose::order);
    std::vector<std::set<NeuronId>> expected(kInputs);
    std::vector<bool> dropped(kInputs);
    for (int step = 0; step < 1000; ++step) {
      const auto r = static_cast<NeuronId>(random.below(kNeurons));
      const double density = random.uniform();
      std::vector<Index> inputs;
      for (Index i = kInputs - 1; i >= 0; --i) {
        expected[static_cast<std::size_t>(i)].erase(r);
        if (random.uniform() >= density) continue;
        inputs.push_back(i);
        expected[static_cast<std::size_t>(i)].insert(r);
      }
      lists.replace(r, inputs.data(), static_cast<Index>(inputs.size()));
      CHECK(lists.bytes() <= empty + max_bytes);
      for (Index i = 0; i < kInputs; ++i) {
        const auto at = static_cast<std::size_t>(i);
        CHECK((lists.dropped(i) || !dropped[at]));  // for good
        dropped[at] = lists.dropped(i);
        if (dropped[at]) continue;
        std::vector<NeuronId> neurons;
        lists.append_neurons(i, neurons);
        std::sort(neurons.begin(), neurons.end());
        CHECK(neurons == std::vector<NeuronId>(expected[at].begin(), expected[at].end()));
      }
    }
    const auto count = std::count(dropped.begin(), dropped.end(), true);
    if (max_bytes == std::size_t{1} << 20) CHECK(count == 0);
    if (max_bytes == 4000) CHECK((count > 0 && count < kInputs));
    if (max_bytes == 0) CHECK(count == kInputs);
  }
}

}  // namespace
}  // namespace sublinear

TEST_SUITE_END();
