# What the build is for, and whether its compiler keeps the promise of docs/determinism.md. The compiler says what it
# builds for: CMAKE_SYSTEM_PROCESSOR names the machine it runs on, which for Apple's may be another one.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

list(LENGTH CMAKE_OSX_ARCHITECTURES _architectures)
if(APPLE AND _architectures GREATER 1)
  message(FATAL_ERROR "CMAKE_OSX_ARCHITECTURES is \"${CMAKE_OSX_ARCHITECTURES}\": the kernels have compiler options per "
    "instruction set, so one build is for one architecture. Build each by itself and join the libraries with lipo")
endif()

if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "sublinear needs GCC or Clang, not ${CMAKE_CXX_COMPILER_ID}: its kernels are written in their "
    "vector types. On Windows use clang-cl (-T ClangCL, or -DCMAKE_CXX_COMPILER=clang-cl) or MinGW")
endif()

# Product and sum are rounded separately everywhere: bits must not depend on who fuses them. clang-cl takes the option
# only as one for the Clang inside; else it says that it ignores it, and fuses. Of Clang's -ffast-math no macro tells of
# all parts (GCC's are refused in kernels/platform_requirements.hpp), so those that change bits are undone.
set(SUBLINEAR_EXACT_OPTIONS -ffp-contract=off -fno-math-errno)
set(_refuse_unknown -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(PREPEND SUBLINEAR_EXACT_OPTIONS -fno-unsafe-math-optimizations)
endif()
set(SUBLINEAR_CLANG_CL OFF)
if(CMAKE_CXX_COMPILER_FRONTEND_VARIANT STREQUAL "MSVC")
  set(SUBLINEAR_CLANG_CL ON)
  list(TRANSFORM SUBLINEAR_EXACT_OPTIONS PREPEND "/clang:")
  set(_refuse_unknown -Werror=unknown-argument -Werror=unused-command-line-argument)
endif()
set(CMAKE_REQUIRED_FLAGS ${SUBLINEAR_EXACT_OPTIONS} ${_refuse_unknown})
string(REPLACE ";" " " CMAKE_REQUIRED_FLAGS "${CMAKE_REQUIRED_FLAGS}")
check_cxx_source_compiles("int main() { return 0; }" SUBLINEAR_KEEPS_ROUNDINGS)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT SUBLINEAR_KEEPS_ROUNDINGS)
  message(FATAL_ERROR "${CMAKE_CXX_COMPILER} refuses ${SUBLINEAR_EXACT_OPTIONS}. Without that it may fuse a product and "
    "a sum, and trained weights would differ from those of other builds. Use a GCC or Clang that takes it")
endif()

check_cxx_source_compiles("
#if !defined(__x86_64__) && !defined(_M_X64)
#error
#endif
int main() {}" SUBLINEAR_FOR_X86)
check_cxx_source_compiles("
#if !defined(__aarch64__) && !defined(_M_ARM64)
#error
#endif
int main() {}" SUBLINEAR_FOR_ARM)
set(SUBLINEAR_LEVELS baseline)
if(SUBLINEAR_FOR_X86)
  list(APPEND SUBLINEAR_LEVELS avx2 avx512)
elseif(SUBLINEAR_FOR_ARM)
  list(APPEND SUBLINEAR_LEVELS neon)
  check_cxx_compiler_flag(-march=armv8.2-a+dotprod SUBLINEAR_TAKES_ARM_ARCHITECTURES)
  if(SUBLINEAR_TAKES_ARM_ARCHITECTURES)
    set(SUBLINEAR_DOT_PRODUCT_OPTION -march=armv8.2-a+dotprod)
  else()  # zig's Clang, which knows processors only
    set(SUBLINEAR_DOT_PRODUCT_OPTION -mcpu=generic+dotprod)
  endif()
endif()

# GCC for Windows takes it that an inline function's code is the one it makes itself, and keeps numbers in registers that
# this code leaves alone. The linker may have taken the function from a file with other options.
if(WIN32 AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND SUBLINEAR_EXACT_OPTIONS -fno-ipa-ra)
endif()

# GCC for Windows aligns the stack to 16 bytes and moves wider vectors as if to more (GCC bug 54412).
set(SUBLINEAR_WIDE_VECTOR_OPTIONS "")
if(WIN32 AND SUBLINEAR_FOR_X86 AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(SUBLINEAR_WIDE_VECTOR_OPTIONS -Wa,-muse-unaligned-vector-move)
  set(CMAKE_REQUIRED_FLAGS ${SUBLINEAR_WIDE_VECTOR_OPTIONS})
  check_cxx_source_compiles("int main() { return 0; }" SUBLINEAR_MOVES_UNALIGNED)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT SUBLINEAR_MOVES_UNALIGNED)
    message(FATAL_ERROR "the assembler refuses ${SUBLINEAR_WIDE_VECTOR_OPTIONS}, without which AVX kernels of MinGW's GCC "
      "crash. Use binutils 2.38 or later, or Clang")
  endif()
endif()
