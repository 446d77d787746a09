// An index of the application's own, whose answers are looked at before anything relies on them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "sublinear/kernels/errors.hpp"
#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

// That the lists of an answer lie in its ids, one for each query. `refuse(why)` throws.
template <class Id, class Refuse>
void check_offsets(const IdLists<Id>& out, Index queries, Refuse&& refuse) {
  if (static_cast<Index>(out.offsets.size()) != queries + 1 || out.offsets.front() != 0)
    refuse("there are " + std::to_string(out.offsets.size()) + " offsets for " + std::to_string(queries) +
           " queries; give 0 and the end of each query's list");
  for (Index q = 0; q < queries; ++q)
    if (out.length(q) < 0) refuse("the offsets fall behind query " + std::to_string(q) + "; give ascending ones");
  if (out.offsets.back() != static_cast<Index>(out.ids.size()))
    refuse("the offsets end at " + std::to_string(out.offsets.back()) + " and there are " +
           std::to_string(out.ids.size()) + " ids; give the end of the last list as the last offset");
}

// That the `count` ids of query q ascend and are below `end`.
template <class Id, class Refuse>
void check_ascending(const Id* ids, Index count, Index end, Index q, Refuse&& refuse) {
  Index last = -1;
  for (const Id* id = ids; id != ids + count; last = *id++)
    if (*id <= last || *id >= end)
      refuse("query " + std::to_string(q) + " has id " + std::to_string(*id) +
             (last < 0 ? " first" : " after " + std::to_string(last)) + "; give ascending, distinct ids from 0 to " +
             std::to_string(end - 1));
}

// Throws PluginError unless every answer is one list for each query of ascending, distinct ids that were given.
// Cost: a pass over the offsets and one over the ids. (Whether an id is missing is seen by who has the points.)
template <class T>
class CheckedIndex final : public ForwardingIndex<T> {
 public:
  explicit CheckedIndex(std::unique_ptr<HalfSpaceIndex<T>> index)
      : ForwardingIndex<T>(std::move(index)), end_(ForwardingIndex<T>::size()) {}

  Index insert(Points<T> points) override {
    const Index first = ForwardingIndex<T>::insert(points);
    if (first != end_)
      refuse("insert", "the first new id is " + std::to_string(first) + "; " + std::to_string(end_) + " comes next");
    end_ += points.count;
    return first;
  }

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    out.ids.clear();  // what an index forgets to write is not what it wrote before
    out.offsets.assign(1, 0);
    const Work work = ForwardingIndex<T>::report(normals, thresholds, queries, options, out);
    const auto refuse_answer = [this](const std::string& why) { refuse("report", why); };
    check_offsets(out, queries, refuse_answer);
    if (!options.sorted) return work;
    for (Index q = 0; q < queries; ++q) check_ascending(out.begin(q), out.length(q), end_, q, refuse_answer);
    return work;
  }

  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override {
    return std::unique_ptr<HalfSpaceIndex<T>>(new CheckedIndex(*this));
  }

 private:
  CheckedIndex(const CheckedIndex&) = default;

  [[noreturn]] void refuse(const char* call, const std::string& why) const {
    throw PluginError(std::string("the index ") + this->name() + " broke HalfSpaceIndex::" + call +
                      "'s contract: " + why);
  }

  Index end_;  // of the ids there ever were
};

}  // namespace sublinear
