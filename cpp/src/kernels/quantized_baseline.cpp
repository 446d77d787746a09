// The quantized scan for baseline; flags in cmake/Compile.cmake.
#define SUBLINEAR_QUANTIZED baseline
#define SUBLINEAR_QUANTIZED_baseline
#include "quantized_scan_inl.hpp"
