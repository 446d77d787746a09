// Copies of an index: exact, and on their own from then on.
#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/forwarding_index.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"

using namespace sublinear;

namespace {

template <class T>
std::vector<T> numbers(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(static_cast<int>(random() % 2001) - 1000) / 100;
  return values;
}

// Points come, go and move; `seed` says which.
template <class T>
void change(HalfSpaceIndex<T>& index, unsigned seed) {
  const Index first = index.insert({numbers<T>(80, seed).data(), 40, 2});
  std::vector<Index> gone, moved;
  for (Index k = 0; k < 40; k += 3) gone.push_back(first + k);
  for (Index k = 1; k < 40; k += 3) moved.push_back(first + k);
  index.erase(gone.data(), static_cast<Index>(gone.size()));
  const std::vector<T> places = numbers<T>(2 * static_cast<Index>(moved.size()), seed + 1);
  index.move(moved.data(), static_cast<Index>(moved.size()), places.data());
}

template <class T>
void check_alike(const HalfSpaceIndex<T>& a, const HalfSpaceIndex<T>& b) {
  const std::vector<T> normals = numbers<T>(2 * 40, 99);
  std::vector<double> thresholds(40);
  for (std::size_t q = 0; q < 40; ++q) thresholds[q] = static_cast<double>(q) - 10;
  IdLists<Index> of_a, of_b;
  CHECK(a.report(normals.data(), thresholds.data(), 40, 1, of_a) ==
        b.report(normals.data(), thresholds.data(), 40, 1, of_b));
  CHECK(of_a.ids == of_b.ids);
  CHECK(of_a.offsets == of_b.offsets);
  CHECK(std::string(a.name()) == b.name());
  CHECK(a.size() == b.size());
  CHECK(a.pages() == b.pages());
  CHECK(index_bytes(a) == index_bytes(b));
}

}  // namespace

TEST_CASE_TEMPLATE("clones of every index are exact, and on their own", T, float, double) {
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    for (const Index count : {0, 10, 3000}) {
      CAPTURE(count);
      const auto index = make_index<T>(name, {numbers<T>(2 * count, 1).data(), count, 2});
      for (unsigned round = 0; round < 4; ++round) change(*index, 10 * round);
      const auto clone = index->clone(), witness = index->clone();
      check_alike(*index, *clone);
      change(*index, 100);
      check_alike(*clone, *witness);
      change(*clone, 100);  // what happens to both has the same effect on both: ids too
      check_alike(*index, *clone);
      const auto of_clone = clone->clone();
      check_alike(*clone, *of_clone);
    }
  }
}

namespace {

// An index of the application's own over one of the library's.
class Named final : public ForwardingIndex<float> {
 public:
  explicit Named(Points<float> points) : ForwardingIndex(std::make_unique<BruteForce<float>>(points)) {}
  [[nodiscard]] const char* name() const noexcept override { return "named"; }
};

class Cloneable final : public ForwardingIndex<float> {
 public:
  explicit Cloneable(Points<float> points) : ForwardingIndex(std::make_unique<BruteForce<float>>(points)) {}
  [[nodiscard]] const char* name() const noexcept override { return "cloneable"; }
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<float>> clone() const override {
    return std::unique_ptr<HalfSpaceIndex<float>>(new Cloneable(*this));
  }
};

}  // namespace

TEST_CASE("an index of one's own is cloned as what it is, or not at all") {
  const std::vector<float> points{1, 2, 3, 4};
  const Named named({points.data(), 2, 2});
  CHECK_THROWS_WITH_AS(static_cast<void>(named.clone()), "the index named does not offer clone", std::logic_error);
  Cloneable cloneable({points.data(), 2, 2});
  const auto clone = cloneable.clone();
  CHECK(std::string(clone->name()) == "cloneable");
  const Index id = 0;
  cloneable.erase(&id, 1);
  CHECK(cloneable.size() == 1);
  CHECK(clone->size() == 2);
}
