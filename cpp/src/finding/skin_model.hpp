// Chooses the skin of "margin" from counts and constants.
#pragma once

#include <cstdint>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// How many keys lie how far below 0, for a few inputs. Bins are geometric, four to a factor of two.
class KeyHistogram {
 public:
  static constexpr int kBins = 512;

  // The bin of a number > 0, and the largest number in a bin.
  [[nodiscard]] static int bin_of(double value);
  [[nodiscard]] static double edge(int bin);

  KeyHistogram() : below_(kBins) {}
  void add_key(double key) {
    if (key < 0)
      ++below_[static_cast<std::size_t>(bin_of(-key))];
    else
      ++able_;
  }
  void add_input() { ++inputs_; }
  KeyHistogram& operator+=(const KeyHistogram& other);

  [[nodiscard]] std::int64_t inputs() const noexcept { return inputs_; }
  // Keys per input that are not negative; and those in a bin.
  [[nodiscard]] double able() const { return static_cast<double>(able_) / static_cast<double>(inputs_); }
  [[nodiscard]] double below(int bin) const {
    return static_cast<double>(below_[static_cast<std::size_t>(bin)]) / static_cast<double>(inputs_);
  }

 private:
  std::vector<std::int64_t> below_;
  std::int64_t able_ = 0, inputs_ = 0;
};

// The unit of cost is one inner product of the full dimension. A visit of an input costs
//
//   kEntryCost for each neuron that is in its list only because of the skin, and kAskCost for each neuron that expired
//   since the last visit, or one for every neuron where a scan is less.
//
// Both constants were measured (digits, width 2^11 ... 2^16, full batches and batches of 64 and 128): an entry is
// bounded twice and, where rows move as far as the skin between two visits, read; asking changes the list.
//
// A wide skin makes lists long, a narrow one makes neurons expire often. Between two visits a neuron that drifts by D
// expires D / skin times, and is asked again once if at all.
class SkinModel {
 public:
  static constexpr double kEntryCost = 4;
  static constexpr double kAskCost = 2;
  // A new skin has to be worth the scans it costs within this many visits of each input, and cheaper by a tenth.
  static constexpr double kVisitsAhead = 16;
  static constexpr double kWorthwhile = 0.9;

  // Lists of all `inputs` together may have `max_entries` entries.
  SkinModel(Index neurons, Index inputs, double max_entries)
      : neurons_(static_cast<double>(neurons)), inputs_(static_cast<double>(inputs)), max_entries_(max_entries) {}

  // Whether asking `expired` neurons again costs more than asking all.
  [[nodiscard]] bool scan_is_less(Index expired) const noexcept {
    return kAskCost * static_cast<double>(expired) > neurons_;
  }

  // Before any drift is known: lists a quarter longer than they have to be.
  [[nodiscard]] double first_skin(const KeyHistogram& keys) const;

  // The skin to use from now on: `skin` itself unless another one pays. `drift[r]` is what neuron r drifted while all
  // inputs together were visited `visits` times.
  [[nodiscard]] double revised_skin(double skin, const KeyHistogram& keys, const std::vector<double>& drift,
                                    std::int64_t visits) const;

 private:
  struct Costs {
    double lists = 0, asking = 0;
    [[nodiscard]] double total() const { return lists + asking; }
  };
  [[nodiscard]] double asking(double expired) const;
  [[nodiscard]] bool fits(double list_length) const { return list_length * inputs_ <= max_entries_; }

  double neurons_, inputs_, max_entries_;
};

}  // namespace sublinear
