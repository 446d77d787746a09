#include "sublinear/training/predictor.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/parallel.hpp"
#include "sublinear/training/local_network.hpp"
#include "training/input_block.hpp"

namespace sublinear {
namespace {

// Visits every point with the network gathered around it: visit(position, x, local network, list), in blocks. What
// visit appends to `list` comes back in `out` where that is not null.
template <class T, class Visit>
Work visit_points(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const NeuronFinder<T>& finder,
                  Points<T> points, Ball ball, bool linear, int threads, CandidateLists* out, Visit&& visit) {
  require_inputs(points, network.dimension());
  std::vector<LocalNetwork<T>> scratch(static_cast<std::size_t>(threads));
  CandidateLists candidates, lists;
  if (out != nullptr) *out = {};
  const Index block = inputs_per_block(network.width(), points.count, 0);
  const double reach = euclidean_radius(ball, network.dimension());
  Work work;
  for (Index begin = 0; begin < points.count; begin += block) {
    const Index size = std::min(block, points.count - begin);
    work += finder.candidates_at({points.row(begin), size, points.dimension}, ball.radius, threads, candidates);
    work += fill_lists<NeuronId>(size, threads, 1, lists, [&](Index k, std::vector<NeuronId>& list, int worker) {
      LocalNetwork<T>& local = scratch[static_cast<std::size_t>(worker)];
      local.attach(network, facts, {{candidates.begin(k), candidates.length(k), {}}, linear, reach});
      visit(begin + k, points.row(begin + k), local, list);
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

}  // namespace

template <class T>
Predictor<T>::Predictor(const TwoLayerNetwork<T>& network, const std::string& index, Norm norm, int threads)
    : Predictor(network, index, {}, norm, threads) {}

template <class T>
Predictor<T>::Predictor(const TwoLayerNetwork<T>& network, const IndexFactory<T>& index_factory, Norm norm, int threads)
    : Predictor(network, "", index_factory, norm, threads) {}

template <class T>
Predictor<T>::Predictor(const TwoLayerNetwork<T>& network, const std::string& index,
                        const IndexFactory<T>& index_factory, Norm norm, int threads)
    : network_(network), norm_(norm), facts_(network, threads) {
  const FloatingPointScope scope;
  const AlignedVector<T> origin(static_cast<std::size_t>(network.dimension()));  // no training inputs: one stands in
  FinderOptions options;
  options.index = index;
  finder_ = make_finder<T>(index.empty() && !index_factory ? "dense" : "weights", network.neurons(),
                           {origin.data(), 1, network.dimension()}, {0, norm}, options, resolve_threads(threads),
                           index_factory);
}

template <class T>
Predictor<T>::~Predictor() = default;

template <class T>
Work Predictor<T>::decision_function(Points<T> points, int threads, T* outputs) const {
  const Index c = network_.outputs();
  return visit_points(network_, facts_, *finder_, points, {0, norm_}, false, resolve_threads(threads), nullptr,
                      [&](Index i, const T* x, LocalNetwork<T>& local, std::vector<NeuronId>&) {
                        local.evaluate(x);
                        std::copy(local.values().begin(), local.values().end(), outputs + i * c);
                      });
}

template <class T>
Work Predictor<T>::fired(Points<T> points, int threads, CandidateLists& out) const {
  return visit_points(network_, facts_, *finder_, points, {0, norm_}, false, resolve_threads(threads), &out,
                      [](Index, const T* x, LocalNetwork<T>& local, std::vector<NeuronId>& list) {
                        local.evaluate(x);
                        list.insert(list.end(), local.fired().begin(), local.fired().end());
                      });
}

template <class T>
Work Predictor<T>::attack(Points<T> points, const double* labels, const Attack<T>& attack, const Loss& loss,
                          std::uint64_t seed, int threads, T* attacked, double* losses) const {
  const Index d = network_.dimension();
  if (attack.ball().norm != norm_ && attack.ball().radius > 0)
    throw std::invalid_argument("the attack's norm differs from the predictor's; make the predictor with that norm");
  require_inputs(points, d);
  check_labels(labels, points.count, loss, network_.outputs());
  attack.check_inputs(points);
  return visit_points(
      network_, facts_, *finder_, points, {attack.ball().radius, norm_}, network_.outputs() <= attack.gradients(),
      resolve_threads(threads), nullptr, [&](Index i, const T* x, LocalNetwork<T>& local, std::vector<NeuronId>&) {
        std::vector<T> out(static_cast<std::size_t>(d));
        attack.perturb(local, loss, x, labels[i],
                       RandomStream(seed, RandomPurpose::attack, {0, static_cast<std::uint64_t>(i)}), out.data());
        check_in_ball(x, out.data(), d, attack.ball(), network_.threshold());
        local.evaluate(out.data());
        const double reached = local.loss(loss, labels[i]);
        if (losses != nullptr) losses[i] = reached;
        if (attacked != nullptr) std::copy(out.begin(), out.end(), attacked + i * d);
      });
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace sublinear
