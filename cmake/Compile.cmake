# How every file of this project is compiled.

function(sublinear_compile_options target)
  if(SUBLINEAR_CLANG_CL)  # whose -Wall is all that Clang knows
    target_compile_options(${target} PRIVATE $<IF:$<CONFIG:Debug>,/clang:-O1,/clang:-O3> /W4)
  else()
    target_compile_options(${target} PRIVATE $<IF:$<CONFIG:Debug>,-O1,-O3> -Wall)
  endif()
  target_compile_options(${target} PRIVATE ${SUBLINEAR_EXACT_OPTIONS} -Wextra -Wpedantic -Wconversion -Wshadow)
  if(SUBLINEAR_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(SUBLINEAR_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SUBLINEAR_SANITIZE} -fno-sanitize-recover=all
      -fno-omit-frame-pointer -g1)  # reports name lines; more than those takes a fifth longer to compile
    target_link_options(${target} PUBLIC -fsanitize=${SUBLINEAR_SANITIZE})
  endif()
  if(SUBLINEAR_COVERAGE AND NOT SKBUILD)  # in the Python package what Cython makes is counted, and it alone
    # Early inlining comes before the counters: short functions would never be seen.
    target_compile_options(${target} PRIVATE --coverage -fno-early-inlining)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

# The kernels for instruction sets above the baseline: flags per file, and an object library of their own, so that a
# test can read the symbols of just these objects.
function(sublinear_add_simd_levels target)
  set(_kernels ${PROJECT_SOURCE_DIR}/cpp/src/kernels)
  if(SUBLINEAR_FOR_X86)
    add_library(sublinear_simd OBJECT ${_kernels}/kernels_avx2.cpp ${_kernels}/kernels_avx512.cpp
      ${_kernels}/quantized_avx2.cpp ${_kernels}/quantized_avx512vnni.cpp)
    target_compile_definitions(${target} PRIVATE SUBLINEAR_X86)
  elseif(SUBLINEAR_FOR_ARM)
    add_library(sublinear_simd OBJECT ${_kernels}/kernels_neon.cpp ${_kernels}/quantized_neon.cpp
      ${_kernels}/quantized_neondot.cpp)
    target_compile_definitions(${target} PRIVATE SUBLINEAR_ARM)
  else()
    return()
  endif()
  sublinear_compile_options(sublinear_simd)
  # Kernels throw nothing; so no symbols for unwinding.
  target_compile_options(sublinear_simd PRIVATE $<IF:$<BOOL:${SUBLINEAR_CLANG_CL}>,/EHs-c-,-fno-exceptions>
    ${SUBLINEAR_WIDE_VECTOR_OPTIONS})
  set_source_files_properties(${_kernels}/kernels_avx2.cpp ${_kernels}/quantized_avx2.cpp
    PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
  set_source_files_properties(${_kernels}/kernels_avx512.cpp
    PROPERTIES COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx2;-mfma")
  set_source_files_properties(${_kernels}/quantized_avx512vnni.cpp
    PROPERTIES COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vnni;-mavx2;-mfma;-mpopcnt")
  set_source_files_properties(${_kernels}/quantized_neondot.cpp PROPERTIES COMPILE_OPTIONS "${SUBLINEAR_DOT_PRODUCT_OPTION}")
  target_include_directories(sublinear_simd PRIVATE ${PROJECT_SOURCE_DIR}/cpp/include)
  target_compile_features(sublinear_simd PRIVATE cxx_std_17)
  set_target_properties(sublinear_simd PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:sublinear_simd>)
endfunction()
