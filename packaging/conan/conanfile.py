"""The C++ library as a Conan package, from the clone that this file lies in: `conan create packaging/conan`."""

import re
from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir


class Sublinear(ConanFile):
    name = "sublinear"
    description = "Half-space reporting and adversarial training of wide two-layer networks in the neurons that fire"
    license = "BSD-3-Clause"
    url = "https://github.com/OWNER/sublinear"
    topics = ("half-space-reporting", "adversarial-training", "neural-networks", "computational-geometry")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def set_version(self):
        text = (Path(self.recipe_folder).parent.parent / "cpp/include/sublinear/version.hpp").read_text()
        self.version = self.version or re.search(r'SUBLINEAR_VERSION_STRING "([^"]+)"', text)[1]

    def export_sources(self):
        clone = str(Path(self.recipe_folder).parent.parent)
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "cpp/include/*", "cpp/src/*", "packaging/*.cmake"):
            copy(self, pattern, clone, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 17)
        if self.settings.compiler == "msvc":
            raise ConanInvalidConfiguration(
                "the kernels are written in the vector types of GCC and Clang: use clang-cl"
            )

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["CMAKE_DISABLE_FIND_PACKAGE_Eigen3"] = True
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, str(Path(self.package_folder) / "licenses"))
        CMake(self).install()
        for folder in ("cmake", "pkgconfig"):  # Conan writes its own, which know of its other packages
            rmdir(self, str(Path(self.package_folder) / "lib" / folder))

    def package_info(self):
        self.cpp_info.libs = ["sublinear"]
        self.cpp_info.set_property("cmake_file_name", "sublinear")
        self.cpp_info.set_property("cmake_target_name", "sublinear::sublinear")
        self.cpp_info.set_property("pkg_config_name", "sublinear")
        if self.options.shared:
            self.cpp_info.defines = ["SUBLINEAR_SHARED"]
        elif self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
