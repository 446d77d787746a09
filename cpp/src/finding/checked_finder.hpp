// A strategy of the application's own, or one with an index of its own inside, whose answers are looked at before
// anything relies on them.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "finding/finders.hpp"
#include "finding/row_limits.hpp"
#include "reporting/checked_index.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {

// The point of the ball around x at which neuron r's pre-activation is largest, rounded to T.
template <class T>
[[nodiscard]] std::vector<T> best_point(const Neurons<T>& neurons, NeuronId r, const T* x, Ball ball) {
  const Index d = neurons.dimension;
  const T* const w = neurons.row(r);
  std::vector<T> point(x, x + d);
  const double norm = euclidean_norm_bound(w, d);
  if (!(norm > 0) || ball.radius == 0) return point;
  for (Index j = 0; j < d; ++j) {
    const double v = static_cast<double>(w[j]);
    const double direction = ball.norm == Norm::two ? v / norm : v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0;
    point[static_cast<std::size_t>(j)] = static_cast<T>(static_cast<double>(x[j]) + ball.radius * direction);
  }
  return point;
}

// Throws PluginError unless every answer has a list for each input of ascending, distinct ids of neurons; and, where
// the strategy is exact, unless one input in 64 has every neuron that fires at the best point of its ball, by the
// canonical test. Cost: a pass over the ids, and a scan for one input in 64.
template <class T>
class CheckedFinder final : public NeuronFinder<T> {
 public:
  CheckedFinder(std::unique_ptr<NeuronFinder<T>> finder, const FinderArguments<T>& arguments, std::string name,
                bool exact)
      : finder_(std::move(finder)),
        neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        ball_(arguments.ball),
        name_(std::move(name)),
        inside_(arguments.index.empty() && arguments.index_factory ? "of the application's own" : arguments.index),
        exact_(exact && finder_->exact()) {}

  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] bool exact() const noexcept override { return exact_; }
  [[nodiscard]] bool serves_any_point() const noexcept override { return finder_->serves_any_point(); }
  [[nodiscard]] std::size_t bytes() const noexcept override { return finder_->bytes(); }

  Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) override {
    require_positions(inputs, count, inputs_.count);
    forget(out);
    Work work = finder_->candidates(inputs, count, threads, out);
    check_lists("candidates", count, out);
    for (Index k = 0; k < count; ++k) check_input(inputs[k], CandidateView<T>{out.begin(k), out.length(k), nullptr});
    return count_candidates(work, static_cast<Index>(out.ids.size()));
  }

  Work visit(const Index* inputs, Index count, int threads, const KnownRows<T>& known, CandidateLists& storage,
             std::vector<CandidateView<T>>& views) override {
    require_positions(inputs, count, inputs_.count);
    forget(storage);
    views.clear();
    Work work = finder_->visit(inputs, count, threads, known, storage, views);
    if (static_cast<Index>(views.size()) != count)
      refuse("visit", "there are " + std::to_string(views.size()) + " lists for " + std::to_string(count) + " inputs");
    Index candidates = 0;
    for (Index k = 0; k < count; ++k) {
      const CandidateView<T>& view = views[static_cast<std::size_t>(k)];
      check_list("candidates", k, view.ids, view.count);
      check_input(inputs[k], view);
      candidates += view.count;
    }
    return count_candidates(work, candidates);
  }

  // Whoever is told so takes all neurons, so there is nothing to check.
  [[nodiscard]] bool proposes_all(int threads) override { return finder_->proposes_all(threads); }

  Work candidates_at(Points<T> points, double radius, int threads, CandidateLists& out) const override {
    require_points(points, radius, neurons_.dimension);
    forget(out);
    Work work = finder_->candidates_at(points, radius, threads, out);
    check_lists("candidates_at", points.count, out);
    for (Index k = 0; exact_ && k < points.count; k += kInputsForACheck)
      check_complete("candidates_at", k, points.row(k), {radius, ball_.norm},
                     CandidateView<T>{out.begin(k), out.length(k), nullptr});
    return count_candidates(work, static_cast<Index>(out.ids.size()));
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int threads) override {
    require_rows(rows, by, count, neurons_.count);
    Work work = finder_->moved(rows, by, count, threads);
    work.rows_moved = count;
    return work;
  }

 private:
  static constexpr Index kInputsForACheck = 64;

  static void forget(CandidateLists& lists) {
    lists.ids.clear();
    lists.offsets.assign(1, 0);
  }

  // Counts that do not depend on what the strategy says of itself.
  static Work count_candidates(Work work, Index candidates) {
    work.candidates = candidates;
    return work;
  }

  void check_lists(const char* call, Index count, const CandidateLists& out) const {
    check_offsets(out, count, [&](const std::string& why) { refuse(call, why); });
    for (Index k = 0; k < count; ++k) check_list(call, k, out.begin(k), out.length(k));
  }

  void check_list(const char* call, Index k, const NeuronId* ids, Index count) const {
    check_ascending(ids, count, neurons_.count, k, [&](const std::string& why) { refuse(call, why); });
  }

  void check_input(Index input, const CandidateView<T>& list) {
    if (exact_ && asked_++ % kInputsForACheck == 0)
      check_complete("candidates", input, inputs_.row(input), ball_, list);
  }

  // That no neuron is missing that fires at x, or at the best point of its ball. Not counted: it is not the strategy's
  // work.
  void check_complete(const char* call, Index input, const T* x, Ball ball, const CandidateView<T>& list) const {
    const FloatingPointScope scope;
    const Index d = neurons_.dimension;
    const Reach<T> reach(ball, norm_bound(x, d, ball.norm), d, neurons_.threshold);
    const NeuronId *next = list.ids, *const end = list.ids + list.count;
    for (Index k = 0; k < neurons_.count; ++k) {
      const auto r = static_cast<NeuronId>(k);
      if (next != end && *next == r) {
        ++next;
        continue;
      }
      const T* const w = neurons_.row(r);
      const T limit = reach.limit(neurons_.threshold, neurons_.biases[r], dual_norm_bound(w, d, ball.norm));
      if (!reaches(inner_product(w, x, d), limit)) continue;
      const std::vector<T> best = best_point(neurons_, r, x, ball);
      if (inner_product(w, x, d) + neurons_.biases[r] >= neurons_.threshold ||
          inner_product(w, best.data(), d) + neurons_.biases[r] >= neurons_.threshold)
        refuse(call, "input " + std::to_string(input) + " lacks neuron " + std::to_string(r) +
                         ", which fires in its ball of radius " + format_number(ball.radius) +
                         "; propose every neuron that can, or register it with exact = false");
    }
  }

  [[noreturn]] void refuse(const char* call, const std::string& why) const {
    throw PluginError("strategy \"" + name_ + "\"" + (inside_.empty() ? "" : " with index \"" + inside_ + "\"") +
                      ", answer of " + call + ": " + why);
  }

  std::unique_ptr<NeuronFinder<T>> finder_;
  Neurons<T> neurons_;
  Points<T> inputs_;
  Ball ball_;
  std::string name_, inside_;
  bool exact_;
  Index asked_ = 0;  // inputs so far
};

}  // namespace sublinear
