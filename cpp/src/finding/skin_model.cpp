#include "finding/skin_model.hpp"

#include <algorithm>
#include <cmath>

namespace sublinear {
namespace {

// The exponent of the first bins.
constexpr int kLowest = -63;

}  // namespace

int KeyHistogram::bin_of(double value) {
  if (!(value < edge(kBins - 1))) return kBins - 1;
  int exponent;
  const double fraction = std::frexp(value, &exponent);  // in [1/2, 1)
  const int quarter = static_cast<int>(std::ceil((fraction - 0.5) * 8));
  return std::max(0, (exponent - kLowest) * 4 + quarter - 1);
}

double KeyHistogram::edge(int bin) { return std::ldexp(0.5 + (bin % 4 + 1) * 0.125, bin / 4 + kLowest); }

KeyHistogram& KeyHistogram::operator+=(const KeyHistogram& other) {
  for (std::size_t bin = 0; bin < below_.size(); ++bin) below_[bin] += other.below_[bin];
  able_ += other.able_;
  inputs_ += other.inputs_;
  return *this;
}

double SkinModel::asking(double expired) const { return std::min(kAskCost * expired, neurons_); }

double SkinModel::first_skin(const KeyHistogram& keys) const {
  const double most = std::max(keys.able() / 4, neurons_ / 256);
  double extra = 0, skin = 0;
  for (int bin = 0; bin < KeyHistogram::kBins; ++bin) {
    extra += keys.below(bin);
    if (extra > most || !fits(keys.able() + extra)) break;
    skin = KeyHistogram::edge(bin);
  }
  return skin;
}

double SkinModel::revised_skin(double skin, const KeyHistogram& keys, const std::vector<double>& drift,
                               std::int64_t visits) const {
  // Drifts between two visits of one input, by size.
  std::vector<double> counts(KeyHistogram::kBins), sums(KeyHistogram::kBins);
  const double between = inputs_ / static_cast<double>(visits);
  double larger = 0;  // neurons that expire at the skin in question between any two visits
  for (const double sum : drift) {
    if (!(sum > 0)) continue;
    const auto bin = static_cast<std::size_t>(KeyHistogram::bin_of(sum * between));
    counts[bin] += 1;
    sums[bin] += sum * between;
    larger += 1;
  }
  Costs best, current;
  double best_skin = 0, smaller_sum = 0, extra = 0;
  best.asking = current.asking = asking(larger);
  for (int bin = 0; bin < KeyHistogram::kBins; ++bin) {
    const double edge = KeyHistogram::edge(bin);
    larger -= counts[static_cast<std::size_t>(bin)];
    smaller_sum += sums[static_cast<std::size_t>(bin)];
    extra += keys.below(bin);
    Costs costs;
    costs.lists = kEntryCost * extra;
    costs.asking = asking(larger + smaller_sum / edge);
    if (edge == skin) current = costs;
    if (costs.total() < best.total() && fits(keys.able() + extra)) {
      best = costs;
      best_skin = edge;
    }
  }
  const double saved = current.total() - best.total();
  const bool pays = best.total() < kWorthwhile * current.total() && saved * kVisitsAhead > neurons_ - current.asking;
  return pays ? best_skin : skin;
}

}  // namespace sublinear
