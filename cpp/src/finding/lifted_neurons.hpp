// What strategies with a half-space index over the lifted neurons share: how points for it are made, and how it is
// asked (the lifted problem: reach.hpp).
#pragma once

#include <algorithm>
#include <vector>

#include "finding/reach.hpp"
#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {

// The lifted points of neurons row_at(0), row_at(1), ..., row by row.
template <class T, class RowAt>
[[nodiscard]] AlignedVector<T> lift_neurons(const Neurons<T>& neurons, Norm norm, Index count, int threads,
                                            RowAt&& row_at) {
  const Index size = neurons.dimension + Lifting<T>::kExtra;
  AlignedVector<T> lifted(static_cast<std::size_t>(count * size));
  parallel_for(count, threads, 256, [&](Index begin, Index end, int) {
    for (Index k = begin; k < end; ++k) Lifting<T>::lift_neuron(neurons, row_at(k), norm, lifted.data() + k * size);
  });
  return lifted;
}

// Asks the index for the balls around point_at(0), point_at(1), ...: threshold_at(x) is what a lifted product with the
// point x must reach.
template <class T, class PointAt, class ThresholdAt>
Work report_lifted(const HalfSpaceIndex<T>& index, const Neurons<T>& neurons, Ball ball, Index count, int threads,
                   CandidateLists& out, PointAt&& point_at, ThresholdAt&& threshold_at) {
  const Index size = neurons.dimension + Lifting<T>::kExtra;
  AlignedVector<T> lifted(static_cast<std::size_t>(count * size));
  std::vector<double> thresholds(static_cast<std::size_t>(count));
  parallel_for(count, threads, 64, [&](Index begin, Index end, int) {
    for (Index k = begin; k < end; ++k) {
      const T* const x = point_at(k);
      Lifting<T>::lift_input(x, neurons.dimension, ball, neurons.threshold, lifted.data() + k * size);
      thresholds[static_cast<std::size_t>(k)] = threshold_at(x);
    }
  });
  IdLists<Index> reported;
  Work work = index.report(lifted.data(), thresholds.data(), count, threads, reported);
  out.offsets = std::move(reported.offsets);
  out.ids.resize(reported.ids.size());
  std::transform(reported.ids.begin(), reported.ids.end(), out.ids.begin(),
                 [](Index id) { return static_cast<NeuronId>(id); });
  work.candidates = static_cast<std::int64_t>(out.ids.size());
  work.fired = 0;  // what the index counts as fired are candidates here
  return work;
}

}  // namespace sublinear
