// "weights": a half-space index over the lifted neurons answers for any ball (Song-Yang-Zhang, algorithm 1; Gao et
// al.).
#include <algorithm>
#include <cmath>

#include "finding/finders.hpp"
#include "finding/lifted_neurons.hpp"

namespace sublinear {
namespace {

template <class T>
class Weights final : public NeuronFinder<T> {
 public:
  explicit Weights(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons), inputs_(arguments.inputs), ball_(arguments.ball) {
    const AlignedVector<T> lifted = lift_neurons(neurons_, ball_.norm, neurons_.count, arguments.threads,
                                                 [](Index k) { return static_cast<NeuronId>(k); });
    for (Index r = 0; r < neurons_.count; ++r) note_offset(static_cast<NeuronId>(r));
    index_ = inner_index_factory(arguments)(
        Points<T>{lifted.data(), neurons_.count, neurons_.dimension + Lifting<T>::kExtra});
  }

  [[nodiscard]] const char* name() const noexcept override { return "weights"; }
  [[nodiscard]] bool exact() const noexcept override { return index_->exact(); }
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

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int threads) override {
    require_rows(rows, by, count, neurons_.count);
    const AlignedVector<T> lifted =
        lift_neurons(neurons_, ball_.norm, count, resolve_threads(threads), [&](Index k) { return rows[k]; });
    const std::vector<Index> ids(rows, rows + count);
    index_->move(ids.data(), count, lifted.data());
    for (Index k = 0; k < count; ++k) note_offset(rows[k]);
    Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  template <class PointAt>
  Work report(Index count, Ball ball, int threads, CandidateLists& out, PointAt&& point_at) const {
    const FloatingPointScope scope;
    const double threshold = Lifting<T>::threshold(neurons_, largest_offset_);
    return report_lifted(*index_, neurons_, ball, count, resolve_threads(threads), out, point_at,
                         [=](const T*) { return threshold; });
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
