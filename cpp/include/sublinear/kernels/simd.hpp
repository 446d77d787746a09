/// @file
/// Run-time choice of the instruction set.
#pragma once

#include <vector>

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// Instruction sets the kernels are compiled for. All of them give the same bits; they differ in speed only.
enum class SimdLevel { baseline, avx2, avx512, neon };

/// The level in force in this process: the best the processor offers, or the one that the environment variable
/// `SUBLINEAR_SIMD` (`baseline`, `avx2`, `avx512`, `neon`) forces. Read once, at the first call; thread-safe.
/// @throws std::invalid_argument if the variable names a level that does not exist or this machine does not offer.
[[nodiscard]] SUBLINEAR_API SimdLevel simd_level();

/// The levels this build and this processor offer, slowest first.
[[nodiscard]] SUBLINEAR_API std::vector<SimdLevel> available_simd_levels();

/// The name `SUBLINEAR_SIMD` uses for a level.
[[nodiscard]] SUBLINEAR_API const char* name(SimdLevel level) noexcept;

}  // namespace sublinear
