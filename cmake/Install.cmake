# What `cmake --install` and the wheel carry: headers, library, the CMake package and sublinear.pc. Inside a wheel
# everything lies under the package directory. All of it may be moved as a whole.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(SKBUILD)
  set(_include sublinear/include)
  set(_lib sublinear/lib)
  set(_prefix sublinear)
else()
  set(_include ${CMAKE_INSTALL_INCLUDEDIR})
  set(_lib ${CMAKE_INSTALL_LIBDIR})
  set(_prefix .)
endif()
set(_config ${_lib}/cmake/sublinear)
install(TARGETS sublinear EXPORT sublinearTargets COMPONENT devel
  ARCHIVE DESTINATION ${_lib} COMPONENT devel
  LIBRARY DESTINATION ${_lib} COMPONENT devel
  INCLUDES DESTINATION ${_include})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cpp/include/ DESTINATION ${_include} COMPONENT devel
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT sublinearTargets NAMESPACE sublinear:: DESTINATION ${_config} COMPONENT devel)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sublinearConfig.cmake.in
  ${PROJECT_BINARY_DIR}/sublinearConfig.cmake INSTALL_DESTINATION ${_config})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sublinearConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sublinearConfig.cmake ${PROJECT_BINARY_DIR}/sublinearConfigVersion.cmake
  DESTINATION ${_config} COMPONENT devel)

# pkg-config. What a static library needs is needed by everyone who links it, not only with --static.
if(IS_ABSOLUTE ${_lib} OR IS_ABSOLUTE ${_include})
  set(_pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(_pc_include ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  set(_pc_lib ${CMAKE_INSTALL_FULL_LIBDIR})
else()
  file(RELATIVE_PATH _up "/${_lib}/pkgconfig" "/${_prefix}")
  string(REGEX REPLACE "/$" "" _up "${_up}")
  set(_pc_prefix "\${pcfiledir}/${_up}")
  file(RELATIVE_PATH _pc_include "/${_prefix}" "/${_include}")
  file(RELATIVE_PATH _pc_lib "/${_prefix}" "/${_lib}")
  set(_pc_include "\${prefix}/${_pc_include}")
  set(_pc_lib "\${prefix}/${_pc_lib}")
endif()
get_target_property(_type sublinear TYPE)
set(_pc_flags "")
set(_pc_libs "")
if(_type STREQUAL SHARED_LIBRARY)
  set(_pc_flags " -DSUBLINEAR_SHARED")
else()
  if(CMAKE_THREAD_LIBS_INIT)
    string(APPEND _pc_libs " ${CMAKE_THREAD_LIBS_INIT}")
  elseif(UNIX)
    string(APPEND _pc_libs " -pthread")
  endif()
  if(CMAKE_DL_LIBS)
    string(APPEND _pc_libs " -l${CMAKE_DL_LIBS}")
  endif()
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/sublinear.pc.in ${PROJECT_BINARY_DIR}/sublinear.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sublinear.pc DESTINATION ${_lib}/pkgconfig COMPONENT devel)
