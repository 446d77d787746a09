// The kernels at level avx512; flags in CMakeLists.txt.
#define SUBLINEAR_LEVEL avx512
#define SUBLINEAR_VECTOR_BYTES 64
#include "kernels_inl.hpp"
