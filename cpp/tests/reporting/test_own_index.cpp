// What an index of the application's own gets from the base class when it writes the least it has to.
#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"

using namespace sublinear;

namespace {

// Points on a line, by a plain loop.
template <class T>
class LineIndex final : public HalfSpaceIndex<T> {
 public:
  explicit LineIndex(std::vector<T> points) : points_(std::move(points)) {}
  [[nodiscard]] const char* name() const noexcept override { return "line"; }
  [[nodiscard]] Index size() const noexcept override { return static_cast<Index>(points_.size()); }
  [[nodiscard]] Index dimension() const noexcept override { return 1; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return points_.capacity() * sizeof(T); }
  Index insert(Points<T>) override { throw std::logic_error("not offered"); }
  void erase(const Index*, Index) override { throw std::logic_error("not offered"); }
  void move(const Index*, Index, const T*) override { throw std::logic_error("not offered"); }
  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    return fill_lists<Index>(queries, options.threads, 1, out, [&](Index q, std::vector<Index>& ids, int) {
      Work work;
      for (Index id = 0; id < size(); ++id)
        if (static_cast<double>(inner_product(&points_[static_cast<std::size_t>(id)], normals + q, 1)) >= thresholds[q])
          ids.push_back(id), ++work.fired;
      return work;
    });
  }
  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    IdLists<Index> lists;
    const Work work = report(normals, thresholds, queries, threads, lists);
    for (Index q = 0; q < queries; ++q) counts[q] = lists.length(q);
    return work;
  }

 private:
  std::vector<T> points_;
};

}  // namespace

TEST_CASE_TEMPLATE("an index of one's own has one page, streams, and says what it does not offer", T, float, double) {
  const LineIndex<T> index({3, 1, 4, 1, 5, 9, 2, 6});
  const T normal = 2;
  const std::vector<Index> expected{2, 4, 5, 7};  // twice the coordinate is at least 8, inclusive
  CHECK(index.pages() == 1);
  std::vector<Index> ids{-1};  // a page is appended
  CHECK(index.report_page(&normal, 8, 0, ids).fired == 4);
  CHECK(ids.front() == -1);
  CHECK(std::vector<Index>(ids.begin() + 1, ids.end()) == expected);
  CHECK_THROWS_AS(index.report_page(&normal, 8, 1, ids), std::invalid_argument);
  CHECK_THROWS_AS(index.report_page(&normal, 8, -1, ids), std::invalid_argument);
  CHECK(ids.size() == 5);

  std::vector<Index> streamed;
  const std::function<bool(const Index*, Index)> take = [&](const Index* piece, Index count) {
    streamed.insert(streamed.end(), piece, piece + count);
    return true;
  };
  stream<T>(index, &normal, 8, take);
  std::sort(streamed.begin(), streamed.end());
  CHECK(streamed == expected);

  TopLists<T> top;
  CHECK_THROWS_WITH_AS(index.top(&normal, 1, 2, 1, top), "the index line does not offer top", std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(index_bytes<T>(index)), std::logic_error);
}
