#include "sublinear/training/predictor.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "finding/scan.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/require.hpp"
#include "training/attack_driver.hpp"
#include "training/batch_driver.hpp"
#include "training/input_block.hpp"
#include "training/row_facts.hpp"

namespace sublinear {
namespace {

// Visits every point: visit(position, x, the candidates in its ball, scratch, list), in blocks. What visit appends to
// `list` comes back in `out` where that is not null.
template <class T, class Visit>
Work visit_points(const TwoLayerNetwork<T>& network, const NeuronFinder<T>& finder, Points<T> points, double radius,
                  int threads, CandidateLists* out, Visit&& visit) {
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

// Visits all points in groups: visit(position of the first, their rows, network), which returns how many neurons fired.
template <class T, class Visit>
Work visit_groups(const TwoLayerNetwork<T>& network, Points<T> points, int threads, Visit&& visit) {
  const Index group = inputs_per_group<T>(network.width(), points.count, threads);
  std::vector<GroupNetwork<T>> scratch(static_cast<std::size_t>(threads));
  std::vector<Work> works(static_cast<std::size_t>((points.count + group - 1) / group));
  parallel_for(points.count, threads, group, [&](Index begin, Index end, int worker) {
    GroupNetwork<T>& own = scratch[static_cast<std::size_t>(worker)];
    std::vector<const T*> rows;
    for (Index i = begin; i < end; ++i) rows.push_back(points.row(i));
    Work& work = works[static_cast<std::size_t>(begin / group)];
    visit(begin, rows, own);
    work = own.take_work();
    work.candidates = (end - begin) * network.width();
    for (Index i = 0; i < end - begin; ++i) work.fired += static_cast<std::int64_t>(own.fired(i).size());
  });
  Work total;
  for (const Work& work : works) total += work;
  return total;
}

// Visits all points, at most BatchDriver<T>::kMost at a time: visit(position of the first, the candidates of each in
// its ball), which returns its work. Without a finder all neurons are candidates.
template <class T, class Visit>
Work visit_batches(const TwoLayerNetwork<T>& network, const NeuronFinder<T>* finder, Points<T> points, double radius,
                   int threads, Visit&& visit) {
  std::vector<NeuronId> all(static_cast<std::size_t>(finder == nullptr ? network.width() : 0));
  std::iota(all.begin(), all.end(), NeuronId{0});
  CandidateLists lists;
  Work work;
  for (Index begin = 0; begin < points.count; begin += BatchDriver<T>::kMost) {
    const Index size = std::min(BatchDriver<T>::kMost, points.count - begin);
    const WatchedPart part(static_cast<double>(begin) / static_cast<double>(points.count),
                           static_cast<double>(begin + size) / static_cast<double>(points.count));
    if (finder != nullptr)
      work += finder->candidates_at({points.row(begin), size, points.dimension}, radius, threads, lists);
    std::vector<CandidateView<T>> views;
    for (Index k = 0; k < size; ++k)
      views.push_back(finder == nullptr ? CandidateView<T>{all.data(), network.width(), {}}
                                        : CandidateView<T>{lists.begin(k), lists.length(k), {}});
    if (finder == nullptr) work.candidates += size * network.width();
    work += visit(begin, views);
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

// An attack on inputs and the judgement of where it ends. Each run begins anew, so that what others did before changes
// none of its bits; and points are judged by what `decision_function` gives there, not by the linear form.
template <class T>
struct Judged {
  const TwoLayerNetwork<T>& network;
  const RowFacts<T>& facts;
  Points<T> points;
  const double* labels;
  const Attack<T>& attack;
  const Loss& loss;
  std::uint64_t seed;
  T* attacked;  // or null, as the two below
  double* losses;
  bool* right;

  bool linear() const { return linear_form_is_cheaper(network.outputs(), attack.gradients()); }
  double reach() const { return euclidean_radius(attack.ball(), network.dimension()); }
  RandomStream random_of(Index i) const {
    return RandomStream(seed, RandomPurpose::attack, {0, static_cast<std::uint64_t>(i)});
  }
  void report(Index i, const WorstPoint<T>& worst) const {
    if (losses != nullptr) losses[i] = worst.highest;
    if (right != nullptr) right[i] = worst.right;
    if (attacked != nullptr) std::copy(worst.point.begin(), worst.point.end(), attacked + i * network.dimension());
  }

  void attack_group(Index first, const std::vector<const T*>& rows, GroupNetwork<T>& group) const {
    const auto count = static_cast<Index>(rows.size());
    const Index d = network.dimension();
    std::vector<std::vector<T>> ends(rows.size(), std::vector<T>(static_cast<std::size_t>(d)));
    std::vector<GroupMember<T>> members;
    std::vector<T*> out;
    for (Index i = 0; i < count; ++i) {
      out.push_back(ends[static_cast<std::size_t>(i)].data());
      members.push_back({rows[static_cast<std::size_t>(i)], labels[first + i], random_of(first + i), out.back()});
    }
    std::vector<WorstPoint<T>> worst(rows.size());
    const auto judge = [&](const T* const* at) {
      group.start(network, facts.view(), at, count, 0, false);
      for (Index i = 0; i < count; ++i)
        worst[static_cast<std::size_t>(i)].add(at[i], d, group.loss(i, loss, labels[first + i]),
                                               group.correct(i, loss, labels[first + i]));
    };
    GroupDriver<T> driver(attack, loss, d);
    for (int k = 0; k < attack.runs(); ++k) {
      group.start(network, facts.view(), rows.data(), count, reach(), linear());
      driver.drive_run(k, group, members, out.data());
      for (const GroupMember<T>& each : members) check_in_ball(each.x, each.out, d, attack.ball(), network.threshold());
      judge(out.data());
    }
    judge(rows.data());
    for (Index i = 0; i < count; ++i) report(first + i, worst[static_cast<std::size_t>(i)]);
  }

  Work attack_batch(Index first, const std::vector<CandidateView<T>>& candidates, int threads) const {
    const auto count = static_cast<Index>(candidates.size());
    const Index d = network.dimension();
    std::vector<BatchMember<T>> members;
    for (Index i = first; i < first + count; ++i)
      members.push_back({points.row(i), labels[i], random_of(i), candidates[static_cast<std::size_t>(i - first)]});
    std::vector<WorstPoint<T>> worst(candidates.size());
    BatchDriver<T> runs(network, facts, attack, loss, threads), judges(network, facts, attack, loss, threads);
    Work work;
    const auto judge = [&](const T* at) {
      judges.take(members, false);
      judges.move(at);
      judges.judge();
      for (Index i = 0; i < count; ++i) {
        const bool is_right = judges.member(i).correct(loss, labels[first + i]);
        worst[static_cast<std::size_t>(i)].add(at + i * d, d, judges.losses()[static_cast<std::size_t>(i)], is_right);
        work.fired += static_cast<std::int64_t>(judges.member(i).fired().size());
      }
      work += judges.take_work();
    };
    std::vector<T> ends(candidates.size() * static_cast<std::size_t>(d));
    runs.take(members, linear());
    for (int k = 0; k < attack.runs(); ++k) {
      if (k > 0) runs.begin(linear());
      runs.drive_run(k, ends.data());
      work += runs.take_work();
      judge(ends.data());
    }
    judge(points.row(first));
    for (Index i = 0; i < count; ++i) report(first + i, worst[static_cast<std::size_t>(i)]);
    return work;
  }

  void attack_input(Index i, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local) const {
    const Index d = network.dimension();
    // What is cached at x makes all other points cheap.
    std::vector<CachedProduct<T>> cached(static_cast<std::size_t>(candidates.count));
    candidates.cached = cached.data();
    const auto begin = [&](bool by_linear_form) {
      local.attach(network, facts, {candidates, by_linear_form, reach()});
      local.evaluate(x);
    };
    WorstPoint<T> worst;
    const auto judge = [&](const T* point) {
      begin(false);
      local.evaluate(point);
      const double reached = local.loss(loss, labels[i]);
      worst.add(point, d, reached, local.correct(loss, labels[i]));
    };
    std::vector<T> end(static_cast<std::size_t>(d));
    RandomStream random = random_of(i);
    const std::unique_ptr<AttackRun<T>> run = attack.make_run(d);
    for (int k = 0; k < attack.runs(); ++k) {
      begin(linear());
      drive_run(*run, k, local, loss, x, labels[i], random, end.data());
      check_in_ball(x, end.data(), d, attack.ball(), network.threshold());
      judge(end.data());
    }
    judge(x);
    report(i, worst);
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
  facts_ = std::make_unique<RowFacts<T>>(*network_, threads);
  if (index.empty() && !index_factory && d <= kMostComponents) {  // groups look at all neurons
    facts_->keep_strips(network_->weights(), threads);
    return;
  }
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
  if (facts_ == nullptr) throw std::logic_error("the predictor was moved from; use the one it was moved to");
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
  require_inputs(points, network.dimension());
  const auto by_groups = [&](Index first, const std::vector<const T*>& rows, GroupNetwork<T>& group) {
    const auto count = static_cast<Index>(rows.size());
    group.start(network, facts_->view(), rows.data(), count, 0, false);
    for (Index i = 0; i < count; ++i)
      std::copy(group.values(i).begin(), group.values(i).end(), outputs + (first + i) * c);
  };
  const auto by_lists = [&](Index i, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local,
                            std::vector<NeuronId>&) {
    local.attach(network, *facts_, {candidates});
    local.evaluate(x);
    std::copy(local.values().begin(), local.values().end(), outputs + i * c);
  };
  const int workers = resolve_threads(threads);
  const Work work = finder_ == nullptr ? visit_groups(network, points, workers, by_groups)
                                       : visit_points(network, *finder_, points, 0, workers, nullptr, by_lists);
  require_unchanged();
  return work;
}

template <class T>
Work Predictor<T>::fired(Points<T> points, int threads, CandidateLists& out) const {
  const TwoLayerNetwork<T>& network = current();
  require_inputs(points, network.dimension());
  const int workers = resolve_threads(threads);
  Work work;
  if (finder_ == nullptr) {
    std::vector<std::vector<NeuronId>> lists(static_cast<std::size_t>(points.count));
    work = visit_groups(network, points, workers,
                        [&](Index first, const std::vector<const T*>& rows, GroupNetwork<T>& group) {
                          const auto count = static_cast<Index>(rows.size());
                          group.start(network, facts_->view(), rows.data(), count, 0, true);
                          for (Index i = 0; i < count; ++i) lists[static_cast<std::size_t>(first + i)] = group.fired(i);
                        });
    join_lists(
        points.count, workers, out, [&](Index k) -> const auto& { return lists[static_cast<std::size_t>(k)]; });
  } else {
    work = visit_points(
        network, *finder_, points, 0, workers, &out,
        [&](Index, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local, std::vector<NeuronId>& list) {
          local.attach(network, *facts_, {candidates});
          local.evaluate(x);
          list.insert(list.end(), local.fired().begin(), local.fired().end());
        });
  }
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
  const Judged<T> judged{network, *facts_, points, labels, attack, loss, seed, attacked, losses, right};
  const int workers = resolve_threads(threads);
  const Work work =
      wants_batches(attack, loss) ? visit_batches(network, finder_.get(), points, attack.ball().radius, workers,
                                                  [&](Index first, const std::vector<CandidateView<T>>& candidates) {
                                                    return judged.attack_batch(first, candidates, workers);
                                                  })
      : finder_ == nullptr
          ? visit_groups(network, points, workers, [&](auto&&... group) { judged.attack_group(group...); })
          : visit_points(network, *finder_, points, attack.ball().radius, workers, nullptr,
                         [&](Index i, const T* x, CandidateView<T> candidates, LocalNetwork<T>& local, auto&) {
                           judged.attack_input(i, x, candidates, local);
                         });
  require_unchanged();
  return work;
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace sublinear
