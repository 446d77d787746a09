#include "sublinear/kernels/build_info.hpp"

#include "sublinear/version.hpp"
#include "sublinear_revision.hpp"  // written by cmake/Revision.cmake

namespace sublinear {

BuildInfo build_info() {
  BuildInfo info;
  info.version = SUBLINEAR_VERSION_STRING;
  info.revision = SUBLINEAR_REVISION;
#if defined(__clang__)
  info.compiler = "Clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
                  std::to_string(__clang_patchlevel__);
#elif defined(__GNUC__)
  info.compiler = "GCC " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
                  std::to_string(__GNUC_PATCHLEVEL__);
#endif
  info.standard = __cplusplus;
  info.eigen = SUBLINEAR_EIGEN_VERSION;
#if defined(SUBLINEAR_SHARED)
  info.shared = true;
#else
  info.shared = false;
#endif
  info.simd_levels = available_simd_levels();
  return info;
}

}  // namespace sublinear
