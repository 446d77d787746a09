// What results rest on, refused at compile time where it does not hold; see docs/platforms.md. Files that compute
// include it under their own compiler options.
#pragma once

#include <cfloat>
#include <limits>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sublinear needs a little-endian processor: its files and its kernels have the lowest byte first"
#endif

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(__ASSOCIATIVE_MATH__)
#error \
    "sublinear cannot be compiled with -ffast-math or a part of it: sums have one written order, and NaN is looked for"
#endif

#if FLT_EVAL_METHOD != 0
#error "sublinear needs arithmetic in the type itself (FLT_EVAL_METHOD 0): x87 registers round twice; use -mfpmath=sse"
#endif

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559 && sizeof(float) == 4 &&
                  sizeof(double) == 8,
              "sublinear needs the float and double of IEEE 754");
