"""What `cmake --install` left in a prefix serves its users.

    python tests/installed_library.py PREFIX [--headers] [--eigen DIRECTORY]

Builds and runs an example with the flags that pkg-config gives, and no others; a shared library may show its public
names only. `--headers` compiles the installed headers with g++ and clang++ as C++17, as C++20 and without exceptions
(each alone is compiled with the C++ tests); `--eigen` is where Eigen's headers are, for `sublinear/eigen.hpp`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
LANGUAGES = (("-std=c++17",), ("-std=c++20",), ("-std=c++17", "-fno-exceptions"))
HIDDEN = re.compile(r"DynamicIndex|KernelTable|require_positions|parse_json")


def run(*command: str | Path, text: str | None = None, **environment: str) -> str:
    """What a command printed; it has to succeed."""
    done = subprocess.run(
        [str(part) for part in command], input=text, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"FAILED: {' '.join(map(str, command))}\n{text or ''}{done.stdout}{done.stderr}")
    return done.stdout


def check_headers(prefix: Path, eigen: Path) -> int:
    """Compiles all headers, each included twice; how many compilations that were."""
    include = prefix / "include"
    headers = sorted(path.relative_to(include).as_posix() for path in include.glob("sublinear/**/*.hpp"))
    text = "".join(f"#include <{header}>\n" for header in headers * 2)

    def compile_all(case: tuple[str, tuple[str, ...]]) -> None:
        compiler, language = case
        options = (*language, "-x", "c++", "-fsyntax-only", *WARNINGS, f"-I{include}", "-isystem", eigen)
        run(compiler, *options, "-", text=text)

    cases = list(itertools.product(("g++", "clang++"), LANGUAGES))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_all, cases))
    return len(cases)


def check_pkg_config(prefix: Path) -> None:
    """An example is built with the flags of pkg-config alone, and runs."""
    (described,) = prefix.glob("lib*/**/pkgconfig")
    flags = run("pkg-config", "--cflags", "--libs", "sublinear >= 0.1", PKG_CONFIG_PATH=str(described)).split()
    with tempfile.TemporaryDirectory() as work:
        program = Path(work) / "with-pkg-config"
        run("g++", "-std=c++17", ROOT / "cpp/examples/custom_index.cpp", *flags, "-o", program)
        print(run(program, LD_LIBRARY_PATH=str(described.parent)), end="")


def check_symbols(library: Path) -> int:
    """A shared library shows its public names and no others; how many those are."""
    names = run("nm", "-DC", "--defined-only", library).splitlines()
    if not any("sublinear::make_index" in name for name in names):
        raise SystemExit(f"{library} does not show make_index")
    foreign = [name for name in names if "sublinear::" not in name]
    inside = [name for name in names if HIDDEN.search(name)]
    if foreign or inside:
        raise SystemExit(
            f"{library} shows names that are not its own, or of its inside:\n" + "\n".join(foreign + inside)
        )
    return len(names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--headers", action="store_true")
    parser.add_argument("--eigen", type=Path, default=Path("/usr/include/eigen3"))
    arguments = parser.parse_args()
    prefix = arguments.prefix.resolve()
    if arguments.headers:
        if not (arguments.eigen / "Eigen" / "Core").exists():
            sys.exit(f"{arguments.eigen} does not hold Eigen")
        print(f"{check_headers(prefix, arguments.eigen)} compilations of headers")
    check_pkg_config(prefix)
    for library in prefix.rglob("libsublinear.so"):
        print(f"{library.name} shows {check_symbols(library)} names, all of them public")


if __name__ == "__main__":
    main()
