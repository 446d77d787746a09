// When each row moved last, and what the steps that it missed since would have done to it without a gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "sublinear/kernels/require.hpp"
#include "sublinear/training/optimizer.hpp"

namespace sublinear {

// A step without a gradient, or several, are linear in a weight w and its momentum b: w becomes ww w + wb b, and b
// becomes bw w + bb b.
struct FreeSteps {
  double ww = 1, wb = 0, bw = 0, bb = 1;

  // First `before`, then this.
  [[nodiscard]] FreeSteps after(const FreeSteps& before) const noexcept {
    return {ww * before.ww + wb * before.bw, ww * before.wb + wb * before.bb, bw * before.ww + bb * before.bw,
            bw * before.wb + bb * before.bb};
  }
};

// A row misses fewer steps than this: then it takes them, whether or not an input makes it fire.
inline constexpr std::int64_t kMostMissed = 1024;

// Rows that remember something (are "alive") move in every step, or, `lazy`, when they fire: then they first take the
// steps that they missed. Neurons may be asked and told at the same time.
class RowAges {
 public:
  RowAges(Index width, bool lazy, bool alive)
      : lazy_(lazy),
        last_(static_cast<std::size_t>(width)),
        alive_(static_cast<std::size_t>(width), alive ? 1 : 0),
        rates_(static_cast<std::size_t>(kMostMissed)),
        table_(static_cast<std::size_t>(kMostMissed)) {}

  // Steps done.
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  // Whether a row is to move although it did not fire.
  [[nodiscard]] bool due(NeuronId r) const noexcept {
    return alive_.data()[r] != 0 && (!lazy_ || steps_ - last_.data()[r] >= kMostMissed - 1);
  }

  // `step_of` tells what a step with a rate does. Products run from the latest step to the earliest.
  template <class StepOf>
  void prepare(double rate, const StepOf& step_of) {
    rate_ = rate;
    most_ = {};
    reach_ = lazy_ ? std::min(steps_, kMostMissed - 1) : 0;
    for (std::int64_t k = 1; k <= reach_; ++k) {
      const FreeSteps& all = table_.data()[k] =
          table_.data()[k - 1].after(step_of(rates_.data()[(steps_ - k) % kMostMissed]));
      most_.ww = std::max(most_.ww, std::abs(all.ww)), most_.wb = std::max(most_.wb, std::abs(all.wb));
      most_.bw = std::max(most_.bw, std::abs(all.bw)), most_.bb = std::max(most_.bb, std::abs(all.bb));
    }
  }
  // What the row missed, or null; needs `prepare`.
  [[nodiscard]] const FreeSteps* missed(NeuronId r) const noexcept {
    const std::int64_t count = std::min(steps_ - last_.data()[r], reach_);
    return alive_.data()[r] != 0 && count > 0 ? table_.data() + count : nullptr;
  }
  // The largest entries, in size, of all that rows may have missed.
  [[nodiscard]] const FreeSteps& most() const noexcept { return most_; }

  // The row has moved in this step.
  void touch(NeuronId r, bool alive) noexcept {
    last_.data()[r] = steps_ + 1;
    alive_.data()[r] = alive ? 1 : 0;
  }
  void finish() noexcept {
    rates_.data()[steps_ % kMostMissed] = rate_;
    ++steps_;
  }

  void save(std::map<std::string, std::vector<double>>& numbers) const {
    std::vector<double> rates;
    for (std::int64_t s = std::max<std::int64_t>(0, steps_ - kMostMissed); s < steps_; ++s)
      rates.push_back(rates_.data()[s % kMostMissed]);
    numbers["steps"] = {static_cast<double>(steps_)};
    numbers["rates"] = std::move(rates);
    numbers["moved_at"].assign(last_.begin(), last_.end());
    numbers["alive"].assign(alive_.begin(), alive_.end());
  }

  // Throws std::invalid_argument for what `save` cannot have written.
  void load(const std::map<std::string, std::vector<double>>& numbers) {
    const auto at = [&](const char* name) -> const std::vector<double>& {
      const auto found = numbers.find(name);
      require(found != numbers.end() && numbers.size() == 4,
              "the state is that of another optimizer; give one that this one returned");
      return found->second;
    };
    const auto &steps = at("steps"), &rates = at("rates"), &moved = at("moved_at"), &alive = at("alive");
    const auto whole = [](double v) { return v >= 0 && v < 0x1p53 && v == std::floor(v); };
    bool fits = steps.size() == 1 && whole(steps[0]) && moved.size() == last_.size() && alive.size() == last_.size();
    fits = fits && static_cast<double>(rates.size()) == std::min(steps[0], static_cast<double>(kMostMissed));
    for (const double rate : rates) fits = fits && rate >= 0 && std::isfinite(rate);
    for (std::size_t r = 0; fits && r < last_.size(); ++r)
      fits = whole(moved[r]) && moved[r] <= steps[0] && (alive[r] == 0 || alive[r] == 1);
    require(
        fits,
        "the optimizer's state does not fit the network, or is damaged; give one that was returned for such a network");
    steps_ = static_cast<std::int64_t>(steps[0]);
    for (std::size_t r = 0; r < last_.size(); ++r) {
      last_[r] = static_cast<std::int64_t>(moved[r]);
      alive_[r] = alive[r] != 0 ? 1 : 0;
    }
    const std::int64_t first = steps_ - static_cast<std::int64_t>(rates.size());
    for (std::int64_t s = first; s < steps_; ++s) rates_.data()[s % kMostMissed] = rates.data()[s - first];
  }

 private:
  bool lazy_;
  std::int64_t steps_ = 0, reach_ = 0;
  std::vector<std::int64_t> last_;  // steps done when the row moved last, that step included
  std::vector<char> alive_;
  std::vector<double> rates_;     // of the last steps: that of step s at s modulo their number
  std::vector<FreeSteps> table_;  // of k missed steps at k
  FreeSteps most_;
  double rate_ = 0;
};

// Applies missed steps to `count` weights and their momenta, in T.
template <class T>
void take_missed(const FreeSteps& missed, T* weights, T* momenta, Index count) noexcept {
  const T ww = static_cast<T>(missed.ww), wb = static_cast<T>(missed.wb), bw = static_cast<T>(missed.bw),
          bb = static_cast<T>(missed.bb);
  for (Index j = 0; j < count; ++j) {
    const T w = weights[j], b = momenta[j];
    weights[j] = ww * w + wb * b;
    momenta[j] = bw * w + bb * b;
  }
}

// What rows, or biases, remember: the arrays of a state by name.
template <class T>
[[nodiscard]] inline const std::vector<T>& array_of(const OptimizerState<T>& state, const char* name,
                                                    std::size_t size) {
  const auto found = state.values.find(name);
  require(
      found != state.values.end() && found->second.size() == size &&
          std::all_of(found->second.begin(), found->second.end(), [](T v) { return std::isfinite(v); }),
      "the optimizer's state does not fit the network, or is damaged; give one that was returned for such a network");
  return found->second;
}

}  // namespace sublinear
