// "weights": a half-space index over the lifted neurons answers for any ball (Song-Yang-Zhang, algorithm 1; Gao et
// al.).
#include <algorithm>
#include <cmath>

#include "finding/finders.hpp"
#include "finding/reach.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {
namespace {

template <class T>
class Weights final : public NeuronFinder<T> {
 public:
  explicit Weights(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons), inputs_(arguments.inputs), ball_(arguments.ball) {
    const AlignedVector<T> lifted =
        lift(neurons_.count, arguments.threads, [](Index k) { return static_cast<NeuronId>(k); });
    for (Index r = 0; r < neurons_.count; ++r) note_offset(static_cast<NeuronId>(r));
    index_ = make_inner_index<T>(arguments,
                                 Points<T>{lifted.data(), neurons_.count, neurons_.dimension + Lifting<T>::kExtra});
  }

  [[nodiscard]] const char* name() const noexcept override { return "weights"; }
  [[nodiscard]] bool serves_any_point() const noexcept override { return true; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return index_->bytes(); }

  Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) override {
    require_positions(inputs, count, inputs_.count);
    return report(count, ball_, threads, out, [&](Index k) { return inputs_.row(inputs[k]); });
  }

  Work candidates_at(Points<T> points, double radius, int threads, CandidateLists& out) const override {
    require_points(points, radius, neurons_.dimension);
    return report(points.count, {radius, ball_.norm}, threads, out, [&](Index k) { return points.row(k); });
  }

  Work moved(const NeuronId* rows, const Displacement*, Index count, int threads) override {
    require_rows(rows, count, neurons_.count);
    const AlignedVector<T> lifted = lift(count, resolve_threads(threads), [&](Index k) { return rows[k]; });
    const std::vector<Index> ids(rows, rows + count);
    index_->move(ids.data(), count, lifted.data());
    for (Index k = 0; k < count; ++k) note_offset(rows[k]);
    Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  template <class RowAt>
  AlignedVector<T> lift(Index count, int threads, RowAt&& row_at) const {
    const Index size = neurons_.dimension + Lifting<T>::kExtra;
    AlignedVector<T> lifted(static_cast<std::size_t>(count * size));
    parallel_for(count, threads, 256, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k)
        Lifting<T>::lift_neuron(neurons_, row_at(k), ball_.norm, lifted.data() + k * size);
    });
    return lifted;
  }

  template <class PointAt>
  Work report(Index count, Ball ball, int requested, CandidateLists& out, PointAt&& point_at) const {
    const FloatingPointScope scope;
    const int threads = resolve_threads(requested);
    const Index size = neurons_.dimension + Lifting<T>::kExtra;
    AlignedVector<T> lifted(static_cast<std::size_t>(count * size));
    parallel_for(count, threads, 64, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k)
        Lifting<T>::lift_input(point_at(k), neurons_.dimension, ball, neurons_.threshold, lifted.data() + k * size);
    });
    const std::vector<double> thresholds(static_cast<std::size_t>(count),
                                         Lifting<T>::threshold(neurons_, largest_offset_));
    IdLists<Index> reported;
    Work work = index_->report(lifted.data(), thresholds.data(), count, threads, reported);
    out.offsets = std::move(reported.offsets);
    out.ids.resize(reported.ids.size());
    std::transform(reported.ids.begin(), reported.ids.end(), out.ids.begin(),
                   [](Index id) { return static_cast<NeuronId>(id); });
    work.candidates = static_cast<std::int64_t>(out.ids.size());
    work.fired = 0;  // what the index counts as fired are candidates here
    return work;
  }

  // One threshold serves all neurons; biases that moved can only raise what it allows for.
  void note_offset(NeuronId r) {
    largest_offset_ = std::max(largest_offset_, std::abs(Lifting<T>::offset(neurons_, r)));
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  Ball ball_;
  double largest_offset_ = 0;
  std::unique_ptr<HalfSpaceIndex<T>> index_;
};

}  // namespace

template <class T>
FinderPointer<T> make_weights(const FinderArguments<T>& arguments) {
  return std::make_unique<Weights<T>>(arguments);
}
template FinderPointer<float> make_weights<float>(const FinderArguments<float>&);
template FinderPointer<double> make_weights<double>(const FinderArguments<double>&);

}  // namespace sublinear
