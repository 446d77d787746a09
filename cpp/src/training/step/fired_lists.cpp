#include "training/step/fired_lists.hpp"

#include <algorithm>
#include <utility>

#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

// Lists that take no more are kept without asking how much memory there is.
constexpr std::size_t kSmallLists = std::size_t{16} << 20;

}  // namespace

void FiredLists::start(Index width, bool must_keep, std::size_t max_bytes) {
  spare_.clear();
  spare_.swap(blocks_);
  must_keep_ = must_keep;
  limit_ = max_bytes != 0 ? max_bytes : kSmallLists;
  limit_is_known_ = max_bytes != 0;
  bytes_ = static_cast<std::size_t>(width) * sizeof(Index);
  kept_ = may_keep();
}

void FiredLists::lend(CandidateLists& block) noexcept {
  if (spare_.empty()) return;
  block = std::move(spare_.back());
  spare_.pop_back();
}

void FiredLists::add(CandidateLists&& block) {
  if (!kept_) return;
  bytes_ += block.ids.size() * 2 * sizeof(NeuronId);
  kept_ = may_keep();
  if (kept_)
    blocks_.push_back(std::move(block));
  else
    blocks_.clear();
}

// To ask how much memory there is takes some 50 us, a few per cent of a short step: it is asked for large lists only.
bool FiredLists::may_keep() {
  if (must_keep_) return true;
  if (bytes_ > limit_ && !limit_is_known_) {
    limit_is_known_ = true;
    limit_ = std::max(kSmallLists, available_memory() / 2);
  }
  return bytes_ <= limit_;
}

}  // namespace sublinear
