// Half-space reporting while points move: which of 100 000 drifting points are on the far side of a plane? Asks a ball
// tree and the scan, checks that they report the same points, and prints how much work each of them did.
#include <cstdio>
#include <cstdlib>
#include <sublinear/sublinear.hpp>
#include <vector>

int main() {
  using sublinear::Index;
  const Index count = 100000, dimension = 4, queries = 16;
  sublinear::RandomStream random(1, sublinear::RandomPurpose::weights);
  std::vector<float> points(static_cast<std::size_t>(count * dimension));
  for (float& v : points) v = static_cast<float>(random.normal());

  // Both copy the points.
  auto tree = sublinear::make_index<float>("ball-tree", {points.data(), count, dimension});
  auto scan = sublinear::make_index<float>("brute-force", {points.data(), count, dimension});

  std::vector<float> normals(static_cast<std::size_t>(queries * dimension));
  for (float& v : normals) v = static_cast<float>(random.normal());
  const std::vector<double> thresholds(static_cast<std::size_t>(queries), 7.0);

  std::printf("%4s %10s %24s %24s\n", "step", "reported", "inner products, scan", "inner products, tree");
  for (int step = 0; step < 4; ++step) {
    sublinear::IdLists<Index> far, expected;
    const sublinear::Work work = tree->report(normals.data(), thresholds.data(), queries, 0, far);
    const sublinear::Work scanned = scan->report(normals.data(), thresholds.data(), queries, 0, expected);
    if (far.ids != expected.ids || far.offsets != expected.offsets) {
      std::fprintf(stderr, "the tree and the scan disagree\n");
      return EXIT_FAILURE;
    }
    std::printf("%4d %10zu %24lld %24lld\n", step, far.ids.size(), static_cast<long long>(scanned.inner_products),
                static_cast<long long>(work.inner_products));

    // One point in ten drifts a little. A move keeps the point's id.
    std::vector<Index> ids;
    std::vector<float> places;
    for (Index id = step; id < count; id += 10) {
      ids.push_back(id);
      for (Index j = 0; j < dimension; ++j) {
        float& v = points[static_cast<std::size_t>(id * dimension + j)];
        v += 0.1F * static_cast<float>(random.normal());
        places.push_back(v);
      }
    }
    tree->move(ids.data(), static_cast<Index>(ids.size()), places.data());
    scan->move(ids.data(), static_cast<Index>(ids.size()), places.data());
  }
  return EXIT_SUCCESS;
}
