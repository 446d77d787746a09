// Indexes as files; hostile bytes are the business of fuzz/index_file.cpp.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "sublinear/kernels/random.hpp"
#include "sublinear/reporting/index_file.hpp"

using namespace sublinear;

namespace {

template <class T>
std::vector<T> random_rows(Index count, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::weights);
  std::vector<T> rows(static_cast<std::size_t>(2 * count));
  for (T& v : rows) v = static_cast<T>(random.normal());
  return rows;
}

template <class T>
std::vector<Index> answer(const HalfSpaceIndex<T>& index, double threshold) {
  const T normal[] = {T(0.6), T(-0.8)};
  IdLists<Index> lists;
  index.report(normal, &threshold, 1, 1, lists);
  return lists.ids;
}

}  // namespace

TEST_CASE_TEMPLATE("an index comes back from a file with its history", T, float, double) {
  const std::vector<T> points = random_rows<T>(500, 1), more = random_rows<T>(60, 2);
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    IndexOptions options;
    options.leaf_size = 32;
    const auto index = make_index<T>(name, {points.data(), 500, 2}, options);
    index->insert({more.data(), 60, 2});
    const std::vector<Index> gone{3, 77, 505};
    index->erase(gone.data(), 3);

    const std::string path = "test-index-" + name + std::to_string(sizeof(T));
    save_index(*index, path);
    const auto loaded = load_index<T>(path);
    CHECK_THROWS_AS(static_cast<void>(load_index<std::conditional_t<sizeof(T) == 4, double, float>>(path)),
                    std::invalid_argument);
    std::remove(path.c_str());

    CHECK(loaded->name() == name);
    CHECK(loaded->size() == 557);
    for (const double threshold : {-HUGE_VAL, -0.5, 0.0, 1.5})
      CHECK(answer(*loaded, threshold) == answer(*index, threshold));
    CHECK_THROWS_AS(loaded->erase(gone.data(), 1), std::invalid_argument);  // erased ids stay erased
    CHECK(loaded->insert({more.data(), 1, 2}) == 560);                      // and new ones go on

    const std::string bytes = index_bytes(*index);
    const IndexDescription described = describe_index_bytes(bytes.data(), bytes.size());
    CHECK(described.name == name);
    CHECK(described.dtype == (sizeof(T) == 4 ? "float32" : "float64"));
    CHECK(described.leaf_size == (name == "brute-force" || name == "quantized-scan" ? 0 : 32));
  }
}

TEST_CASE("index files that cannot be read, written or described are errors") {
  const std::vector<float> points = random_rows<float>(5, 1);
  const auto index = make_index<float>("kd-tree", {points.data(), 5, 2});
  CHECK_THROWS_AS(static_cast<void>(load_index<float>("no-such-file")), std::runtime_error);
  CHECK_THROWS_AS(static_cast<void>(load_index<float>(".")), std::runtime_error);  // a directory
  CHECK_THROWS_AS(save_index(*index, "no-such-directory/index"), std::runtime_error);
  const std::string bytes = index_bytes(*index);
  CHECK_THROWS_AS(static_cast<void>(describe_index_bytes(bytes.data(), bytes.size() - 8)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(describe_index_bytes("no index", 8)), std::invalid_argument);
}
