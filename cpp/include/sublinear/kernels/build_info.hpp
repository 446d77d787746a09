/// @file
/// What this library was built with.
#pragma once

#include <string>
#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/simd.hpp"

namespace sublinear {

/// How the compiled library was built, and what it can use here. The macros of version.hpp tell the version of the
/// headers instead: they differ where an application is run with another shared library than it was compiled with.
struct BuildInfo {
  std::string version = {};   ///< of the compiled library, such as "0.1.0"
  std::string revision = {};  ///< of its sources in git, such as "a1b2c3d4e5f6"; "-dirty" after it where files had
                              ///< changed, "unknown" for sources without a revision
  std::string compiler = {};  ///< such as "GCC 12.2.0" or "Clang 14.0.6"
  long standard = 0;          ///< the value of __cplusplus: 201703 for C++17
  std::string eigen = {};     ///< version of the Eigen found when it was built, against which sublinear/eigen.hpp was
                              ///< checked; empty if none. The compiled library contains no Eigen.
  bool shared = false;        ///< whether it is a shared library
  std::vector<SimdLevel> simd_levels = {};  ///< the levels this build and this processor offer, slowest first
};

/// Thread-safe. @throws std::bad_alloc where memory runs out.
[[nodiscard]] SUBLINEAR_API BuildInfo build_info();

}  // namespace sublinear
