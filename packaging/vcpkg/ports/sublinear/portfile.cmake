# From a clone instead of a release: vcpkg install sublinear --overlay-ports=packaging/vcpkg/ports, with the environment
# variable SUBLINEAR_SOURCE naming the clone (and VCPKG_KEEP_ENV_VARS=SUBLINEAR_SOURCE).
if(DEFINED ENV{SUBLINEAR_SOURCE})
  set(SOURCE_PATH $ENV{SUBLINEAR_SOURCE})
else()
  vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO OWNER/sublinear
    REF "v${VERSION}"
    SHA512 0  # of the release's archive, to be filled in when there is one; vcpkg prints it
  )
endif()

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS -DSUBLINEAR_BUILD_TESTS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/sublinear)
vcpkg_fixup_pkgconfig()
vcpkg_copy_pdbs()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
