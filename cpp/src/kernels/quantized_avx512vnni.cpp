// The quantized scan for avx512vnni; flags in cmake/Compile.cmake.
#define SUBLINEAR_QUANTIZED avx512vnni
#define SUBLINEAR_QUANTIZED_avx512vnni
#include "quantized_scan_inl.hpp"
