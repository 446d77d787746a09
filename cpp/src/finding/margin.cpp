// "margin": per input the neurons within a skin of being able to fire in its ball, asked again only when a neuron has
// drifted by the skin. Ours; like the neighbour lists that Verlet keeps in molecular dynamics.
//
// Why no neuron is missed. A pair (r, i) asked at time s and left out had a key below -skin, so r cannot fire on i
// while its drift since s is at most the skin (reach.hpp, "Drift"). `drift_[r]` is the drift since r last expired. A
// step that would take it above the skin makes r expire: it is logged and its drift starts again at 0, because whoever
// asks from now on asks the new weights. An input asks again, when it is visited, for each neuron logged since its last
// visit; so for every other neuron the drift since the pair was asked is at most drift_[r] <= skin.
#include <algorithm>

#include "finding/cached_candidates.hpp"
#include "finding/finders.hpp"
#include "finding/key_samples.hpp"
#include "finding/list_worth.hpp"
#include "finding/scan.hpp"
#include "finding/skin_model.hpp"
#include "sublinear/kernels/elementary.hpp"

namespace sublinear {
namespace {

template <class T>
class Margin final : public NeuronFinder<T> {
 public:
  explicit Margin(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        radius_(arguments.ball.radius),
        limits_(neurons_, inputs_, arguments.ball, arguments.threads),
        largest_norm_(largest_norm_bound(inputs_, Norm::two)),
        max_bytes_(arguments.max_bytes),
        model_(neurons_.count, inputs_.count, static_cast<double>(max_bytes_ / CachedCandidates<T>::kEntryBytes)),
        lowered_(static_cast<std::size_t>(neurons_.count)),
        drift_(static_cast<std::size_t>(neurons_.count)),
        expired_at_(static_cast<std::size_t>(neurons_.count), kNever),
        lists_(static_cast<std::size_t>(inputs_.count)),
        visited_at_(static_cast<std::size_t>(inputs_.count), kNever),
        dropped_(static_cast<std::size_t>(inputs_.count)),
        recent_drift_(static_cast<std::size_t>(neurons_.count)) {
    keys_ = sample_keys(neurons_, inputs_, limits_, arguments.threads);
    set_skin(model_.first_skin(keys_));
  }

  [[nodiscard]] const char* name() const noexcept override { return "margin"; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return limits_.bytes() + lowered_.capacity() * sizeof(T) +
           (drift_.capacity() + recent_drift_.capacity()) * sizeof(double) +
           (expired_at_.capacity() + visited_at_.capacity()) * sizeof(Time) + log_.capacity() * sizeof(Expiry) +
           dropped_.capacity() + lists_.capacity() * sizeof(lists_[0]) + list_bytes_;
  }

  // Without an attack also where most inputs that come again are scanned for again, or would be: rows move too far
  // between two visits. Later steps may be shorter, so lists are tried again after a while. Lists that are not asked
  // for are not kept either.
  [[nodiscard]] bool proposes_all(int threads) override {
    const FloatingPointScope scope;
    if (radius_ == 0 && idle_steps_ == 0 && (rescans_are_usual() || rescans_are_foreseen())) idle_steps_ = kIdleSteps;
    const bool all = idle_steps_ > 0 || share_.is_large(neurons_, inputs_, limits_, resolve_threads(threads));
    if (all && list_bytes_ > 0) set_skin(skin_);
    if (idle_steps_ > 0) --idle_steps_;
    if (all) {
      revisits_ = rescans_ = 0;
      look_ahead_anew();
    }
    return all;
  }

  Work candidates(const Index* inputs, Index count, int requested, CandidateLists& out) override {
    std::vector<CandidateView<T>> views;
    CandidateLists storage;
    Work work = visit(inputs, count, requested, {}, storage, views);
    work += fill_lists<NeuronId>(count, resolve_threads(requested), kInputsTogether, out,
                                 [&](Index q, std::vector<NeuronId>& part, int) {
                                   const CandidateView<T>& view = views[static_cast<std::size_t>(q)];
                                   part.insert(part.end(), view.ids, view.ids + view.count);
                                   return Work{};
                                 });
    return work;
  }

  Work visit(const Index* inputs, Index count, int requested, const KnownRows<T>& known, CandidateLists& storage,
             std::vector<CandidateView<T>>& views) override {
    require_positions(inputs, count, inputs_.count);
    const int threads = resolve_threads(requested);
    const FloatingPointScope scope;
    revise_skin();
    recent_visits_ += count;
    skin_visits_ += count;

    std::vector<Asked> fresh, current, dropped;
    const std::vector<Expired> expired = expired_since_visits(inputs, count, threads);
    for (Index k = 0; k < count; ++k) {
      const auto i = static_cast<std::size_t>(inputs[k]);
      if (dropped_[i] != 0) {
        dropped.push_back({k, inputs[k], nullptr});
        continue;
      }
      list_bytes_ -= lists_[i].bytes();
      if (visited_at_[i] == kNever) {
        fresh.push_back({k, inputs[k], nullptr});
        continue;
      }
      const auto since = std::lower_bound(expired.begin(), expired.end(), visited_at_[i],
                                          [](const Expired& each, Time time) { return each.since < time; });
      ++revisits_;
      rescans_ += since->too_many ? 1 : 0;
      (since->too_many ? fresh : current).push_back({k, inputs[k], &*since});
    }

    // Lists of inputs that are not kept go to `storage`.
    std::vector<std::vector<NeuronId>> passing(dropped.size());
    Work work = scan_dropped(dropped, threads, passing);
    work += scan_fresh(fresh, known.facts, threads);
    work += bring_up_to_date(current, known.facts, threads);
    views.assign(static_cast<std::size_t>(count), {});
    for (Index k = 0; k < count; ++k) {
      const auto i = static_cast<std::size_t>(inputs[k]);
      if (dropped_[i] != 0) continue;
      visited_at_[i] = now_;
      if (list_bytes_ + lists_[i].bytes() > max_bytes_) {
        dropped_[i] = 1;
        dropped.push_back({k, inputs[k], nullptr});
        passing.push_back(lists_[i].ids());
        lists_[i] = {};
      } else {
        list_bytes_ += lists_[i].bytes();
        views[static_cast<std::size_t>(k)] = lists_[i].view();
      }
    }
    join_lists(
        static_cast<Index>(passing.size()), threads,
        storage, [&](Index q) -> const auto& { return passing[static_cast<std::size_t>(q)]; });
    for (std::size_t q = 0; q < dropped.size(); ++q)
      views[static_cast<std::size_t>(dropped[q].position)] = {storage.begin(static_cast<Index>(q)),
                                                              storage.length(static_cast<Index>(q)), nullptr};
    for (const CandidateView<T>& view : views) work.candidates += view.count;
    return work;
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int threads) override {
    require_rows(rows, by, count, neurons_.count);
    const FloatingPointScope scope;
    limits_.refresh(rows, count, resolve_threads(threads));
    ++now_;
    ++recent_steps_;
    share_.note_step();
    for (Index k = 0; k < count; ++k) {
      const auto r = static_cast<std::size_t>(rows[k]);
      const double step = drift_bound(by[k]);
      recent_drift_[r] += step;
      const double drift = (drift_[r] + step) * (1 + kWiden);
      if (drift <= skin_) {
        drift_[r] = drift;
      } else {  // also where a bound overflowed
        drift_[r] = 0;
        expired_at_[r] = now_;
        log_.push_back({now_, rows[k]});
      }
      lower_limit(rows[k]);
    }
    trim_log();
    Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  using Time = std::int64_t;  // counted in calls of `moved`
  static constexpr Time kNever = -1;
  static constexpr std::int64_t kIdleSteps = 1024;
  static constexpr Time kForesight = 8;           // steps
  static constexpr std::int64_t kMostSteps = 64;  // between two looks at the skin
  static constexpr Time kCleaning = 8;
  static constexpr Index kSortingShare = 32;  // sorting so small a share of the neurons is less than a look at all

  struct Expiry {
    Time time;
    NeuronId row;
  };
  // The neurons that expired after a time, ascending; or just that they are too many to ask one by one.
  struct Expired {
    Time since;
    bool too_many = false;
    std::vector<NeuronId> rows;
  };
  struct Asked {
    Index position, input;
    const Expired* expired;
  };

  [[nodiscard]] double drift_bound(const Displacement& by) const {
    if (by.euclidean == 0 && by.dual == 0 && by.bias == 0) return 0;
    return (by.euclidean * largest_norm_ + limits_.reach() * by.dual + by.bias) * (1 + 8 * kWiden) + kTiny;
  }

  // A neuron is listed iff its product reaches this: comparing products with the rounded difference is exact enough,
  // because one that is below it is below the difference too.
  void lower_limit(NeuronId r) {
    lowered_[static_cast<std::size_t>(r)] = round_down<T>(static_cast<double>(limits_[r]) - skin_);
  }

  // All lists are asked anew at the next visits of their inputs, so drifts start again.
  void set_skin(double skin) {
    skin_ = skin;
    for (Index r = 0; r < neurons_.count; ++r) lower_limit(static_cast<NeuronId>(r));
    std::fill(drift_.begin(), drift_.end(), 0.0);
    std::fill(expired_at_.begin(), expired_at_.end(), kNever);
    log_.clear();
    for (CachedCandidates<T>& list : lists_) list = {};
    std::fill(visited_at_.begin(), visited_at_.end(), kNever);
    std::fill(dropped_.begin(), dropped_.end(), char{0});
    list_bytes_ = 0;
    look_ahead_anew();
  }

  void look_ahead_anew() {
    skin_since_ = now_;
    skin_visits_ = 0;
  }

  [[nodiscard]] bool rescans_are_usual() const {
    return revisits_ >= std::max(inputs_.count / 2, kSamples) && 2 * rescans_ > revisits_;
  }

  // From the neurons that expired in the first steps with this skin, each as if by chance: between two visits of an
  // input there are so many times these steps as there are inputs for each of their visits.
  [[nodiscard]] bool rescans_are_foreseen() const {
    if (now_ - skin_since_ != kForesight || skin_visits_ == 0) return false;
    const auto kept = std::count(expired_at_.begin(), expired_at_.end(), kNever);
    const double all = static_cast<double>(neurons_.count);
    const double times = static_cast<double>(inputs_.count) / static_cast<double>(skin_visits_);
    const double left = kept == 0 ? 0 : exponential(times * logarithm(static_cast<double>(kept) / all));
    return model_.scan_is_less(static_cast<Index>(all * (1 - left)));
  }

  // Looks at the skin after 2, 4, 8, ... steps of which the drift is known.
  void revise_skin() {
    if (recent_steps_ < steps_to_revision_ || recent_visits_ == 0) return;
    if (recent_keys_.inputs() >= std::min(kSamples, inputs_.count)) {
      keys_ = recent_keys_;
      recent_keys_ = {};
    }
    const double skin = model_.revised_skin(skin_, keys_, recent_drift_, recent_visits_);
    std::fill(recent_drift_.begin(), recent_drift_.end(), 0.0);
    recent_steps_ = recent_visits_ = 0;
    steps_to_revision_ = std::min(2 * steps_to_revision_, kMostSteps);
    if (skin != skin_) set_skin(skin);
  }

  // For each time at which one of the asked inputs was last visited, ascending, what expired since.
  std::vector<Expired> expired_since_visits(const Index* inputs, Index count, int threads) const {
    std::vector<Time> times;
    for (Index k = 0; k < count; ++k) times.push_back(visited_at_[static_cast<std::size_t>(inputs[k])]);
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    std::vector<Expired> expired(times.size());
    parallel_for(static_cast<Index>(times.size()), threads, 1, [&](Index begin, Index end, int) {
      for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
        expired[k].since = times[k];
        if (times[k] != kNever) collect_expired(expired[k]);
      }
    });
    return expired;
  }

  void collect_expired(Expired& expired) const {
    const auto first = std::upper_bound(log_.begin(), log_.end(), expired.since,
                                        [](Time time, const Expiry& entry) { return time < entry.time; });
    std::vector<NeuronId>& rows = expired.rows;
    if (log_.end() - first < neurons_.count / kSortingShare) {
      for (auto entry = first; entry != log_.end(); ++entry)
        if (is_last(*entry)) rows.push_back(entry->row);
      std::sort(rows.begin(), rows.end());
    } else {
      rows.resize(expired_at_.size() + 1);
      std::size_t found = 0;
      for (std::size_t r = 0; r < expired_at_.size(); ++r) {
        rows[found] = static_cast<NeuronId>(r);
        found += expired_at_[r] > expired.since ? 1 : 0;
      }
      rows.resize(found);
    }
    expired.too_many = model_.scan_is_less(static_cast<Index>(rows.size()));
    if (expired.too_many) rows = {};
  }

  // A neuron counts once, at its last expiry; earlier entries say nothing more.
  [[nodiscard]] bool is_last(const Expiry& entry) const {
    return expired_at_[static_cast<std::size_t>(entry.row)] == entry.time;
  }

  void trim_log() {
    if (log_.size() <= 2 * expired_at_.size()) return;
    log_.erase(std::remove_if(log_.begin(), log_.end(), [&](const Expiry& entry) { return !is_last(entry); }),
               log_.end());
  }

  Work scan_dropped(const std::vector<Asked>& asked, int threads, std::vector<std::vector<NeuronId>>& lists) const {
    return scan_neurons(
        neurons_, limits_.data(), static_cast<Index>(asked.size()), threads,
        [&](Index k) { return inputs_.row(asked[static_cast<std::size_t>(k)].input); },
        [&](Index k, std::vector<NeuronId>& list, const std::vector<T>&) {
          lists[static_cast<std::size_t>(k)] = std::move(list);
        });
  }

  // Asks all neurons; one input in kInputsTogether also says how its keys are spread.
  Work scan_fresh(const std::vector<Asked>& asked, const RowFact<T>* facts, int threads) {
    std::vector<KeyHistogram> parts((asked.size() + kInputsTogether - 1) / kInputsTogether);
    const Work work = scan_neurons(
        neurons_, lowered_.data(), static_cast<Index>(asked.size()), threads,
        [&](Index k) { return inputs_.row(asked[static_cast<std::size_t>(k)].input); },
        [&](Index k, const std::vector<NeuronId>& list, const std::vector<T>& products) {
          lists_[static_cast<std::size_t>(asked[static_cast<std::size_t>(k)].input)].assign(list, products, facts);
        },
        [&](Index k, Index first, Index size, const T* products) {
          if (k % kInputsTogether == 0)
            add_keys(first, size, products, limits_.data(), parts[static_cast<std::size_t>(k / kInputsTogether)]);
        });
    for (KeyHistogram& part : parts) {
      part.add_input();
      recent_keys_ += part;
    }
    return work;
  }

  // Asks the expired neurons again: those that reach their lowered limit are in the list from now on. Of the others
  // those are dropped that can have been in it, which is about those less than two skins below their limits; a neuron
  // that stays for longer than it has to only costs time, so they are dropped at some steps only.
  Work bring_up_to_date(const std::vector<Asked>& asked, const RowFact<T>* facts, int threads) {
    const T window = static_cast<T>(skin_);
    const bool cleaning = now_ % kCleaning == 0;
    parallel_for(static_cast<Index>(asked.size()), threads, 4, [&](Index begin, Index end, int) {
      typename CachedCandidates<T>::Change change;
      for (Index k = begin; k < end; ++k) {
        const Asked& one = asked[static_cast<std::size_t>(k)];
        const std::vector<NeuronId>& rows = one.expired->rows;
        if (rows.empty()) continue;
        CachedCandidates<T>& list = lists_[static_cast<std::size_t>(one.input)];
        list.prefetch_ids();
        std::vector<NeuronId>&keep = change.keep, &drop = change.drop;
        std::vector<T>& products = change.products;
        for (auto* each : {&keep, &drop}) each->resize(rows.size());
        products.resize(rows.size());
        inner_products_at(neurons_.weights, rows.data(), static_cast<Index>(rows.size()), neurons_.dimension,
                          inputs_.row(one.input), products.data());
        std::size_t kept = 0, dropped = 0;
        for (std::size_t j = 0; j < rows.size(); ++j) {
          const T lowered = lowered_[static_cast<std::size_t>(rows[j])];
          const bool in = reaches(products[j], lowered), near = reaches(products[j], lowered - window);
          keep[kept] = drop[dropped] = rows[j];
          products[kept] = products[j];  // kept <= j
          kept += in ? 1 : 0;
          dropped += cleaning && near && !in ? 1 : 0;
        }
        keep.resize(kept);
        drop.resize(dropped);
        list.apply(change, facts);
      }
    });
    Work work;
    for (const Asked& one : asked) work.rows_reasked += static_cast<std::int64_t>(one.expired->rows.size());
    work.inner_products = work.rows_reasked;
    return work;
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  double radius_;
  RowLimits<T> limits_;
  double largest_norm_;  // of an input, Euclidean
  std::size_t max_bytes_;
  SkinModel model_;

  double skin_ = 0;
  std::vector<T> lowered_;     // limit - skin
  std::vector<double> drift_;  // per neuron, since it last expired
  Time now_ = 0;
  std::vector<Expiry> log_;       // by time, then row
  std::vector<Time> expired_at_;  // per neuron

  std::vector<CachedCandidates<T>> lists_;  // per input
  std::vector<Time> visited_at_;            // kNever: there is no list
  std::vector<char> dropped_;               // inputs whose list did not fit
  std::size_t list_bytes_ = 0;

  KeyHistogram keys_, recent_keys_;   // of the last period that saw enough scans, and of this one
  std::vector<double> recent_drift_;  // per neuron, in this period
  std::int64_t recent_steps_ = 0, recent_visits_ = 0, steps_to_revision_ = 2;

  CandidateShare<T> share_;
  std::int64_t revisits_ = 0, rescans_ = 0;  // of inputs that had a list, and those whose list was of no use
  Time skin_since_ = 0;                      // the skin is as it is,
  std::int64_t skin_visits_ = 0;             // and so many inputs were visited since
  std::int64_t idle_steps_ = 0;              // for so many more, lists are not asked for
};

}  // namespace

template <class T>
FinderPointer<T> make_margin(const FinderArguments<T>& arguments) {
  return std::make_unique<Margin<T>>(arguments);
}
template FinderPointer<float> make_margin<float>(const FinderArguments<float>&);
template FinderPointer<double> make_margin<double>(const FinderArguments<double>&);

}  // namespace sublinear
