// The kernels at level neon, which every 64-bit ARM processor has.
#define SUBLINEAR_LEVEL neon
#define SUBLINEAR_VECTOR_BYTES 16
#define SUBLINEAR_NEON
#include "kernels_inl.hpp"
