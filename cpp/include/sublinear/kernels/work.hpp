/// @file
/// The record of counted work that every call returns.
#pragma once

#include <cstdint>

namespace sublinear {

/// What a call did, in counts. Counts are the same at every SIMD level and thread count, so they can be compared
/// between machines; they are returned with results and never stored on a structure.
struct Work {
  std::int64_t inner_products = 0;  ///< inner products of the full dimension, of whatever precision
  std::int64_t quantized = 0;       ///< those of them that read a row's copy in 8 bits (attacks)
  std::int64_t bounds = 0;          ///< bounds evaluated: tree nodes, blocks of a max-tree, candidates of an attack
  std::int64_t candidates = 0;      ///< neurons (or points) proposed
  std::int64_t added = 0;           ///< candidates taken at random, to fill up answers (approximate strategies)
  std::int64_t fired = 0;           ///< neurons that fired (or points reported) after the canonical test
  std::int64_t rows_moved = 0;      ///< weight rows (or points) whose stored value changed
  std::int64_t rows_reasked = 0;    ///< (neuron, input) pairs asked again because a stored answer had expired

  /// Adds each count; sums of works are the work of the calls together.
  Work& operator+=(const Work& other) noexcept {
    inner_products += other.inner_products;
    quantized += other.quantized;
    bounds += other.bounds;
    candidates += other.candidates;
    added += other.added;
    fired += other.fired;
    rows_moved += other.rows_moved;
    rows_reasked += other.rows_reasked;
    return *this;
  }
  /// Whether every count is the same.
  friend bool operator==(const Work& a, const Work& b) noexcept {
    return a.inner_products == b.inner_products && a.quantized == b.quantized && a.bounds == b.bounds &&
           a.candidates == b.candidates && a.added == b.added && a.fired == b.fired && a.rows_moved == b.rows_moved &&
           a.rows_reasked == b.rows_reasked;
  }
};

}  // namespace sublinear
