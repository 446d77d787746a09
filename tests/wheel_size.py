"""Wheels are as large as they need to be: `python tests/wheel_size.py FOLDER` looks at every wheel in it.

An error is a wheel of more than LIMIT bytes, or one that carries libraries of others, which a repair puts in where
something was linked that not every machine has. The three largest files of each wheel are printed.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

LIMIT = 8_000_000  # of the packed wheel


def errors_of(path: Path) -> list[str]:
    """What is wrong with the size of a wheel or with what a repair added."""
    errors = []
    if path.stat().st_size > LIMIT:
        errors.append(f"{path.name} has {path.stat().st_size:,} bytes, more than {LIMIT:,}")
    with zipfile.ZipFile(path) as archive:
        files = archive.infolist()
    foreign = [file.filename for file in files if ".libs/" in file.filename or ".dylibs/" in file.filename]
    errors += [f"{path.name} carries a library of others: {name}" for name in foreign]
    largest = sorted(files, key=lambda file: -file.compress_size)[:3]
    shown = ", ".join(f"{file.filename} {file.compress_size / 1e6:.2f} MB" for file in largest)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB; largest, packed: {shown}")
    return errors


def main() -> None:
    wheels = sorted(Path(sys.argv[1]).glob("*.whl")) if len(sys.argv) == 2 else []
    if not wheels:
        sys.exit(f"{__doc__}\nThere is no wheel in {sys.argv[1:]}.")
    errors = [error for wheel in wheels for error in errors_of(wheel)]
    if errors:
        sys.exit("FAILED:\n" + "\n".join(errors))


if __name__ == "__main__":
    main()
