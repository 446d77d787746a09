// The kernels at level baseline; flags in CMakeLists.txt.
#define SUBLINEAR_LEVEL baseline
#define SUBLINEAR_VECTOR_BYTES 16
#include "kernels_inl.hpp"
