// What the scans share; included by files that are compiled for one instruction set (see kernels_inl.hpp).
#pragma once

#include <string.h>

#include "fused_scan.hpp"

#define SUBLINEAR_INLINE inline __attribute__((always_inline))

namespace sublinear {
namespace {

// Notes point `offset` for the queries first + (bits set in `found`); those not in `sure` are unsure.
SUBLINEAR_INLINE void note_hits(unsigned found, unsigned sure, Index first, Index offset, BlockHits hits) {
  while (found != 0) {
    const int bit = __builtin_ctz(found);
    const Index q = first + bit;
    const unsigned flag = (sure >> bit & 1U) != 0 ? 0U : unsigned{kUnsure};
    found &= found - 1;
    hits.offsets[q * kBlockPoints + hits.counts[q]++] =
        static_cast<std::uint16_t>(static_cast<unsigned>(offset) | flag);
  }
}

}  // namespace
}  // namespace sublinear
