#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <new>
#include <string>

#include "sublinear/kernels/types.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("aligned storage starts on a cache line, and refuses what no memory has") {
  const auto starts_on_line = [](const void* block) {
    return reinterpret_cast<std::uintptr_t>(block) % kLaneBytes == 0;
  };
  for (const std::size_t count : {1U, 3U, 64U, 1000U, 1U << 20U}) {  // the last is large enough for large pages
    void* const block = allocate_aligned(count, sizeof(float));
    CHECK(starts_on_line(block));
    deallocate_aligned(block, count * sizeof(float));
  }
  AlignedVector<float> values;
  for (int k = 0; k < 1000; ++k) {
    values.push_back(static_cast<float>(k));
    REQUIRE(starts_on_line(values.data()));
  }
  CHECK(values[999] == 999);
  CHECK_THROWS_AS(static_cast<void>(allocate_aligned(std::numeric_limits<std::size_t>::max() / 2, 8)), std::bad_alloc);
}

TEST_CASE("aligned allocators of all types are one and the same") {
  const AlignedAllocator<float> floats;
  AlignedAllocator<double> doubles(floats);
  CHECK(doubles == floats);
  CHECK_FALSE(doubles != floats);
  double* const block = AlignedAllocator<double>().allocate(5);
  block[4] = 4;
  doubles.deallocate(block, 5);
}

TEST_SUITE_END();
