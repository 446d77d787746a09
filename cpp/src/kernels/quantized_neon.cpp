// The quantized scan for NEON, with products of 8 bits by smull; flags in cmake/Compile.cmake.
#define SUBLINEAR_QUANTIZED neon
#define SUBLINEAR_QUANTIZED_neon
#include "quantized_scan_inl.hpp"
