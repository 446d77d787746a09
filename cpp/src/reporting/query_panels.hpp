// Queries by the panel, points by the block: the loops around the scans of kernels/fused_scan.hpp.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/fused_scan.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

// Below this a panel would be mostly empty: such few queries are asked one by one.
inline constexpr Index kFewQueries = 6;

// Makes a panel of queries q ... with make(q, size), size <= width, and calls panel.scan(first, count, hits) for every
// block of points in ascending order, then take(q, first, offsets, found) for each query with `found` > 0
// proposals. Several panels share a block while it is in the cache. Different queries run on several threads.
template <class Make, class Take>
void scan_in_panels(Index points, Index block, Index queries, Index width, int threads, Make&& make, Take&& take) {
  constexpr Index kPanelsTogether = 4;
  const Index each = (queries + threads - 1) / threads;
  const Index grain = std::clamp<Index>((each + width - 1) / width, 1, kPanelsTogether) * width;
  parallel_for(queries, threads, grain, [&](Index begin, Index end, int) {
    std::vector<decltype(make(begin, width))> panels;
    for (Index q = begin; q < end; q += width) panels.push_back(make(q, std::min(width, end - q)));
    std::vector<std::uint16_t> offsets(static_cast<std::size_t>(width * kBlockPoints));
    std::vector<std::int32_t> counts(static_cast<std::size_t>(width));
    for (Index first = 0; first < points; first += block) {
      const Index count = std::min(block, points - first);
      Index q = begin;
      for (const auto& panel : panels) {
        std::fill(counts.begin(), counts.end(), 0);
        const BlockHits hits{offsets.data(), counts.data()};
        panel.scan(first, count, hits);
        for (Index k = 0; k < width; ++k)
          if (counts[static_cast<std::size_t>(k)] > 0)
            take(q + k, first, offsets.data() + k * kBlockPoints, Index{counts[static_cast<std::size_t>(k)]});
        q += width;
      }
    }
  });
}

}  // namespace sublinear
