// Canonical products of many neurons with several inputs, in blocks of rows that stay in the cache.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "finding/row_limits.hpp"
#include "kernels/watch.hpp"
#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

// Inputs that share a block of rows while it is in the cache.
inline constexpr Index kInputsTogether = 16;

// Most rows of a block: what a worker's stack has room for.
inline constexpr Index kMostRows = 1024;

// Rows of dimension d whose block fits the first-level cache.
template <class T>
[[nodiscard]] Index rows_per_block(Index d) {
  return std::clamp<Index>(32768 / (d * static_cast<Index>(sizeof(T))), 16, kMostRows);
}

// Calls visit(k, first, size, products) with the products of neurons first ... first + size - 1 and point k, for every
// k in [begin, end) and, for each k, in ascending `first`. `point_at(k)` is the address of point k.
template <class T, class PointAt, class Visit>
void visit_products(const Neurons<T>& neurons, Index begin, Index end, PointAt&& point_at, Visit&& visit) {
  T products[kMostRows];
  const Index d = neurons.dimension, block = rows_per_block<T>(d);
  for (Index first = 0; first < neurons.count; first += block) {
    keep_watch(static_cast<double>(first) / static_cast<double>(neurons.count));
    const Index size = std::min(block, neurons.count - first);
    for (Index k = begin; k < end; ++k) {
      inner_products(neurons.row(static_cast<NeuronId>(first)), size, d, point_at(k), products);
      visit(k, first, size, static_cast<const T*>(products));
    }
  }
}

// The same for the neurons `rows` (ascending): visit(k, first, size, products) has those of rows[first] ...
template <class T, class PointAt, class Visit>
void visit_products_at(const Neurons<T>& neurons, const NeuronId* rows, Index count, Index begin, Index end,
                       PointAt&& point_at, Visit&& visit) {
  T products[kMostRows];
  const Index d = neurons.dimension, block = rows_per_block<T>(d);
  for (Index first = 0; first < count; first += block) {
    const Index size = std::min(block, count - first);
    for (Index k = begin; k < end; ++k) {
      inner_products_at(neurons.weights, rows + first, size, d, point_at(k), products);
      visit(k, first, size, static_cast<const T*>(products));
    }
  }
}

// Asks every neuron for each of `count` points: take(k, list, products) gets the neurons that reach their limit at
// point k, ascending, with their products, and observe(k, first, size, products) what visit_products gives. Both run on
// several threads, for one k never at the same time.
template <class T, class PointAt, class Take, class Observe>
Work scan_neurons(const Neurons<T>& neurons, const T* limits, Index count, int threads, PointAt&& point_at, Take&& take,
                  Observe&& observe) {
  parallel_for(count, threads, kInputsTogether, [&](Index begin, Index end, int) {
    std::vector<NeuronId> lists[kInputsTogether];
    std::vector<T> values[kInputsTogether];
    NeuronId reaching[kMostRows + 1];  // one more: the compaction writes before it decides
    T reaching_products[kMostRows + 1];
    visit_products(neurons, begin, end, point_at, [&](Index k, Index first, Index size, const T* products) {
      Index found = 0;
      for (Index i = 0; i < size; ++i) {
        reaching[found] = static_cast<NeuronId>(first + i);
        reaching_products[found] = products[i];
        found += reaches(products[i], limits[first + i]) ? 1 : 0;
      }
      lists[k - begin].insert(lists[k - begin].end(), reaching, reaching + found);
      values[k - begin].insert(values[k - begin].end(), reaching_products, reaching_products + found);
      observe(k, first, size, products);
    });
    for (Index k = begin; k < end; ++k) take(k, lists[k - begin], values[k - begin]);
  });
  Work work;
  work.inner_products = count * neurons.count;
  return work;
}

template <class T, class PointAt, class Take>
Work scan_neurons(const Neurons<T>& neurons, const T* limits, Index count, int threads, PointAt&& point_at,
                  Take&& take) {
  return scan_neurons(neurons, limits, count, threads, point_at, take, [](Index, Index, Index, const T*) {});
}

// Copies one list per query into `out`: list_at(q) is a vector of ascending ids. Counts them as candidates.
template <class ListAt>
Work join_lists(Index count, int threads, CandidateLists& out, ListAt&& list_at) {
  Work work = fill_lists(count, threads, kInputsTogether, out, [&](Index q, std::vector<NeuronId>& part, int) {
    const std::vector<NeuronId>& list = list_at(q);
    part.insert(part.end(), list.begin(), list.end());
    return Work{};
  });
  work.candidates = static_cast<std::int64_t>(out.ids.size());
  return work;
}

}  // namespace sublinear
