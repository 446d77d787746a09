// The quantized scan for NEON with the dot products of ARMv8.2 (sdot); flags in cmake/Compile.cmake.
#define SUBLINEAR_QUANTIZED neondot
#define SUBLINEAR_QUANTIZED_neondot
#include "quantized_scan_inl.hpp"
