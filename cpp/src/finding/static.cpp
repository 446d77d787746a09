// "static": a half-space index over the lifted neurons as they were when it was built, asked for everything that can
// have come near since (Qin, Song, Yang: a static structure). It never moves a point; once the neurons have gone too
// far it is built anew.
//
// Why no neuron is missed. Let neuron r be displaced by (dw, db) since the index was built. If r can fire in the ball
// of x now, its key then was at least -D with D = ||dw||_2 ||x||_2 + reach ||dw||_* + |db| (reach.hpp, "Drift"), so its
// lifted product of then is at least the threshold of `Lifting` less D. `spent_` has the largest ||dw||_2, ||dw||_* and
// |db| over all rows since the index was built, so one lower threshold serves them all. Displacements are measured from
// the rows that the index has, not added up over steps: rows that come back cost nothing.
#include <algorithm>
#include <cmath>
#include <limits>

#include "finding/finders.hpp"
#include "finding/key_samples.hpp"
#include "finding/lifted_neurons.hpp"

namespace sublinear {
namespace {

template <class T>
class Static final : public NeuronFinder<T> {
 public:
  explicit Static(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        ball_(arguments.ball),
        make_inner_index_(inner_index_factory(arguments)),
        largest_norm_(largest_norm_bound(inputs_, Norm::two)),
        reach_(Reach<T>(ball_, largest_norm_bound(inputs_, ball_.norm), neurons_.dimension, neurons_.threshold).reach),
        slack_(first_slack(arguments.threads)) {
    build(arguments.threads);
  }

  [[nodiscard]] const char* name() const noexcept override { return "static"; }
  [[nodiscard]] bool exact() const noexcept override { return index_->exact(); }
  [[nodiscard]] bool serves_any_point() const noexcept override { return true; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return index_->bytes() + (weights_.capacity() + biases_.capacity()) * sizeof(T);
  }

  Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) override {
    require_positions(inputs, count, inputs_.count);
    return report(count, ball_, threads, out, [&](Index k) { return inputs_.row(inputs[k]); });
  }

  Work candidates_at(Points<T> points, double radius, int threads, CandidateLists& out) const override {
    require_points(points, radius, neurons_.dimension);
    return report(points.count, {radius, ball_.norm}, threads, out, [&](Index k) { return points.row(k); });
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int requested) override {
    require_rows(rows, by, count, neurons_.count);
    const FloatingPointScope scope;
    const int threads = resolve_threads(requested);
    std::vector<Displacement> largest(static_cast<std::size_t>(threads));
    parallel_for(count, threads, 256, [&](Index begin, Index end, int worker) {
      Displacement& own = largest[static_cast<std::size_t>(worker)];
      for (Index k = begin; k < end; ++k) raise(own, displacement(rows[k]));
    });
    for (const Displacement& own : largest) raise(spent_, own);
    if (!(drift_bound(spent_, largest_norm_, reach_) <= slack_)) build(threads);  // also where a bound overflowed
    Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  // As far as lists a quarter longer than they have to be allow: the skin that "margin" begins with.
  [[nodiscard]] double first_slack(int threads) const {
    const RowLimits<T> limits(neurons_, inputs_, ball_, threads);
    const SkinModel model(neurons_.count, inputs_.count, std::numeric_limits<double>::infinity());
    return model.first_skin(sample_keys(neurons_, inputs_, limits, threads));
  }

  // The index over the neurons as they are now; `weights_` and `biases_` remember them.
  void build(int threads) {
    const Index d = neurons_.dimension, size = d + Lifting<T>::kExtra;
    const AlignedVector<T> lifted =
        lift_neurons(neurons_, ball_.norm, neurons_.count, threads, [](Index k) { return static_cast<NeuronId>(k); });
    index_.reset();  // first, so that two are never held at once
    index_ = make_inner_index_(Points<T>{lifted.data(), neurons_.count, size});
    weights_.assign(neurons_.weights, neurons_.weights + neurons_.count * d);
    biases_.assign(neurons_.biases, neurons_.biases + neurons_.count);
    largest_offset_ = 0;
    for (Index r = 0; r < neurons_.count; ++r)
      largest_offset_ = std::max(largest_offset_, std::abs(Lifting<T>::offset(neurons_, static_cast<NeuronId>(r))));
    spent_ = {};
  }

  // How far a neuron is from where the index has it.
  [[nodiscard]] Displacement displacement(NeuronId r) const {
    const Index d = neurons_.dimension;
    const T *const now = neurons_.row(r), *const then = weights_.data() + static_cast<Index>(r) * d;
    const double bias =
        static_cast<double>(neurons_.biases[r]) - static_cast<double>(biases_[static_cast<std::size_t>(r)]);
    return {euclidean_distance_bound(now, then, d), dual_distance_bound(now, then, d, ball_.norm),
            std::abs(bias) * (1 + kWiden)};
  }

  static void raise(Displacement& largest, const Displacement& by) {
    largest.euclidean = std::max(largest.euclidean, by.euclidean);
    largest.dual = std::max(largest.dual, by.dual);
    largest.bias = std::max(largest.bias, by.bias);
  }

  [[nodiscard]] static double drift_bound(const Displacement& by, double norm, double reach) {
    if (by.euclidean == 0 && by.dual == 0 && by.bias == 0) return 0;
    return (by.euclidean * norm + reach * by.dual + by.bias) * (1 + 8 * kWiden) + kTiny;
  }

  template <class PointAt>
  Work report(Index count, Ball ball, int threads, CandidateLists& out, PointAt&& point_at) const {
    const FloatingPointScope scope;
    const Index d = neurons_.dimension;
    const double unmoved = Lifting<T>::threshold(neurons_, largest_offset_);
    return report_lifted(*index_, neurons_, ball, count, resolve_threads(threads), out, point_at, [&](const T* x) {
      const Reach<T> reach(ball, norm_bound(x, d, ball.norm), d, neurons_.threshold);
      return (unmoved - drift_bound(spent_, euclidean_norm_bound(x, d), reach.reach)) * (1 + 4 * kWiden);
    });
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  Ball ball_;
  IndexFactory<T> make_inner_index_;
  double largest_norm_, reach_;
  double slack_;  // how far keys may drift before the index is built anew
  std::unique_ptr<HalfSpaceIndex<T>> index_;
  AlignedVector<T> weights_, biases_;  // the neurons in the index
  double largest_offset_ = 0;
  Displacement spent_;
};

}  // namespace

template <class T>
FinderPointer<T> make_static(const FinderArguments<T>& arguments) {
  return std::make_unique<Static<T>>(arguments);
}
template FinderPointer<float> make_static<float>(const FinderArguments<float>&);
template FinderPointer<double> make_static<double>(const FinderArguments<double>&);

}  // namespace sublinear
