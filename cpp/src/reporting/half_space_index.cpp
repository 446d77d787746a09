// What an index offers unless it says otherwise.
#include "sublinear/reporting/half_space_index.hpp"

#include <stdexcept>
#include <string>

#include "sublinear/kernels/require.hpp"

namespace sublinear {

template <class T>
Work HalfSpaceIndex<T>::top(const T*, Index, Index, int, TopLists<T>&) const {
  throw std::logic_error(std::string("the index ") + name() + " does not offer top");
}

template <class T>
Work HalfSpaceIndex<T>::report_page(const T* normal, double threshold, Index page, std::vector<Index>& ids) const {
  require(page == 0, "there is no such page");
  IdLists<Index> lists;
  const Work work = report(normal, &threshold, 1, ReportOptions(1, false), lists);
  ids.insert(ids.end(), lists.ids.begin(), lists.ids.end());
  return work;
}

template <class T>
std::unique_ptr<HalfSpaceIndex<T>> HalfSpaceIndex<T>::clone() const {
  throw std::logic_error(std::string("the index ") + name() + " does not offer clone");
}

template <class T>
void HalfSpaceIndex<T>::save(FlatWriter&) const {
  throw std::logic_error(std::string("the index ") + name() + " cannot be saved");
}

template <class T>
Work stream(const HalfSpaceIndex<T>& index, const T* normal, double threshold,
            const std::function<bool(const Index* ids, Index count)>& take) {
  require(take != nullptr, "take is empty; give a function that is given the ids");
  Work work;
  std::vector<Index> ids;
  const Index pages = index.pages();
  for (Index page = 0; page < pages; ++page) {
    ids.clear();
    work += index.report_page(normal, threshold, page, ids);
    if (!ids.empty() && !take(ids.data(), static_cast<Index>(ids.size()))) break;
  }
  return work;
}

template class HalfSpaceIndex<float>;
template class HalfSpaceIndex<double>;
template Work stream<float>(const HalfSpaceIndex<float>&, const float*, double,
                            const std::function<bool(const Index*, Index)>&);
template Work stream<double>(const HalfSpaceIndex<double>&, const double*, double,
                             const std::function<bool(const Index*, Index)>&);

}  // namespace sublinear
