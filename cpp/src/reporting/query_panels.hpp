// Queries by the panel, points by the block: the loops around the scans of kernels/fused_scan.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "kernels/fused_scan.hpp"
#include "kernels/watch.hpp"
#include "reporting/point_store.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

// Below this a panel would be mostly empty: such few queries are asked one by one.
inline constexpr Index kFewQueries = 6;

// Makes a panel of queries q ... with make(q, size), size <= width, and calls panel.scan(first, count, hits) for every
// block of points in ascending order, then take(q, first, offsets, found) for each query with `found` > 0
// proposals. Several panels share a block while it is in the cache. Different queries run on several threads.
template <class Make, class Take>
void scan_in_panels(Index points, Index block, Index queries, Index width, int threads, Make&& make, Take&& take) {
  constexpr Index kPanelsTogether = 16;
  const Index each = (queries + threads - 1) / threads;
  const Index grain = std::clamp<Index>((each + width - 1) / width, 1, kPanelsTogether) * width;
  parallel_for(queries, threads, grain, [&](Index begin, Index end, int) {
    std::vector<decltype(make(begin, width))> panels;
    for (Index q = begin; q < end; q += width) panels.push_back(make(q, std::min(width, end - q)));
    std::vector<std::uint16_t> offsets(static_cast<std::size_t>(width * kBlockPoints));
    std::vector<std::int32_t> counts(static_cast<std::size_t>(width));
    for (Index first = 0; first < points; first += block) {
      keep_watch(static_cast<double>(first) / static_cast<double>(points));
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

// Slots of points as lists keep them while a scan goes on: half the bytes of ids, which are written once at the end.
using Slot32 = std::uint32_t;

static_assert(kUnsure == 1 << 15);

// Sorts proposals out: take(q, slots, count) with those that are alive and, where unsure, confirmed by the canonical
// product. Returns how many had to be confirmed.
template <class T, class Take>
Index confirm(const PointStore<T>& store, Index q, const T* normal, double threshold, Index first,
              const std::uint16_t* offsets, Index found, Take&& take) {
  NeuronId asked[kBlockPoints];
  T products[kBlockPoints + 1];
  Slot32 slots[kBlockPoints];
  Index unsure = 0, size = 0, next = 0;
  for (Index k = 0; k < found; ++k) {
    asked[unsure] = offsets[k] & ~kUnsure;
    unsure += (offsets[k] & kUnsure) != 0 ? 1 : 0;
  }
  inner_products_at(store.row(first), asked, unsure, store.dimension(), normal, products);
  products[unsure] = 0;  // read, and left aside, behind the last unsure one
  const bool plain = store.is_plain();
  if (unsure == 0 && plain) {
    for (Index k = 0; k < found; ++k) slots[k] = static_cast<Slot32>(first + offsets[k]);
    size = found;
  } else {
    // Which are unsure and which of those are far no processor could guess, so nothing branches on it.
    for (Index k = 0; k < found; ++k) {
      const Index slot = first + (offsets[k] & ~kUnsure);
      const unsigned is_unsure = offsets[k] >> 15, far = static_cast<double>(products[next]) >= threshold ? 1 : 0;
      slots[size] = static_cast<Slot32>(slot);
      next += is_unsure;
      size += ((is_unsure ^ 1U) | far) & (plain || store.is_alive(slot) ? 1U : 0U);
    }
  }
  take(q, static_cast<const Slot32*>(slots), size);
  return unsure;
}

// Appends the slots of a block to those of one query. The first block says about how many there will be in `blocks`.
inline void append_slots(std::vector<Slot32>& list, const Slot32* slots, Index size, Index blocks) {
  if (list.empty()) list.reserve(static_cast<std::size_t>(std::min<Index>(size * blocks, 4096)));
  list.insert(list.end(), slots, slots + size);
}

// The lists of slots as lists of ids, emptying them on the way.
template <class T>
void gather_ids(const PointStore<T>& store, std::vector<std::vector<Slot32>>& lists, IdLists<Index>& out) {
  out.offsets.assign(lists.size() + 1, 0);
  for (std::size_t q = 0; q < lists.size(); ++q)
    out.offsets[q + 1] = out.offsets[q] + static_cast<Index>(lists[q].size());
  out.ids.clear();
  out.ids.reserve(static_cast<std::size_t>(out.offsets.back()));
  for (std::vector<Slot32>& list : lists) {
    if (store.is_plain())
      out.ids.insert(out.ids.end(), list.begin(), list.end());
    else
      std::transform(list.begin(), list.end(), std::back_inserter(out.ids),
                     [&](Slot32 slot) { return store.id(static_cast<Index>(slot)); });
    std::vector<Slot32>().swap(list);
  }
}

}  // namespace sublinear
