"""Makes the packages of this folder that can be made without a network, and uses each: `nox -s packaging`.

    python packaging/try_packages.py WORK BUILD

works in the folder WORK; BUILD is where the preset `release` was built, for the .deb. Conan has to be on the path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLONE = HERE.parent
# What conda-forge calls the compiler and the C library of a platform.
PLATFORMS = {
    "linux-64": ("gxx", "sysroot"),
    "osx-arm64": ("clangxx", "macosx_deployment_target"),
    "win-64": ("vs2022", "vs"),
}
USED = HERE / "conan" / "test_package"  # a program that uses the library, with its own CMakeLists.txt


def run(*command: object, **environment: str) -> str:
    """What a command printed; it has to succeed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build_and_run(sources: Path, build: Path, program: str, *options: str) -> None:
    run("cmake", "-S", sources, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options)
    run("cmake", "--build", build)
    print(" ", run(build / program).strip())


def try_deb(work: Path, build: Path) -> None:
    """CPack makes a .deb; what it installs serves a program, from a root of its own."""
    run("cpack", "-G", "DEB", "--config", build / "CPackConfig.cmake", "-B", work / "deb")
    (package,) = (work / "deb").glob("*.deb")
    print(run("dpkg-deb", "--field", package), end="")
    run("dpkg-deb", "--extract", package, work / "root")
    build_and_run(USED, work / "uses-deb", "test_package", f"-DCMAKE_PREFIX_PATH={work}/root/usr")


def try_conan(work: Path) -> None:
    """`conan create` makes the package and builds and runs its test package."""
    home = {"CONAN_HOME": str(work / "conan")}
    run("conan", "profile", "detect", **home)
    printed = run("conan", "create", HERE / "conan", "-s", "compiler.cppstd=17", **home)
    print(" ", *(line for line in printed.splitlines() if "points" in line))


def try_fetch_content(work: Path) -> None:
    """A project fetches the clone's commit and builds it as a part of itself."""
    commit = run("git", "-C", CLONE, "rev-parse", "HEAD").strip()
    options = (f"-DSUBLINEAR_REPOSITORY={CLONE}", f"-DSUBLINEAR_TAG={commit}")
    build_and_run(HERE / "fetchcontent", work / "fetched", "app", *options)


def try_recipe() -> None:
    """The recipe of conda-forge is read and rendered for three platforms; nothing is built."""
    from rattler_build import RenderConfig, Stage0Recipe, VariantConfig
    from rattler_build.tool_config import PlatformConfig

    recipe = Stage0Recipe.from_yaml((HERE / "conda-forge" / "recipe.yaml").read_text())
    for platform, (compiler, library) in PLATFORMS.items():
        variants = VariantConfig({"python": ["3.13.*"], "cxx_compiler": [compiler], "c_stdlib": [library]})
        rendered = recipe.render(variants, RenderConfig(platform=PlatformConfig(target_platform=platform)))
        print(f"  {platform}: {len(rendered)} packages rendered")


def try_port() -> None:
    """The port for vcpkg is JSON that names what it has to, and the functions it calls are vcpkg's."""
    port = HERE / "vcpkg" / "ports" / "sublinear"
    manifest = json.loads((port / "vcpkg.json").read_text())
    version = (CLONE / "cpp/include/sublinear/version.hpp").read_text()
    if f'"{manifest["version"]}"' not in version:
        sys.exit(f"vcpkg.json has version {manifest['version']}, and cpp/include/sublinear/version.hpp another one")
    print(f"  {manifest['name']} {manifest['version']}")


def main() -> None:
    work, build = (Path(argument).resolve() for argument in sys.argv[1:3])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name, attempt in {
        "conda-forge": try_recipe,
        "vcpkg": try_port,
        ".deb": lambda: try_deb(work, build),
        "FetchContent": lambda: try_fetch_content(work),
        "Conan": lambda: try_conan(work),
    }.items():
        print(name, flush=True)
        attempt()


if __name__ == "__main__":
    main()
