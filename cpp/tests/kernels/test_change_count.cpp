#include <doctest/doctest.h>

#include <utility>

#include "sublinear/kernels/change_count.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("a change count tells every object that took another's place from what was there") {
  ChangeCount first, second;
  first.note();
  CHECK(first.value() == 1);
  second.note();
  second.note();
  const ChangeCount copy = second;
  CHECK(copy.value() == 2);

  ChangeCount taken = std::move(second);
  CHECK(taken.value() == 2);
  CHECK(second.value() != 2);  // it has nothing any more

  first = copy;  // neither what it was nor what the other is
  CHECK(first.value() == 3);
  const auto before = taken.value();
  first = std::move(taken);
  CHECK(first.value() == 4);
  CHECK(taken.value() != before);
}

TEST_SUITE_END();
