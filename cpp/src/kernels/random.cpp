#include "sublinear/kernels/random.hpp"

#include <cmath>
#include <numeric>
#include <utility>

#include "sublinear/kernels/elementary.hpp"

namespace sublinear {
namespace {

std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

// One step of splitmix64 (Steele, Lea, Flood), the recommended way to fill the state of xoshiro.
std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose,
                           std::initializer_list<std::uint64_t> keys) noexcept {
  std::uint64_t mixed = seed;
  mixed = split_mix(mixed) ^ static_cast<std::uint64_t>(purpose);
  for (const std::uint64_t key : keys) mixed = split_mix(mixed) ^ key;
  for (std::uint64_t& word : state_) word = split_mix(mixed);
}

std::uint64_t RandomStream::next() noexcept {
  const std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate(state_[3], 45);
  return result;
}

double RandomStream::uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

std::uint64_t RandomStream::below(std::uint64_t bound) noexcept {
  const std::uint64_t uneven = (0 - bound) % bound;  // 2^64 mod bound: the values that would favour some results
  std::uint64_t value = next();
  while (value < uneven) value = next();
  return value % bound;
}

double RandomStream::normal() noexcept {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double u, v, s;
  do {
    u = 2 * uniform() - 1;
    v = 2 * uniform() - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double factor = std::sqrt(-2 * logarithm(s) / s);
  spare_ = v * factor;
  has_spare_ = true;
  return u * factor;
}

std::vector<Index> random_order(Index count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  RandomStream random(seed, RandomPurpose::order, {epoch});
  for (std::size_t k = order.size(); k > 1; --k) std::swap(order[k - 1], order[random.below(k)]);
  return order;
}

}  // namespace sublinear
