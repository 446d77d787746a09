// An index of the application's own, whose answers are looked at before anything relies on them.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "sublinear/reporting/forwarding_index.hpp"

namespace sublinear {

// Throws std::logic_error unless every answer is one list for each query of ascending, distinct ids of its points.
// Cost: a pass over the offsets and one over the ids. (Whether an id is missing cannot be seen.)
template <class T>
class CheckedIndex final : public ForwardingIndex<T> {
 public:
  explicit CheckedIndex(std::unique_ptr<HalfSpaceIndex<T>> index) : ForwardingIndex<T>(std::move(index)) {}

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    out.ids.clear();  // what an index forgets to write is not what it wrote before
    out.offsets.assign(1, 0);
    const Work work = ForwardingIndex<T>::report(normals, thresholds, queries, options, out);
    check_offsets(queries, out);
    const Index size = this->size();
    for (Index q = 0; q < queries; ++q) {
      Index last = -1;
      for (const Index* id = out.begin(q); id != out.end(q); last = *id++)
        if (*id <= last || *id >= size)
          refuse("query " + std::to_string(q) + " has id " + std::to_string(*id) +
                 (last < 0 ? " first" : " after " + std::to_string(last)) +
                 "; give ascending, distinct ids from 0 to " + std::to_string(size - 1));
    }
    return work;
  }

 private:
  void check_offsets(Index queries, const IdLists<Index>& out) const {
    if (static_cast<Index>(out.offsets.size()) != queries + 1 || out.offsets.front() != 0)
      refuse("there are " + std::to_string(out.offsets.size()) + " offsets for " + std::to_string(queries) +
             " queries; give 0 and the end of each query's list");
    for (Index q = 0; q < queries; ++q)
      if (out.length(q) < 0) refuse("the offsets fall behind query " + std::to_string(q) + "; give ascending ones");
    if (out.offsets.back() != static_cast<Index>(out.ids.size()))
      refuse("the offsets end at " + std::to_string(out.offsets.back()) + " and there are " +
             std::to_string(out.ids.size()) + " ids; give the end of the last list as the last offset");
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw std::logic_error(std::string("the index ") + this->name() +
                           " broke HalfSpaceIndex::report's contract: " + why);
  }
};

}  // namespace sublinear
