/// @file
/// Elementary functions whose bits do not depend on the C library or the processor.
///
/// The C library's exp and log may pick another algorithm on another processor; results that weights depend on use
/// these instead. Plain arithmetic in a written order, at most 2 ulp from exact.
#pragma once

namespace sublinear {

/// e^x; +inf above the largest representable result, 0 below the smallest, NaN for NaN.
[[nodiscard]] double exponential(double x) noexcept;

/// Natural logarithm of x > 0; -inf for 0, NaN for negative numbers and NaN, +inf for +inf.
[[nodiscard]] double logarithm(double x) noexcept;

/// log(1 + e^x) without overflow: the logistic loss of the margin -x.
[[nodiscard]] double softplus(double x) noexcept;

/// 1 / (1 + e^-x).
[[nodiscard]] double sigmoid(double x) noexcept;

}  // namespace sublinear
