// Reports the points of a half-space, and says which version did it.
#include <cstdio>
#include <vector>

#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/version.hpp"

int main() {
  const std::vector<float> points{1, 2, 3, 4, -1, 0}, normal{1, 1};
  const double threshold = 3;
  sublinear::IdLists<sublinear::Index> lists;
  sublinear::KDTree<float>({points.data(), 3, 2}).report(normal.data(), &threshold, 1, 1, lists);
  std::printf("sublinear %s: %d points\n", SUBLINEAR_VERSION_STRING, static_cast<int>(lists.ids.size()));
  return lists.ids.size() == 2 ? 0 : 1;
}
