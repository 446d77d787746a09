// Hostile files: bytes are read as an index; whatever they are, the outcome is an index that answers or
// std::invalid_argument. Bytes that begin with a 1 are read with their checksum made right, so that the insides are
// met.
#include "sublinear/reporting/index_file.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "sealed_bytes.hpp"
#include "sublinear/reporting/half_space_index.hpp"

using namespace sublinear;

namespace {

template <class T>
void read(const std::string& bytes) {
  try {
    const auto index = index_from_bytes<T>(bytes.data(), bytes.size());
    if (index->dimension() > 4096) return;
    const std::vector<T> normal(static_cast<std::size_t>(index->dimension()), T(1));
    const double threshold = 0.5;
    IdLists<Index> lists;
    TopLists<T> top;
    index->report(normal.data(), &threshold, 1, 1, lists);
    index->top(normal.data(), 1, 3, 1, top);
    for (const Index id : lists.ids) index->erase(&id, 1);
    const std::vector<T> rows(normal.size() * 20, T(2));
    index->insert({rows.data(), 20, index->dimension()});
    index->report(normal.data(), &threshold, 1, 1, lists);
  } catch (const std::invalid_argument&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 1) seal(bytes);
  read<float>(bytes);
  read<double>(bytes);
  return 0;
}
