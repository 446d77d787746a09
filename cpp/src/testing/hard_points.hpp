// Points that are hard for indexes: products that tie, that cancel, that underflow, that are far from the origin.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

enum class Kind { integers, gaussian, clustered, line, sphere, far, subnormal, spread };

inline constexpr const char* kKindNames[] = {"integers", "gaussian", "clustered", "line",
                                             "sphere",   "far",      "subnormal", "spread"};

template <class T>
class HardPoints {
 public:
  HardPoints(Kind kind, Index dimension, unsigned seed) : kind_(kind), d_(dimension), random_(seed) {}

  std::vector<T> points(Index count) {
    std::vector<T> values(static_cast<std::size_t>(count * d_));
    for (Index k = 0; k < count; ++k) {
      T* const row = values.data() + k * d_;
      const double shared = value(), cluster = 1000.0 * static_cast<double>(random_() % 3);
      double squares = 0;
      for (Index j = 0; j < d_; ++j) {
        double coordinate = value();
        if (kind_ == Kind::clustered) coordinate += cluster;
        if (kind_ == Kind::line) coordinate = shared * static_cast<double>(j + 1);
        if (kind_ == Kind::far) coordinate += 1e6;
        if (kind_ == Kind::subnormal) coordinate *= static_cast<double>(std::numeric_limits<T>::denorm_min()) * 100;
        if (kind_ == Kind::spread) coordinate *= std::pow(10.0, static_cast<double>(random_() % 61) - 30);
        row[j] = static_cast<T>(coordinate);
        squares += coordinate * coordinate;
      }
      if (kind_ == Kind::sphere)
        for (Index j = 0; j < d_; ++j) row[j] = static_cast<T>(static_cast<double>(row[j]) / std::sqrt(squares));
    }
    // Some points are there twice.
    for (Index k = 1; k < count; k += 5) std::copy_n(values.begin() + (k - 1) * d_, d_, values.begin() + k * d_);
    return values;
  }
  double value() {
    if (kind_ == Kind::integers) return static_cast<double>(static_cast<int>(random_() % 9) - 4);
    return std::normal_distribution<double>()(random_);
  }
  unsigned below(std::size_t bound) { return static_cast<unsigned>(random_() % bound); }

 private:
  Kind kind_;
  Index d_;
  std::mt19937 random_;
};

}  // namespace sublinear
