#include "sublinear/training/predictor.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/watch.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/training/local_network.hpp"
#include "training/input_block.hpp"

namespace sublinear {
namespace {

// Visits every point: visit(position, x, the candidates in its ball, scratch, list), in blocks. What visit appends to
// `list` comes back in `out` where that is not null.
template <class T, class Visit>
Work visit_points(const TwoLayerNetwork<T>& network, const NeuronFinder<T>& finder, Points<T> points, double radius,
                  int threads, CandidateLists* out, Visit&& visit) {
  require_inputs(points, network.dimension());
  std::vector<LocalNetwork<T>> scratch(static_cast<std::size_t>(threads));
  CandidateLists candidates, lists;
  if (out != nullptr) *out = {};
  const Index block = inputs_per_block(network.width(), points.count, 0);
  Work work;
  const auto all = static_cast<double>(points.count);
  for (Index begin = 0; begin < points.count; begin += block) {
    const Index size = std::min(block, points.count - begin);
    const WatchedPart part(static_cast<double>(begin) / all, static_cast<double>(begin + size) / all);
    work += finder.candidates_at({points.row(begin), size, points.dimension}, radius, threads, candidates);
    work += fill_lists<NeuronId>(size, threads, 1, lists, [&](Index k, std::vector<NeuronId>& list, int worker) {
      LocalNetwork<T>& local = scratch[static_cast<std::size_t>(worker)];
      visit(begin + k, points.row(begin + k), {candidates.begin(k), candidates.length(k), {}}, local, list);
      Work own = local.take_work();
      own.fired += static_cast<std::int64_t>(local.fired().size());
      return own;
    });
    if (out == nullptr) continue;
    const Index before = out->offsets.back();
    for (std::size_t k = 1; k < lists.offsets.size(); ++k) out->offsets.push_back(before + lists.offsets[k]);
    out->ids.insert(out->ids.end(), lists.ids.begin(), lists.ids.end());
  }
  return work;
}

// The worst of some points for one input: one that is classified wrongly before all others, then the highest loss.
template <class T>
struct WorstPoint {
  std::vector<T> point;
  double loss = 0;     // there
  double highest = 0;  // of all points
  bool right = false;  // all of them are classified rightly

  void add(const T* x, Index d, double loss_there, bool right_there) {
    const bool first = point.empty();
    if (first || std::isnan(loss_there) || loss_there > highest) highest = loss_there;
    if (!first && (right_there != right ? right_there : !(loss_there > loss))) return;
    point.assign(x, x + d);
    loss = loss_there;
    right = right_there;
  }
};

}  // namespace

template <class T>
Predictor<T>::Predictor(const TwoLayerNetwork<T>& network, const std::string& index, Norm norm, int threads)
    : network_(&network), version_(network.version()), norm_(norm) {
  build(index, {}, threads);
}

template <class T>
Predictor<T>::Predictor(const TwoLayerNetwork<T>& network, const IndexFactory<T>& index_factory, Norm norm, int threads)
    : network_(&network), version_(network.version()), norm_(norm) {
  require(index_factory != nullptr, "the index factory is empty; give one, or the name of an index");
  build("", index_factory, threads);
}

// The network is taken last: a constructor that throws leaves it with its owner. (Its weights stay where they are.)
template <class T>
Predictor<T>::Predictor(TwoLayerNetwork<T>&& network, const std::string& index, Norm norm, int threads)
    : Predictor(std::as_const(network), index, norm, threads) {
  own(network);
}

template <class T>
Predictor<T>::Predictor(TwoLayerNetwork<T>&& network, const IndexFactory<T>& index_factory, Norm norm, int threads)
    : Predictor(std::as_const(network), index_factory, norm, threads) {
  own(network);
}

template <class T>
void Predictor<T>::own(TwoLayerNetwork<T>& network) {
  own_ = std::make_unique<const TwoLayerNetwork<T>>(std::move(network));
  network_ = own_.get();
}

template <class T>
void Predictor<T>::build(const std::string& index, const IndexFactory<T>& index_factory, int threads) {
  const FloatingPointScope scope;
  const Index d = network_->dimension();
  facts_ = RowFacts<T>(*network_, threads);
  const AlignedVector<T> origin(static_cast<std::size_t>(d));  // no training inputs: one stands in
  FinderOptions options;
  options.index = index;
  finder_ = make_finder<T>(index.empty() && !index_factory ? "dense" : "weights", network_->neurons(),
                           {origin.data(), 1, d}, {0, norm_}, options, resolve_threads(threads), index_factory);
}

template <class T>
Predictor<T>::~Predictor() = default;
template <class T>
Predictor<T>::Predictor(Predictor&&) noexcept = default;
template <class T>
Predictor<T>& Predictor<T>::operator=(Predictor&&) noexcept = default;

template <class T>
const TwoLayerNetwork<T>& Predictor<T>::current() const {
  if (finder_ == nullptr) throw std::logic_error("the predictor was moved from; use the one it was moved to");
  require_unchanged();
  return *network_;
}

// To be asked before an answer, and after it, too: a callback may have changed the network meanwhile.
template <class T>
void Predictor<T>::require_unchanged() const {
  if (network_->version() != version_)
    throw std::logic_error(
        "the network was changed, moved or replaced since the predictor was made; make a predictor of the network as "
        "and where it is now");
}

template <class T>
Work Predictor<T>::decision_function(Points<T> points, int threads, T* outputs) const {
  const TwoLayerNetwork<T>& network = current();
  const Index c = network.outputs();
  require_pointer(outputs, points.count, "outputs");
  const Work work = visit_points(
      network, *finder_, points, 0, resolve_threads(threads), nullptr,
      [&](Index i, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local, std::vector<NeuronId>&) {
        local.attach(network, facts_, {candidates});
        local.evaluate(x);
        std::copy(local.values().begin(), local.values().end(), outputs + i * c);
      });
  require_unchanged();
  return work;
}

template <class T>
Work Predictor<T>::fired(Points<T> points, int threads, CandidateLists& out) const {
  const TwoLayerNetwork<T>& network = current();
  const Work work = visit_points(
      network, *finder_, points, 0, resolve_threads(threads), &out,
      [&](Index, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local, std::vector<NeuronId>& list) {
        local.attach(network, facts_, {candidates});
        local.evaluate(x);
        list.insert(list.end(), local.fired().begin(), local.fired().end());
      });
  require_unchanged();
  return work;
}

template <class T>
Work Predictor<T>::attack(Points<T> points, const double* labels, const Attack<T>& attack, const Loss& loss,
                          std::uint64_t seed, int threads, T* attacked, double* losses, bool* right) const {
  const TwoLayerNetwork<T>& network = current();
  const Index d = network.dimension();
  if (attack.ball().norm != norm_ && attack.ball().radius > 0)
    throw std::invalid_argument("the attack's norm differs from the predictor's; make the predictor with that norm");
  require_inputs(points, d);
  check_labels(labels, points.count, loss, network.outputs());
  attack.check_inputs(points);
  const bool linear = network.outputs() <= attack.gradients();
  const double reach = euclidean_radius(attack.ball(), d);
  const auto attack_point = [&](Index i, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local,
                                std::vector<NeuronId>&) {
    // Each run begins anew, so that what others did before changes none of its bits; and points are judged by what
    // `decision_function` gives there, not by the linear form. What is noted at x makes both cheap.
    std::vector<ProductNote<T>> notes(static_cast<std::size_t>(candidates.count));
    candidates.notes = notes.data();
    const auto begin = [&](bool by_linear_form) {
      local.attach(network, facts_, {candidates, by_linear_form, reach});
      local.evaluate(x);
    };
    WorstPoint<T> worst;
    const auto judge = [&](const T* point) {
      begin(false);
      local.evaluate(point);
      const double reached = local.loss(loss, labels[i]);
      const std::vector<double> values(local.values().begin(), local.values().end());
      const auto count = static_cast<Index>(values.size());
      worst.add(point, d, reached, !loss.classifies() || loss.correct(values.data(), count, labels[i]));
    };
    std::vector<T> end(static_cast<std::size_t>(d));
    RandomStream random(seed, RandomPurpose::attack, {0, static_cast<std::uint64_t>(i)});
    for (int k = 0; k < attack.runs(); ++k) {
      begin(linear);
      attack.run(k, local, loss, x, labels[i], random, end.data());
      check_in_ball(x, end.data(), d, attack.ball(), network.threshold());
      judge(end.data());
    }
    judge(x);
    if (losses != nullptr) losses[i] = worst.highest;
    if (right != nullptr) right[i] = worst.right;
    if (attacked != nullptr) std::copy(worst.point.begin(), worst.point.end(), attacked + i * d);
  };
  const Work work =
      visit_points(network, *finder_, points, attack.ball().radius, resolve_threads(threads), nullptr, attack_point);
  require_unchanged();
  return work;
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace sublinear
