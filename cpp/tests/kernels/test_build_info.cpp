#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "sublinear/kernels/build_info.hpp"
#include "sublinear/version.hpp"

using namespace sublinear;

TEST_CASE("the build describes itself") {
  const BuildInfo info = build_info();
  CHECK(info.version == SUBLINEAR_VERSION_STRING);
  CHECK(info.version == std::to_string(SUBLINEAR_VERSION_MAJOR) + "." + std::to_string(SUBLINEAR_VERSION_MINOR) + "." +
                            std::to_string(SUBLINEAR_VERSION_PATCH));
  // Twelve or more hexadecimal digits, as git has them, or a word for none.
  const std::string digits = info.revision.substr(0, info.revision.find("-dirty"));
  CHECK((info.revision == "unknown" ||
         (digits.size() >= 12 && digits.find_first_not_of("0123456789abcdef") == std::string::npos)));
#if defined(__clang__)
  CHECK(info.compiler.rfind("Clang " + std::to_string(__clang_major__) + ".", 0) == 0);
#else
  CHECK(info.compiler.rfind("GCC " + std::to_string(__GNUC__) + ".", 0) == 0);
#endif
  CHECK(info.standard >= 201703);
#if __has_include(<Eigen/Core>)
  CHECK(info.eigen >= "3.4");
#else
  CHECK(info.eigen.empty());
#endif
  CHECK_FALSE(info.shared);
  CHECK(info.simd_levels == available_simd_levels());
  CHECK(std::count(info.simd_levels.begin(), info.simd_levels.end(), simd_level()) == 1);
}

TEST_CASE("the levels have different names, and the one in force is the one that was asked for") {
  const std::set<std::string> names{name(SimdLevel::baseline), name(SimdLevel::avx2), name(SimdLevel::avx512),
                                    name(SimdLevel::neon)};
  CHECK(names == std::set<std::string>{"baseline", "avx2", "avx512", "neon"});
  const char* const forced = std::getenv("SUBLINEAR_SIMD");
  if (forced != nullptr && *forced != '\0')
    CHECK(std::string(name(simd_level())) == forced);
  else
    CHECK(simd_level() == available_simd_levels().back());
}
