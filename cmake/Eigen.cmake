# Eigen 3.4 or later, from the cmeel-eigen wheel that a build requirement brings or from the system. No single versioned
# request is answered by 3.4.0, 3.4.1 and 5.x alike, hence two. Used by tests and consumers of sublinear/eigen.hpp only.
set(_eigen_suffix PATH_SUFFIXES cmeel.prefix/share/eigen3/cmake)
find_package(Eigen3 3.4...<6 CONFIG QUIET ${_eigen_suffix})
if(NOT Eigen3_FOUND)
  find_package(Eigen3 3.4 CONFIG QUIET ${_eigen_suffix})
endif()
if(Eigen3_FOUND)
  message(STATUS "Eigen ${Eigen3_VERSION} from ${Eigen3_DIR}")
else()
  message(STATUS "Eigen not found: the library is built all the same; sublinear/eigen.hpp needs it")
endif()
