"""What is handed out: the source distribution is complete, and its wheel is the one that the clone builds.

Run from a clone whose package was just installed by `pip install .`, with the `dev` extra:

    python tests/built_wheels.py

Builds the source distribution and a wheel from it, in a temporary directory. Each of these is an error, named:
a file that git tracks and the source distribution lacks or changes; a file of the wheel that differs by a byte from the
installed package (but for two that CMake writes), that is missing there, or that belongs into no wheel; metadata that
`twine check --strict` refuses; shared libraries that no manylinux tag allows (`auditwheel show`, on Linux).
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
# Everything that a wheel of this project may hold, by the end of the name.
KINDS = {".py", ".pyi", ".typed", ".so", ".pyd", ".html", ".hpp", ".a", ".lib", ".cmake", ".pc"}
NEEDED = ("sublinear/py.typed", "sublinear/include/sublinear/sublinear.hpp", "sublinear/lib/pkgconfig/sublinear.pc")
# Written by CMake itself, each version in its own words; the one that built the clone may be another.
BY_CMAKE = ("sublinearConfigVersion.cmake", "sublinearTargets.cmake")
# In the source distribution alone: its metadata, and the revision of git that it was made from.
ADDED = ("PKG-INFO", "REVISION")
NEEDED_IN_CMAKE = ("sublinearConfig.cmake", "sublinearConfigVersion.cmake", "sublinearTargets.cmake")


def run(*command: object) -> str:
    """What a command printed; it has to succeed."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def only(directory: Path, pattern: str) -> Path:
    (found,) = directory.glob(pattern)
    return found


def source_distribution_errors(path: Path) -> list[str]:
    """How the source distribution differs from the files that git tracks."""
    with tarfile.open(path) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive if member.isfile()}
        content = {name: file.read() for name, file in files.items() if file is not None}
    tracked = set(run("git", "ls-files").splitlines())
    errors = [f"not in the source distribution: {name}" for name in sorted(tracked - content.keys())]
    errors += [f"not in the source distribution: {name}" for name in ADDED if name not in content]
    revision = run("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*")
    if content.get("REVISION", b"").decode() != revision:
        errors.append(f"REVISION of the source distribution is {content.get('REVISION')!r}, not {revision!r}")
    errors += [f"only in the source distribution: {name}" for name in sorted(content.keys() - tracked - {*ADDED})]
    for name in sorted(tracked & content.keys()):
        if (ROOT / name).read_bytes() != content[name]:
            errors.append(f"changed in the source distribution: {name}")
    return errors


def wheel_errors(path: Path) -> list[str]:
    """How the wheel differs from the installed package, and what it lacks or holds without need."""
    with zipfile.ZipFile(path) as archive:
        wheel = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    package = {name: content for name, content in wheel.items() if name.startswith("sublinear/")}
    metadata = [name for name in wheel if re.match(r"sublinear-[^/]*\.dist-info/", name)]
    errors = [f"beside the package: {name}" for name in sorted(wheel.keys() - package.keys() - set(metadata))]
    errors += [f"belongs into no wheel: {name}" for name in package if PurePosixPath(name).suffix not in KINDS]
    needed = [*NEEDED, *(f"sublinear/lib/cmake/sublinear/{name}" for name in NEEDED_IN_CMAKE)]
    modules = [name.partition(".")[0] for name in package if PurePosixPath(name).suffix in {".so", ".pyd"}]
    if not modules:
        errors.append("no compiled module")
    errors += [f"missing: {name}" for name in [*needed, *(f"{name}.pyi" for name in modules)] if name not in package]
    if not any(name.endswith("licenses/LICENSE") for name in metadata):
        errors.append("missing: the licence")

    installed = importlib.metadata.distribution("sublinear")
    there = {
        file.as_posix(): Path(str(file.locate()))
        for file in installed.files or ()
        if file.parts[0] == "sublinear" and "__pycache__" not in file.parts
    }
    errors += [f"not installed from the clone: {name}" for name in sorted(package.keys() - there.keys())]
    errors += [f"not in the wheel of the source distribution: {name}" for name in sorted(there.keys() - package.keys())]
    for name in sorted(package.keys() & there.keys()):
        if there[name].read_bytes() != package[name] and PurePosixPath(name).name not in BY_CMAKE:
            errors.append(f"differs from what the clone built: {name}")
    return errors


def main() -> None:
    errors = []
    with tempfile.TemporaryDirectory() as work:
        run(sys.executable, "-m", "build", "--outdir", work)  # the wheel is built from the source distribution
        source, wheel = only(Path(work), "*.tar.gz"), only(Path(work), "*.whl")
        errors += source_distribution_errors(source) + wheel_errors(wheel)
        run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
        tag = "not asked for"
        if sys.platform == "linux":
            shown = re.search(r"manylinux_\d+_\d+", run(sys.executable, "-m", "auditwheel", "show", wheel))
            tag = shown[0] if shown else "none"
            if shown is None:
                errors.append("auditwheel: no manylinux tag allows the shared libraries that the wheel needs")
        if errors:
            sys.exit("FAILED:\n" + "\n".join(errors))
        with zipfile.ZipFile(wheel) as archive:
            count = len(archive.namelist())
        print(f"{source.name} holds what git tracks; {count} files of {wheel.name} are as the clone builds them")
        print(f"twine has no objection; the manylinux tag that auditwheel gives is: {tag}")


if __name__ == "__main__":
    main()
