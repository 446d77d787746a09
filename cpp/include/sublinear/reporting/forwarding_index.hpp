/// @file
/// An index that holds another one: what the public classes are made of, so that their insides can change.
#pragma once

#include <memory>
#include <utility>

#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

/// Passes every call to the index it holds, but for `clone`: a copy is one of the class that derives from this, which
/// offers it in a line, `return std::unique_ptr<HalfSpaceIndex<T>>(new Own(*this));`. Moves cheaply.
template <class T>
class SUBLINEAR_API ForwardingIndex : public HalfSpaceIndex<T> {
 public:
  [[nodiscard]] const char* name() const noexcept override { return index_->name(); }
  [[nodiscard]] bool exact() const noexcept override { return index_->exact(); }
  [[nodiscard]] Index size() const noexcept override { return index_->size(); }
  [[nodiscard]] Index dimension() const noexcept override { return index_->dimension(); }
  [[nodiscard]] std::size_t bytes() const noexcept override { return index_->bytes(); }
  Index insert(Points<T> points) override { return index_->insert(points); }
  void erase(const Index* ids, Index count) override { index_->erase(ids, count); }
  void move(const Index* ids, Index count, const T* points) override { index_->move(ids, count, points); }
  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    return index_->report(normals, thresholds, queries, options, out);
  }
  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    return index_->count(normals, thresholds, queries, threads, counts);
  }
  Work top(const T* normals, Index queries, Index k, int threads, TopLists<T>& out) const override {
    return index_->top(normals, queries, k, threads, out);
  }
  [[nodiscard]] Index pages() const noexcept override { return index_->pages(); }
  Work report_page(const T* normal, double threshold, Index page, std::vector<Index>& ids) const override {
    return index_->report_page(normal, threshold, page, ids);
  }
  void save(FlatWriter& writer) const override { index_->save(writer); }

 protected:
  /// @param index what every call goes to; not null.
  explicit ForwardingIndex(std::unique_ptr<HalfSpaceIndex<T>> index) : index_(std::move(index)) {}
  /// Clones the index it holds: for the `clone` of a class that derives from this.
  ForwardingIndex(const ForwardingIndex& other) : HalfSpaceIndex<T>(other), index_(other.index_->clone()) {}
  ForwardingIndex(ForwardingIndex&&) noexcept = default;  ///< moves cheaply
  ForwardingIndex& operator=(const ForwardingIndex&) = delete;
  ForwardingIndex& operator=(ForwardingIndex&&) noexcept = default;  ///< the same
  ~ForwardingIndex() override = default;

 private:
  std::unique_ptr<HalfSpaceIndex<T>> index_;
};

}  // namespace sublinear
