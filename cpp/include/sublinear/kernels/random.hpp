/// @file
/// Random numbers whose bits are part of this library: own generator, own transforms.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// What a stream of random numbers is for; streams of different purposes are independent for one seed.
enum class RandomPurpose : std::uint64_t { weights = 1, output_weights, biases, order, attack, partition, hashing };

/// A stream of random numbers (xoshiro256++, Blackman and Vigna) that is a pure function of seed, purpose and keys,
/// so that what an input draws does not depend on which thread or batch it is in.
class SUBLINEAR_API RandomStream {
 public:
  /// The stream of (seed, purpose, keys), from its start. `keys` tell apart what draws for itself, such as (epoch,
  /// input).
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::initializer_list<std::uint64_t> keys = {}) noexcept;

  /// 64 random bits.
  std::uint64_t next() noexcept;
  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform() noexcept;
  /// Uniform in {0, ..., bound - 1}, without bias; bound >= 1.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// Standard normal, by Marsaglia's polar method.
  double normal() noexcept;

 private:
  std::uint64_t state_[4];
  double spare_ = 0;
  bool has_spare_ = false;
};

/// The numbers 0 ... count - 1 in the random order of (seed, epoch), by Fisher-Yates.
[[nodiscard]] SUBLINEAR_API std::vector<Index> random_order(Index count, std::uint64_t seed, std::uint64_t epoch);

}  // namespace sublinear
