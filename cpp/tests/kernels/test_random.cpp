#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free platform");

TEST_CASE("streams are functions of seed, purpose and keys, and differ in each") {
  const auto first = [](std::uint64_t seed, RandomPurpose purpose, std::initializer_list<std::uint64_t> keys) {
    return RandomStream(seed, purpose, keys).next();
  };
  const std::uint64_t value = first(1, RandomPurpose::attack, {2, 3});
  CHECK(value == first(1, RandomPurpose::attack, {2, 3}));
  CHECK(value != first(2, RandomPurpose::attack, {2, 3}));
  CHECK(value != first(1, RandomPurpose::order, {2, 3}));
  CHECK(value != first(1, RandomPurpose::attack, {3, 2}));
  CHECK(value != first(1, RandomPurpose::attack, {2}));
}

TEST_CASE("the bits are part of the library") {
  RandomStream random(42, RandomPurpose::weights);
  CHECK(random.next() == 4041048026548471592U);
}

TEST_CASE("normal numbers have the moments and tails of a standard normal") {
  RandomStream random(7, RandomPurpose::weights);
  const int count = 200000;
  double sum = 0, squares = 0, fourth = 0;
  int beyond_two = 0;
  for (int k = 0; k < count; ++k) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  CHECK(std::abs(sum / count) < 0.01);
  CHECK(std::abs(squares / count - 1) < 0.02);
  CHECK(std::abs(fourth / count - 3) < 0.15);
  CHECK(std::abs(beyond_two / static_cast<double>(count) - 0.0455) < 0.003);
}

TEST_CASE("bounded numbers are uniform and an order is a permutation that depends on seed and epoch") {
  RandomStream random(3, RandomPurpose::order);
  std::vector<int> seen(7);
  for (int k = 0; k < 70000; ++k) ++seen[random.below(7)];
  for (const int count : seen) CHECK(std::abs(count - 10000) < 500);
  std::vector<Index> order = random_order(1000, 5, 2);
  CHECK(order == random_order(1000, 5, 2));
  CHECK(order != random_order(1000, 5, 3));
  CHECK(order != random_order(1000, 6, 2));
  std::sort(order.begin(), order.end());
  for (Index k = 0; k < 1000; ++k) CHECK(order[static_cast<std::size_t>(k)] == k);
  CHECK(random_order(0, 1, 1).empty());
}

TEST_SUITE_END();
