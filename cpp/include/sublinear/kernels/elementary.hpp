/// @file
/// Elementary functions whose bits do not depend on the C library or the processor.
///
/// The C library's exp and log may pick another algorithm on another processor; results that weights depend on use
/// these instead. Plain arithmetic in a written order, at most 2 ulp from exact.
#pragma once

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// e^x; +inf above the largest representable result, 0 below the smallest, NaN for NaN.
[[nodiscard]] SUBLINEAR_API double exponential(double x) noexcept;

/// Natural logarithm of x > 0; -inf for 0, NaN for negative numbers and NaN, +inf for +inf.
[[nodiscard]] SUBLINEAR_API double logarithm(double x) noexcept;

/// log(1 + e^x) without overflow: the logistic loss of the margin -x.
[[nodiscard]] SUBLINEAR_API double softplus(double x) noexcept;

/// The same, and its derivative, the bits of `sigmoid(x)`, for one exponential in all.
[[nodiscard]] SUBLINEAR_API double softplus(double x, double& derivative) noexcept;

/// 1 / (1 + e^-x).
[[nodiscard]] SUBLINEAR_API double sigmoid(double x) noexcept;

}  // namespace sublinear
