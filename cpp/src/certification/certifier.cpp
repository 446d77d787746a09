#include "sublinear/certification/certifier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "certification/branching.hpp"
#include "certification/linear_bounds.hpp"
#include "finding/reach.hpp"
#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/predictor.hpp"
#include "training/input_block.hpp"

namespace sublinear {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Whether p is within the radius of x, in exact arithmetic.
template <class T>
bool inside(const T* x, const T* p, Index d, Ball ball) {
  if (ball.norm == Norm::two) return euclidean_distance_bound(p, x, d) <= ball.radius;
  for (Index j = 0; j < d; ++j)
    if (!(std::abs(static_cast<double>(p[j]) - static_cast<double>(x[j])) * (1 + kWiden) <= ball.radius)) return false;
  return true;
}

// A radius so much smaller that what rounding does to an attacked point leaves it in the ball; below 0 where there is
// none. (Attack's contract, in training/attack.hpp, solved for the radius.)
template <class T>
double radius_for_attack(double radius, double centre, Index d) {
  const double u = unit_roundoff<T>, subnormal = static_cast<double>(std::numeric_limits<T>::denorm_min());
  const double terms = static_cast<double>(2 * d + 64);
  return (radius - 2 * u * (centre + radius) - static_cast<double>(d) * subnormal) * (1 - 1.01 * terms * u);
}

// -1: there is one output.
std::vector<Margin> margins_of(Index outputs, double label) {
  if (outputs == 1) return {{0, -1, label}};
  std::vector<Margin> out;
  for (Index k = 0; k < outputs; ++k)
    if (k != static_cast<Index>(label)) out.push_back({static_cast<Index>(label), k, 1});
  return out;
}

}  // namespace

template <class T>
struct Certifier<T>::State {
  State(TwoLayerNetwork<T>&& given, Norm in_norm, const std::string& index, int threads)
      : norm(in_norm), origin(static_cast<std::size_t>(given.dimension())) {
    const FloatingPointScope scope;
    loss = make_loss(given.outputs() == 1 ? "logistic" : "cross-entropy");
    rows = RowNorms(given, norm);
    FinderOptions options;
    options.index = index;
    // The network's arrays stay where they are when it moves into the predictor.
    finder = make_finder<T>(index.empty() ? "dense" : "weights", given.neurons(), {origin.data(), 1, given.dimension()},
                            {0, norm}, options, resolve_threads(threads));
    predictor = std::make_unique<Predictor<T>>(std::move(given), "", norm, threads);
  }

  Norm norm;
  AlignedVector<T> origin;  // no training inputs: one stands in
  std::shared_ptr<const Loss> loss;
  RowNorms rows;
  std::unique_ptr<Predictor<T>> predictor;
  std::unique_ptr<NeuronFinder<T>> finder;

  [[nodiscard]] const TwoLayerNetwork<T>& network() const { return predictor->network(); }
};

namespace {

// Decides one input.
template <class T, class State>
class Decision {
 public:
  Decision(const State& state, const T* x, double label, double radius, const CertifierOptions& options, Index position)
      : state_(state),
        network_(state.network()),
        x_(x),
        label_(label),
        ball_{radius, state.norm},
        options_(options),
        position_(position),
        centre_(norm_bound(x, network_.dimension(), state.norm)) {}

  Certificate decide() {
    Certificate out;
    out.margin = -kInfinity;
    double margin = 0;
    if (breaks(x_, margin)) {
      out.verdict = Verdict::broken;
      out.margin = ball_.radius > 0 ? -kInfinity : margin;
    } else if (ball_.radius == 0) {
      out.verdict = Verdict::certified;
      out.margin = margin;
    } else {
      prove(out);
    }
    return out;
  }

  // Where the input was broken; empty if it was not.
  [[nodiscard]] const std::vector<T>& point() const noexcept { return point_; }
  [[nodiscard]] const Work& work() const noexcept { return work_; }

 private:
  void prove(Certificate& out) {
    const Index d = network_.dimension();
    CandidateLists lists;
    work_ += state_.finder->candidates_at({x_, 1, d}, ball_.radius, 1, lists);
    const Neighbourhood near = neighbourhood(network_, state_.rows, x_, ball_.radius, lists.begin(0), lists.length(0));
    std::vector<MarginProblem> left;
    double least = kInfinity;
    const std::vector<Side> sides(near.unstable.size(), Side::open);
    for (const Margin& margin : margins_of(network_.outputs(), label_)) {
      MarginProblem problem = margin_problem(network_, near, margin);
      ++work_.bounds;
      double bound = interval_bound(near, problem);
      if (!(bound > 0) && options_.relaxation != Relaxation::interval) {
        out.relaxation = Relaxation::linear;
        bound = std::max(bound, linear_bound(near, problem, sides));
        ++work_.bounds;
      }
      if (bound > 0)
        least = std::min(least, bound);
      else
        left.push_back(std::move(problem));
    }
    if (!left.empty() && attack()) out.verdict = Verdict::broken;
    out.margin = least;
    for (const MarginProblem& problem : left) bound_further(near, problem, out);
    if (out.verdict == Verdict::open && out.margin > 0) out.verdict = Verdict::certified;
  }

  void bound_further(const Neighbourhood& near, const MarginProblem& problem, Certificate& out) {
    const bool decided = out.verdict == Verdict::broken || (options_.branches == 0 && !(out.margin > 0));
    if (decided || options_.relaxation == Relaxation::interval) {  // cheap bounds tell the margin all the same
      double bound = interval_bound(near, problem);
      if (options_.relaxation != Relaxation::interval)
        bound = std::max(bound, linear_bound(near, problem, std::vector<Side>(near.unstable.size(), Side::open)));
      out.margin = std::min(out.margin, bound);
      return;
    }
    if (options_.relaxation == Relaxation::quadratic && near.norm == Norm::two) out.relaxation = Relaxation::quadratic;
    const Search search = bound_by_branching(near, problem, options_, options_.branches - out.branches,
                                             [this](const std::vector<double>& delta) { return breaks_at(delta); });
    out.branches += search.branches;
    work_.bounds += 1 + search.branches;
    out.margin = std::min(out.margin, search.margin);
    if (search.verdict == Verdict::broken) out.verdict = Verdict::broken;
  }

  // Whether the network itself classifies p wrongly; keeps it then. `margin` as the outputs have it.
  bool breaks(const T* p, double& margin) {
    const Index c = network_.outputs();
    std::vector<T> outputs(static_cast<std::size_t>(c));
    work_ += state_.predictor->decision_function({p, 1, network_.dimension()}, 1, outputs.data());
    const std::vector<double> values(outputs.begin(), outputs.end());
    margin = kInfinity;
    for (const Margin& each : margins_of(c, label_)) {
      const double own = values[static_cast<std::size_t>(each.own)];
      margin = std::min(margin, each.rival < 0 ? each.sign * own : own - values[static_cast<std::size_t>(each.rival)]);
    }
    if (state_.loss->correct(values.data(), c, label_)) return false;
    point_.assign(p, p + network_.dimension());
    return true;
  }

  bool breaks_at(const std::vector<double>& delta) {
    const Index d = network_.dimension();
    const double length = euclidean_norm_bound(delta.data(), d);
    const double within = radius_for_attack<T>(ball_.radius, centre_, d);
    if (!(within > 0) || !(length < kInfinity)) return false;
    const double factor = length > within ? within / length : 1;
    std::vector<T> p(x_, x_ + d);
    for (std::size_t j = 0; j < p.size(); ++j) p[j] = static_cast<T>(static_cast<double>(p[j]) + factor * delta[j]);
    double margin = 0;
    return inside(x_, p.data(), d, ball_) && breaks(p.data(), margin);
  }

  bool attack() {
    const Index d = network_.dimension();
    PgdOptions pgd;
    pgd.radius = radius_for_attack<T>(ball_.radius, centre_, d);
    // Attacks are held to their ball by squares in double.
    const double squares = pgd.radius * pgd.radius * static_cast<double>(d);
    if (options_.attack_steps == 0 || !(pgd.radius > 0) || !(squares < kInfinity)) return false;
    pgd.steps = options_.attack_steps;
    pgd.norm = ball_.norm;
    pgd.restarts = options_.attack_restarts;
    pgd.random_start = pgd.restarts > 1;
    std::vector<T> p(static_cast<std::size_t>(d));
    const std::uint64_t seed = options_.seed + 0x9E3779B97F4A7C15ULL * static_cast<std::uint64_t>(position_);
    work_ += state_.predictor->attack({x_, 1, d}, &label_, *make_pgd<T>(pgd), *state_.loss, seed, 1, p.data(), nullptr);
    double margin = 0;
    return inside(x_, p.data(), d, ball_) && breaks(p.data(), margin);
  }

  const State& state_;
  const TwoLayerNetwork<T>& network_;
  const T* x_;
  double label_;
  Ball ball_;
  const CertifierOptions& options_;
  Index position_;
  double centre_;
  std::vector<T> point_;
  Work work_;
};

void require_options(const CertifierOptions& options) {
  require(options.relaxation_steps >= 1, "relaxation_steps is below 1; give at least 1");
  require(options.branches >= 0, "branches is negative; give 0 for none");
  require(options.attack_steps >= 0, "attack_steps is negative; give 0 for no attack");
  require(options.attack_restarts >= 1, "attack_restarts is below 1; give at least 1");
}

}  // namespace

template <class T>
Certifier<T>::Certifier(TwoLayerNetwork<T>&& network, Norm norm, const std::string& index, int threads)
    : state_(std::make_unique<State>(std::move(network), norm, index, threads)) {}
template <class T>
Certifier<T>::~Certifier() = default;
template <class T>
Certifier<T>::Certifier(Certifier&&) noexcept = default;
template <class T>
Certifier<T>& Certifier<T>::operator=(Certifier&&) noexcept = default;

template <class T>
const TwoLayerNetwork<T>& Certifier<T>::network() const& noexcept {
  return state_->network();
}

template <class T>
void Certifier<T>::require_balls(Points<T> points, const double* radii) const {
  if (state_ == nullptr) throw std::logic_error("the certifier was moved from; use the one it was moved to");
  require_inputs(points, state_->network().dimension());
  require_pointer(radii, points.count, "radii");
  for (Index i = 0; i < points.count; ++i)
    if (!(radii[i] >= 0) || !std::isfinite(radii[i]))
      throw std::invalid_argument("the radius in row " + std::to_string(i) + " is " + format_number(radii[i]) +
                                  "; give a finite number of at least 0");
}

template <class T>
Work Certifier<T>::certify(Points<T> points, const double* labels, const double* radii, const CertifierOptions& options,
                           int threads, Certificate* out, T* points_out) const {
  require_balls(points, radii);
  const Index d = state_->network().dimension();
  check_labels(labels, points.count, *state_->loss, state_->network().outputs());
  require_pointer(out, points.count, "the certificates");
  require_options(options);
  std::vector<Work> works(static_cast<std::size_t>(points.count));
  parallel_for(points.count, resolve_threads(threads), 1, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      Decision<T, State> decision(*state_, points.row(i), labels[i], radii[i], options, i);
      out[i] = decision.decide();
      works[static_cast<std::size_t>(i)] = decision.work();
      if (points_out == nullptr) continue;
      const T* from = decision.point().empty() ? points.row(i) : decision.point().data();
      std::copy(from, from + d, points_out + i * d);
    }
  });
  Work total;
  for (const Work& work : works) total += work;
  return total;
}

template <class T>
Work Certifier<T>::reachable(Points<T> points, const double* radii, int threads, std::vector<NeuronId>& out) const {
  require_balls(points, radii);
  const TwoLayerNetwork<T>& network = state_->network();
  const int workers = resolve_threads(threads);
  std::vector<std::vector<char>> marks(static_cast<std::size_t>(workers));
  std::vector<Work> works(static_cast<std::size_t>(points.count));
  parallel_for(points.count, workers, 1, [&](Index begin, Index end, int worker) {
    std::vector<char>& mark = marks[static_cast<std::size_t>(worker)];
    mark.resize(static_cast<std::size_t>(network.width()));
    CandidateLists lists;
    for (Index i = begin; i < end; ++i) {
      works[static_cast<std::size_t>(i)] =
          state_->finder->candidates_at({points.row(i), 1, points.dimension}, radii[i], 1, lists);
      const Neighbourhood near =
          neighbourhood(network, state_->rows, points.row(i), radii[i], lists.begin(0), lists.length(0));
      for (const auto* neurons : {&near.on, &near.unstable})
        for (const BallNeuron& neuron : *neurons) mark[static_cast<std::size_t>(neuron.id)] = 1;
      if (!near.bounded) std::fill(mark.begin(), mark.end(), char{1});
    }
  });
  out.clear();
  for (Index r = 0; r < network.width(); ++r)
    if (std::any_of(marks.begin(), marks.end(),
                    [r](const auto& mark) { return !mark.empty() && mark[static_cast<std::size_t>(r)] != 0; }))
      out.push_back(static_cast<NeuronId>(r));
  Work total;
  for (const Work& work : works) total += work;
  return total;
}

template class Certifier<float>;
template class Certifier<double>;

}  // namespace sublinear
