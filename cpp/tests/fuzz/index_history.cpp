// Differential fuzzing: a history of insertions, erasures, moves and questions, told by bytes, on every index that
// serves the dimension, beside a list of points that are judged one by one.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/tape.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"

using namespace sublinear;

namespace {

template <class T>
struct Point {
  Index id;
  std::vector<T> row;
};

template <class T>
class History {
 public:
  History(Tape& tape, Index d) : tape_(tape), d_(d) {
    for (const std::string& name : index_names())
      if (index_serves(name, d)) indexes_.push_back(make_index<T>(name, {nullptr, 0, d}));
  }

  void run() {
    while (!tape_.done()) switch (tape_.byte() % 8) {
        case 0:
        case 1:
          insert(static_cast<Index>(tape_.byte() % 8));
          break;
        case 2:
          insert(static_cast<Index>(tape_.byte() + tape_.byte()));  // enough for parts to be built
          break;
        case 3:
          erase();
          break;
        case 4:
          move();
          break;
        case 5:
          save();
          break;
        default:
          ask();
      }
    ask();
  }

 private:
  std::vector<T> row() {
    std::vector<T> values;
    for (Index j = 0; j < d_; ++j) values.push_back(tape_.coordinate<T>());
    return values;
  }

  void insert(Index count) {
    std::vector<T> rows;
    for (Index k = 0; k < count; ++k) {
      points_.push_back({next_++, row()});
      rows.insert(rows.end(), points_.back().row.begin(), points_.back().row.end());
    }
    for (const auto& index : indexes_)
      if (index->insert({rows.data(), count, d_}) != next_ - count) fail(index->name(), "another first id");
  }

  // Every point with a bit set, of a few bytes that repeat.
  std::vector<std::size_t> chosen() {
    const unsigned step = 1 + tape_.byte() % 7, first = tape_.byte();
    std::vector<std::size_t> found;
    for (std::size_t k = first % step; k < points_.size(); k += step) found.push_back(k);
    return found;
  }

  void erase() {
    std::vector<Index> ids;
    const std::vector<std::size_t> found = chosen();
    for (const std::size_t k : found) ids.push_back(points_[k].id);
    for (auto k = found.rbegin(); k != found.rend(); ++k)
      points_.erase(points_.begin() + static_cast<std::ptrdiff_t>(*k));
    for (const auto& index : indexes_) index->erase(ids.data(), static_cast<Index>(ids.size()));
  }

  void move() {
    std::vector<Index> ids;
    std::vector<T> rows;
    for (const std::size_t k : chosen()) {
      points_[k].row = row();
      ids.push_back(points_[k].id);
      rows.insert(rows.end(), points_[k].row.begin(), points_[k].row.end());
    }
    for (const auto& index : indexes_) index->move(ids.data(), static_cast<Index>(ids.size()), rows.data());
  }

  void save() {
    for (auto& index : indexes_) {
      const std::string bytes = index_bytes(*index);
      index = index_from_bytes<T>(bytes.data(), bytes.size());
    }
  }

  void ask() {
    const std::vector<T> normal = row();
    double threshold = static_cast<double>(tape_.coordinate<T>());
    const unsigned kind = tape_.byte();
    if (kind < 8) threshold = kind % 2 == 0 ? HUGE_VAL : -HUGE_VAL;
    if (kind > 128 && !points_.empty()) {
      const double tied =
          static_cast<double>(inner_product(points_[kind % points_.size()].row.data(), normal.data(), d_));
      if (!std::isnan(tied)) threshold = tied;
    }
    std::vector<Index> expected;
    std::vector<std::pair<T, Index>> products;
    for (const Point<T>& point : points_) {
      const T product = inner_product(point.row.data(), normal.data(), d_);
      if (static_cast<double>(product) >= threshold) expected.push_back(point.id);
      if (product == product) products.emplace_back(-product, point.id);
    }
    std::sort(products.begin(), products.end());
    const Index k = 1 + static_cast<Index>(kind % 5);
    for (const auto& index : indexes_) {
      if (index->size() != static_cast<Index>(points_.size())) fail(index->name(), "another size");
      IdLists<Index> lists;
      TopLists<T> top;
      Index count = 0;
      index->report(normal.data(), &threshold, 1, 1, lists);
      if (lists.ids != expected) fail(index->name(), "other ids");
      index->count(normal.data(), &threshold, 1, 1, &count);
      if (count != static_cast<Index>(expected.size())) fail(index->name(), "another count");
      index->top(normal.data(), 1, k, 1, top);
      if (top.lists.ids.size() != std::min(products.size(), static_cast<std::size_t>(k)))
        fail(index->name(), "another top");
      for (std::size_t p = 0; p < top.lists.ids.size(); ++p)
        if (top.lists.ids[p] != products[p].second) fail(index->name(), "another order at the top");
    }
  }

  Tape& tape_;
  Index d_, next_ = 0;
  std::vector<Point<T>> points_;
  std::vector<std::unique_ptr<HalfSpaceIndex<T>>> indexes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape(data, size);
  const unsigned first = tape.byte();
  const Index d = 1 + static_cast<Index>(first % 5);
  if (first < 128)
    History<float>(tape, d).run();
  else
    History<double>(tape, d).run();
  return 0;
}
