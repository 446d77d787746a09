// An index of the application's own: what `custom_index` plugs into training.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <sublinear/sublinear.hpp>
#include <vector>

using sublinear::Index;

// Looks at the longest points first and stops where no shorter one can reach the threshold: <p, x> is at most |p| |x|.
// What is not made here goes to the library's scan.
class LongestFirst final : public sublinear::ForwardingIndex<float> {
 public:
  explicit LongestFirst(sublinear::Points<float> points)
      : ForwardingIndex(std::make_unique<sublinear::BruteForce<float>>(points)),
        rows_(points.data, points.data + points.count * points.dimension),
        order_(ranked(rows_)) {}

  [[nodiscard]] const char* name() const noexcept override { return "longest-first"; }

  // Offered in a line, where snapshots or copies are wanted.
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<float>> clone() const override {
    return std::unique_ptr<HalfSpaceIndex<float>>(new LongestFirst(*this));
  }

  // What can fail comes first: a move that throws has changed nothing.
  void move(const Index* ids, Index count, const float* points) override {
    std::vector<float> rows = rows_;
    for (Index k = 0; k < count; ++k) std::copy_n(points + k * dimension(), dimension(), &rows.at(at(ids[k])));
    std::vector<Ranked> order = ranked(rows);
    ForwardingIndex::move(ids, count, points);
    rows_.swap(rows);
    order_.swap(order);
  }

  sublinear::Work report(const float* normals, const double* thresholds, Index queries,
                         const sublinear::ReportOptions& options, sublinear::IdLists<Index>& out) const override {
    const auto append = [&](Index q, std::vector<Index>& ids, int) {
      const float* const normal = normals + q * dimension();
      const double reach = length(normal) * 1.001;  // for rounding: one point too many is no harm, one too few is
      const auto before = static_cast<std::ptrdiff_t>(ids.size());
      sublinear::Work work;
      for (const Ranked& each : order_) {
        if (each.length * reach < thresholds[q]) break;
        ++work.inner_products;
        const float product = sublinear::inner_product(&rows_[at(each.id)], normal, dimension());
        if (static_cast<double>(product) >= thresholds[q]) ids.push_back(each.id);
      }
      std::sort(ids.begin() + before, ids.end());
      return work;
    };
    return sublinear::fill_lists<Index>(queries, sublinear::resolve_threads(options.threads), 1, out, append);
  }

 private:
  struct Ranked {
    double length;
    Index id;
  };
  [[nodiscard]] std::size_t at(Index id) const { return static_cast<std::size_t>(id * dimension()); }
  [[nodiscard]] double length(const float* x) const {
    return std::sqrt(static_cast<double>(sublinear::inner_product(x, x, dimension())));
  }
  [[nodiscard]] std::vector<Ranked> ranked(const std::vector<float>& rows) const {
    std::vector<Ranked> order;
    for (Index id = 0; id < size(); ++id) order.push_back({length(&rows[at(id)]), id});
    std::sort(order.begin(), order.end(), [](const Ranked& a, const Ranked& b) { return a.length > b.length; });
    return order;
  }
  std::vector<float> rows_;
  std::vector<Ranked> order_;
};
