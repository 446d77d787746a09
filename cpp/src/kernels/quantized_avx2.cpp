// The quantized scan for avx2; flags in cmake/Compile.cmake.
#define SUBLINEAR_QUANTIZED avx2
#define SUBLINEAR_QUANTIZED_avx2
#include "quantized_scan_inl.hpp"
