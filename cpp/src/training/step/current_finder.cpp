#include "training/step/current_finder.hpp"

#include <new>
#include <stdexcept>
#include <utility>

#include "finding/finders.hpp"
#include "kernels/watch.hpp"

namespace sublinear {

template <class T>
CurrentFinder<T>::CurrentFinder(const TrainingTask<T>& task, OverflowGuard<T>& guard) : task_(task), guard_(guard) {
  const WatchScope told(task.options.progress);
  build();
}

template <class T>
void CurrentFinder<T>::build() {
  const FloatingPointScope scope;
  finder_.reset();                                        // first, so that two structures are never held at once
  const std::uint64_t version = task_.network.version();  // a callback may change it meanwhile
  guard_.measure_network();
  facts_ = RowFacts<T>(task_.network, task_.threads);
  const TrainerOptions<T>& options = task_.options;
  const Neurons<T> neurons = task_.network.neurons();
  finder_ = options.finder_factory ? make_finder<T>(options.finder_factory, neurons, task_.points(), task_.ball(),
                                                    options.finder, task_.threads)
                                   : make_finder<T>(options.strategy, neurons, task_.points(), task_.ball(),
                                                    options.finder, task_.threads, options.index_factory);
  version_ = version;
}

template <class T>
void CurrentFinder<T>::refresh() {
  task_.require_same_network();
  if (finder_ == nullptr || version_ != task_.network.version()) build();
}

template <class T>
void CurrentFinder<T>::require_unchanged() const {
  if (task_.network.version() != version_)
    throw std::logic_error(
        "a callback of the trainer changed or moved the network in the middle of a call; let it "
        "note what it wants to do, and do it between calls");
}

template <class T>
const NeuronFinder<T>& CurrentFinder<T>::get() const {
  if (finder_ == nullptr)
    throw std::logic_error("there is no structure since a call failed; the next step builds it again");
  return *finder_;
}

// The finder may be stopped while it brings its answers up to date.
template <class T>
template <class Call>
auto CurrentFinder<T>::ask(const Call& call) {
  try {
    return call();
  } catch (...) {
    finder_.reset();
    throw;
  }
}

template <class T>
bool CurrentFinder<T>::proposes_all() {
  return ask([&] { return finder_->proposes_all(task_.threads); });
}

template <class T>
Work CurrentFinder<T>::visit(const Index* inputs, Index count, CandidateLists& storage,
                             std::vector<CandidateView<T>>& views) {
  return ask([&] { return finder_->visit(inputs, count, task_.threads, facts_.view(), storage, views); });
}

template <class T>
Work CurrentFinder<T>::candidates(const Index* inputs, Index count, CandidateLists& out) {
  return ask([&] {
    const Work work = finder_->candidates(inputs, count, task_.threads, out);
    require_unchanged();
    return work;
  });
}

template <class T>
Work CurrentFinder<T>::tell_moved(const MovedRows& moved) {
  try {
    const std::uint64_t version = task_.network.version();
    const Work work =
        finder_->moved(moved.rows.data(), moved.by.data(), static_cast<Index>(moved.rows.size()), task_.threads);
    version_ = version;
    return work;
  } catch (const std::bad_alloc&) {  // the step is done: the next one builds the structure again, or says why not
    finder_.reset();
  } catch (...) {
    finder_.reset();
    const Watch* const watch = current_watch();
    if (watch == nullptr || !watch->has_stopped()) throw;  // an index or a strategy of the application's own
    stopped_late_ = std::current_exception();              // the step is done; the next one begins with that
  }
  return {};
}

template <class T>
void CurrentFinder<T>::throw_late() {
  if (stopped_late_) std::rethrow_exception(std::exchange(stopped_late_, nullptr));
}

template class CurrentFinder<float>;
template class CurrentFinder<double>;

}  // namespace sublinear
