#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <exception>

#include "sublinear/kernels/simd.hpp"

int main(int argc, char** argv) {
  try {
    static_cast<void>(sublinear::simd_level());
  } catch (const std::exception& refused) {  // SUBLINEAR_SIMD asks for what this processor lacks
    std::fprintf(stderr, "skipped: %s\n", refused.what());
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
