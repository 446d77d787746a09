#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "sealed_bytes.hpp"
#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

namespace {

std::string example() {
  FlatWriter writer;
  const std::vector<double> doubles{1.5, -0.0, 1e300};
  const std::vector<std::int32_t> numbers{7, -8, 9, 10, 11};
  const Index one = 42;
  writer.add("doubles", doubles.data(), doubles.size());
  writer.add("numbers", numbers.data(), numbers.size());
  writer.add("one", &one, 1);
  writer.add<float>("none", nullptr, 0);
  writer.add_text("text", "half-space");
  return writer.finish();
}

void read_all(const std::string& bytes) {
  const FlatReader reader(bytes.data(), bytes.size());
  static_cast<void>(reader.take<double>("doubles", 3));
  static_cast<void>(reader.take<std::int32_t>("numbers"));
  static_cast<void>(reader.take_number("one"));
  static_cast<void>(reader.take<float>("none", 0));
  static_cast<void>(reader.take_text("text"));
}

}  // namespace

TEST_CASE("flat files give back what was added") {
  const std::string bytes = example();
  CHECK(bytes.size() % 8 == 0);
  const FlatReader reader(bytes.data(), bytes.size());
  CHECK(reader.take<double>("doubles") == std::vector<double>{1.5, -0.0, 1e300});
  CHECK(reader.take<std::int32_t>("numbers", 5) == std::vector<std::int32_t>{7, -8, 9, 10, 11});
  CHECK(reader.take_number("one") == 42);
  CHECK(reader.take<float>("none").empty());
  CHECK(reader.take_text("text") == "half-space");
  CHECK_THROWS_WITH_AS(static_cast<void>(reader.take<double>("other")),
                       "this is not a usable index file: it has no array called other", std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(reader.take<float>("doubles")), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(reader.take<double>("doubles", 2)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(reader.take_number("numbers")), std::invalid_argument);
}

TEST_CASE("flat files that were cut short, changed or are foreign are refused") {
  const std::string bytes = example();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_THROWS_AS(FlatReader(bytes.data(), size), std::invalid_argument);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK_THROWS_AS(FlatReader(changed.data(), changed.size()), std::invalid_argument);
  }
  std::string newer = bytes;
  newer[8] = 2;
  CHECK_THROWS_WITH_AS(FlatReader(newer.data(), newer.size()),
                       "this is not a usable index file: its format has version 2, this library reads version 1",
                       std::invalid_argument);
  CHECK_THROWS_AS(FlatReader("a text that is long enough to be something", 40), std::invalid_argument);
}

TEST_CASE("flat files with a right checksum and wrong insides are refused or read, never worse") {
  const std::string bytes = example();
  RandomStream random(1, RandomPurpose::weights);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string changed = bytes;
    for (std::uint64_t k = 1 + random.below(3); k > 0; --k)
      changed[12 + random.below(bytes.size() - 20)] = static_cast<char>(random.below(256));
    seal(changed);
    try {
      read_all(changed);
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  }
  CHECK(refused > 300);
  CHECK(refused < 5000);
}

TEST_SUITE_END();
