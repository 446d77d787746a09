# Packages of the C++ library by CPack: `cpack -G DEB --config build/release/CPackConfig.cmake` makes a .deb that depends
# on what it needs, `-G TGZ` an archive. Only what developers of other programs use is in it, as in cmake/Install.cmake.
set(CPACK_PACKAGE_NAME libsublinear-dev)
set(CPACK_PACKAGE_VENDOR "the sublinear authors")
set(CPACK_PACKAGE_CONTACT "the sublinear authors <sublinear@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "half-space reporting and adversarial training, library and headers")
set(CPACK_PACKAGE_DESCRIPTION "Trains wide two-layer neural networks adversarially while touching only the neurons that
fire, exactly, and reports the points of a half-space among moving points.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL devel)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS libeigen3-dev)
include(CPack)
