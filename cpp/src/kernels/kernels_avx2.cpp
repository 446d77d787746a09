// The kernels at level avx2; flags in CMakeLists.txt.
#define SUBLINEAR_LEVEL avx2
#define SUBLINEAR_VECTOR_BYTES 32
#include "kernels_inl.hpp"
