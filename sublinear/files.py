"""Files that are there whole or not at all, and the commands that write them."""

from __future__ import annotations

import os
import reprlib
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape as glob_escape
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all: beside its place, then renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def remove_leftovers(path: Path) -> None:
    """Removes what `write_whole` left beside `path` when its process was killed; nobody else may be writing it now."""
    for each in path.parent.glob(f".{glob_escape(path.name)}.*"):
        with suppress(OSError):
            each.unlink()


@contextmanager
def reading(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Whatever goes wrong with the content of a file is a ValueError that names the file and says it is no `what`."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        SafetensorError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(f"{path} is damaged or no {what}: {shortened(error)}") from error


@contextmanager
def reading_tensors(path: str | os.PathLike[str], what: str, file_format: str) -> Iterator[tuple[Any, dict[str, str]]]:
    """An open safetensors file with its metadata, whose "format" is `file_format`; else and for whatever goes wrong
    with its content ValueError as `reading` has it. OSError for a file that cannot be opened."""
    from safetensors import safe_open

    with Path(path).open("rb"):  # a missing file is FileNotFoundError, whatever the parser would make of it
        pass
    with reading(path, what), safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if metadata.get("format") != file_format:
            raise ValueError(f"its format is {metadata.get('format')!r}")
        yield file, metadata


_SHORT = reprlib.Repr()
_SHORT.maxstring = 300


def shortened(value: object) -> str:
    """What a file holds as text for a message: on one line, the middle of a long one left out."""
    return _SHORT.repr(str(value))[1:-1]


def command(name: str, options: Mapping[str, Any]) -> str:
    """The command line of `sublinear NAME` with these options; those that are None are left out."""
    words = [word for key, value in options.items() if value is not None for word in (f"--{key}", str(value))]
    return shlex.join(["sublinear", name, *words])
