#include "training/step/batch_attack.hpp"

#include <algorithm>
#include <utility>

#include "finding/scan.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/random.hpp"
#include "training/input_block.hpp"
#include "training/visiting_order.hpp"

namespace sublinear {
namespace {

// A list with its cached products, while it is of a size that the caches nearby hold until it is needed.
template <class T>
void prefetch_list(const CandidateView<T>& list) {
  constexpr Index kMost = 2048;
  prefetch(list.ids, std::min(list.count, kMost));
  if (list.cached != nullptr) prefetch(list.cached, std::min(list.count, kMost));
}

// A worker attacks at most so many inputs that are alike one after the other.
constexpr Index kMostAlike = 8;

}  // namespace

template <class T>
BatchAttack<T>::BatchAttack(const TrainingTask<T>& task)
    : task_(task), scratch_(static_cast<std::size_t>(task.threads)) {
  for (Scratch& each : scratch_) {
    if (wants_batches(*task.options.attack, *task.options.loss)) break;
    each.run = task.options.attack->make_run(task.d);
    each.driver = std::make_unique<GroupDriver<T>>(*task.options.attack, *task.options.loss, task.d);
  }
}

template <class T>
Work BatchAttack<T>::attack(const Batch& batch, CurrentFinder<T>& finder, bool must_keep, AttackedBatch<T>& out) {
  const Index count = batch.size(), width = task_.network.width();
  const std::size_t max_bytes = task_.options.finder.max_bytes;
  if (ranks_.empty() && outgrows_caches<T>(width, task_.d)) ranks_ = similarity_ranks<T>(task_.points());
  out.points.resize(static_cast<std::size_t>(count * task_.d));
  out.clean_losses.resize(batch.inputs.size());
  out.robust_losses.resize(batch.inputs.size());
  out.gradients.resize(static_cast<std::size_t>(count * task_.c));
  // (With an approximate finder the update would find other neurons too, so its lists are always kept.)
  out.fired.start(width, must_keep || !finder.exact(), max_bytes);
  const bool batched = wants_batches(*task_.options.attack, *task_.options.loss);
  const bool grouped = !batched && task_.d <= kMostComponents && finder.proposes_all();
  if (grouped) finder.facts().keep_strips(task_.network.weights(), task_.threads);
  Work work;
  Lists lists;
  CandidateLists fired;
  const Index most = inputs_per_block(width, count, max_bytes);
  for (Index begin = 0; begin < count; begin += most) {
    const Block block{batch, begin, std::min(most, count - begin), finder, out};
    const double share = static_cast<double>(begin) / static_cast<double>(count);
    tell_progress(share);
    finder.require_unchanged();
    const WatchedPart part(share, static_cast<double>(begin + block.size) / static_cast<double>(count));
    out.fired.lend(fired);
    work += batched   ? attack_by_batch(block, lists, fired)
            : grouped ? attack_in_groups(block, fired)
                      : attack_in_lists(block, lists, fired);
    out.fired.add(std::move(fired));
  }
  return work;
}

template <class T>
void BatchAttack<T>::tell_progress(double share) const {
  if (!task_.options.progress) return;
  const Unwatched within;
  task_.options.progress(share);
}

// The random starts of an input in this epoch.
template <class T>
RandomStream BatchAttack<T>::random_of(const Batch& batch, Index input) const {
  return {task_.options.seed,
          RandomPurpose::attack,
          {static_cast<std::uint64_t>(batch.epoch), static_cast<std::uint64_t>(input)}};
}

template <class T>
void BatchAttack<T>::take_loss_gradient(AttackedBatch<T>& out, Index position,
                                        const std::vector<double>& gradient) const {
  std::copy(gradient.begin(), gradient.end(), out.gradients.begin() + position * task_.c);
}

// Each input by itself, in the list of its candidates.
template <class T>
Work BatchAttack<T>::attack_in_lists(const Block& block, Lists& lists, CandidateLists& fired) {
  Work work = block.finder.visit(block.batch.inputs.data() + block.begin, block.size, lists.storage, lists.views);
  const std::vector<Index> order = visiting_order(ranks_, block.batch.inputs.data() + block.begin, block.size);
  const Index* const visits = order.data();
  const Index alike = std::clamp<Index>(block.size / (16 * task_.threads), 1, kMostAlike);
  const bool keep = block.out.fired.kept();
  const auto attack = [&](Index visit, std::vector<NeuronId>& list, int worker) {
    Scratch& own = scratch_.data()[worker];
    const Index k = visits[visit];
    if (visit + 1 < block.size) prefetch_list(lists.views.data()[visits[visit + 1]]);  // likely its next
    Work done = attack_in_list(block, block.begin + k, lists.views.data()[k], own);
    done.fired += static_cast<std::int64_t>(own.local.fired().size());
    if (keep) list.insert(list.end(), own.local.fired().begin(), own.local.fired().end());
    return done;
  };
  work += fill_lists<NeuronId>(block.size, task_.threads, alike, fired, attack, visits);
  return work;
}

template <class T>
Work BatchAttack<T>::attack_in_list(const Block& block, Index position, const CandidateView<T>& candidates,
                                    Scratch& own) {
  const Loss& loss = *task_.options.loss;
  const Attack<T>& attack = *task_.options.attack;
  const Index input = block.batch.input(position);
  const T* const x = task_.input(input);
  T* const out = block.out.points.data() + position * task_.d;
  const double label = task_.label(input);
  own.local.attach(task_.network, block.finder.facts(),
                   {candidates, task_.linear(), euclidean_radius(attack.ball(), task_.d)});
  own.local.evaluate(x);
  block.out.clean_losses.data()[position] = own.local.loss(loss, label);
  drive_attack(attack, *own.run, own.local, loss, x, label, random_of(block.batch, input), out);
  check_in_ball(x, out, task_.d, attack.ball(), task_.network.threshold());
  own.local.evaluate(out);
  block.out.robust_losses.data()[position] = own.local.loss(loss, label);
  take_loss_gradient(block.out, position, own.local.output_gradient());
  return own.local.take_work();
}

// The inputs in groups, looking at all neurons.
template <class T>
Work BatchAttack<T>::attack_in_groups(const Block& block, CandidateLists& fired) {
  const int threads = task_.threads;
  const Index size = block.size, group = inputs_per_group<T>(task_.network.width(), size, threads);
  const bool keep = block.out.fired.kept();
  std::vector<Work> works(static_cast<std::size_t>((size + group - 1) / group));
  std::vector<std::vector<NeuronId>> fired_there(static_cast<std::size_t>(keep ? size : 0));
  parallel_for(size, threads, group, [&](Index first, Index end, int worker) {
    Scratch& own = scratch_.data()[worker];
    Work& work = works.data()[first / group];
    work = attack_group(block, block.begin + first, end - first, own);
    for (Index k = first; k < end; ++k) {
      const std::vector<NeuronId>& list = own.group.fired(k - first);
      work.fired += static_cast<std::int64_t>(list.size());
      if (keep) fired_there.data()[k] = list;
    }
  });
  if (keep)
    join_lists(
        size, threads, fired, [&](Index k) -> const auto& { return fired_there.data()[k]; });
  Work total;
  for (const Work& work : works) total += work;
  return total;
}

// Many inputs at a time, each in the list of its candidates.
template <class T>
Work BatchAttack<T>::attack_by_batch(const Block& block, Lists& lists, CandidateLists& fired) {
  Work work = block.finder.visit(block.batch.inputs.data() + block.begin, block.size, lists.storage, lists.views);
  BatchDriver<T> driver(task_.network, block.finder.facts(), *task_.options.attack, *task_.options.loss, task_.threads);
  std::vector<std::vector<NeuronId>> fired_there(static_cast<std::size_t>(block.size));
  for (Index begin = 0; begin < block.size; begin += BatchDriver<T>::kMost) {
    const Index count = std::min(BatchDriver<T>::kMost, block.size - begin);
    std::vector<BatchMember<T>> members;
    for (Index k = begin; k < begin + count; ++k) {
      const Index input = block.batch.input(block.begin + k);
      members.push_back({task_.input(input), task_.label(input), random_of(block.batch, input), lists.views.data()[k]});
    }
    attack_members(block, block.begin + begin, std::move(members), driver);
    for (Index k = 0; k < count; ++k) {
      const std::vector<NeuronId>& list = driver.member(k).fired();
      work.fired += static_cast<std::int64_t>(list.size());
      if (block.out.fired.kept()) fired_there.data()[begin + k] = list;
    }
    work += driver.take_work();
  }
  if (block.out.fired.kept())
    join_lists(
        block.size, task_.threads, fired, [&](Index k) -> const auto& { return fired_there.data()[k]; });
  return work;
}

// At the positions from `first` on.
template <class T>
void BatchAttack<T>::attack_members(const Block& block, Index first, std::vector<BatchMember<T>> members,
                                    BatchDriver<T>& driver) {
  const auto take_losses = [&](std::vector<double>& out) {
    driver.judge();
    std::copy(driver.losses().begin(), driver.losses().end(), out.begin() + first);
  };
  driver.take(std::move(members), task_.linear());
  take_losses(block.out.clean_losses);
  T* const ends = block.out.points.data() + first * task_.d;
  driver.drive_attack(ends);
  driver.move(ends);
  take_losses(block.out.robust_losses);
  std::copy_n(driver.output_gradient(0), driver.size() * task_.c, block.out.gradients.data() + first * task_.c);
}

// The inputs at `count` positions of the batch from `first` on.
template <class T>
Work BatchAttack<T>::attack_group(const Block& block, Index first, Index count, Scratch& own) {
  const Loss& loss = *task_.options.loss;
  const Ball ball = task_.ball();
  std::vector<GroupMember<T>> members;
  std::vector<const T*> points;
  std::vector<T*> ends;
  std::vector<Index> all;
  for (Index k = 0; k < count; ++k) {
    const Index input = block.batch.input(first + k);
    T* const out = block.out.points.data() + (first + k) * task_.d;
    members.push_back({task_.input(input), task_.label(input), random_of(block.batch, input), out});
    points.push_back(members.back().x);
    ends.push_back(out);
    all.push_back(k);
  }
  own.group.start(task_.network, block.finder.facts().view(), points.data(), count, euclidean_radius(ball, task_.d),
                  task_.linear());
  for (Index k = 0; k < count; ++k)
    block.out.clean_losses.data()[first + k] = own.group.loss(k, loss, members.data()[k].label);
  own.driver->drive_attack(own.group, members);
  for (const GroupMember<T>& each : members) check_in_ball(each.x, each.out, task_.d, ball, task_.network.threshold());
  GroupDriver<T>::move(own.group, all, ends.data());
  for (Index k = 0; k < count; ++k) {
    block.out.robust_losses.data()[first + k] = own.group.loss(k, loss, members.data()[k].label);
    take_loss_gradient(block.out, first + k, own.group.output_gradient(k));
  }
  Work work = own.group.take_work();
  work.candidates = count * task_.network.width();
  return work;
}

template class BatchAttack<float>;
template class BatchAttack<double>;

}  // namespace sublinear
