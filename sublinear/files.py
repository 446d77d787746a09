"""Files that are there whole or not at all, and the commands that write them."""

from __future__ import annotations

import os
import reprlib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sublinear import _kernels


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file as `open` would, but whole or not at all: beside its place, then renamed.

    Links are followed. A file that exists keeps its mode and, where the system allows it, its owner; a new one has what
    the umask leaves. What is no regular file, such as a pipe, is written to. OSError, with `path`, for a file that
    cannot be written and a folder that takes no new ones; then nothing has changed.
    """
    problem = _kernels.replace_file(os.fsencode(path), content)
    if problem:
        raise OSError(problem, os.strerror(problem), os.fspath(path))


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Removes what `write_whole` left beside `path` when its process was killed; nobody else may be writing it now."""
    _kernels.remove_leftovers(os.fsencode(path))


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


def command(name: str, options: Mapping[str, Any], *arguments: str) -> str:
    """The command line of `sublinear NAME` with these options: True is a flag, None and False are left out."""
    words = ["sublinear", name, *arguments]
    for key, value in options.items():
        if value is not None and value is not False:
            words += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    return shlex.join(words)
