#include <doctest/doctest.h>

#include "finding/max_tree.hpp"
#include "sublinear/kernels/random.hpp"

namespace sublinear {
namespace {

TEST_CASE_TEMPLATE("a max-tree reports the keys >= 0 after any updates, and visits few blocks", T, float, double) {
  RandomStream random(1, RandomPurpose::order);
  for (const Index count : {1, 2, 15, 16, 17, 255, 256, 257, 5000}) {
    CAPTURE(count);
    const MaxTree shape(count);
    std::vector<T> tree(static_cast<std::size_t>(shape.size()));
    shape.clear(tree.data());
    CHECK(shape.report(tree.data(), [](Index) { FAIL("an empty tree reports"); }) == 1);
    const auto draw = [&] { return static_cast<T>(random.normal() - 2); };
    for (Index k = 0; k < count; ++k) tree[static_cast<std::size_t>(k)] = draw();
    shape.build(tree.data());
    std::vector<Index> scratch;
    for (int round = 0; round < 20; ++round) {
      std::vector<NeuronId> changed;
      for (Index k = 0; k < count; ++k)
        if (random.uniform() < 0.1) {
          tree[static_cast<std::size_t>(k)] = round % 5 == 0 ? T(0) : draw();
          changed.push_back(static_cast<NeuronId>(k));
        }
      shape.update(tree.data(), changed.data(), static_cast<Index>(changed.size()), scratch);
      std::vector<Index> reported, expected;
      const Index visited = shape.report(tree.data(), [&](Index k) { reported.push_back(k); });
      for (Index k = 0; k < count; ++k)
        if (tree[static_cast<std::size_t>(k)] >= 0) expected.push_back(k);
      CHECK(reported == expected);
      CHECK(visited <= 1 + 4 * static_cast<Index>(expected.size()));
    }
  }
}

TEST_CASE("the bytes of a forest do not overflow") {
  const MaxTree shape(Index{1} << 40);
  CHECK(forest_bytes<double>(shape, Index{1} << 40) == std::numeric_limits<std::size_t>::max());
  CHECK(forest_bytes<float>(MaxTree(16), 10) == 16 * 10 * sizeof(float));
}

}  // namespace
}  // namespace sublinear
