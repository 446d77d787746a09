"""The bytes of a file, plain or gzip, without trust in what it says of its size."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from sublinear import _kernels
from sublinear.files import shortened

_PIECE = 1 << 20
_LONGEST_LINE = 1 << 26


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read, unpacked if its name ends in ".gz"; ValueError for gzip data that are damaged."""
    if path.suffix.lower() != ".gz":
        with path.open("rb") as plain:
            yield plain
        return
    with gzip.open(path, "rb") as packed:
        try:
            yield cast(BinaryIO, packed)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: the gzip data are damaged or cut off, past byte {packed.tell()} of the content: "
                f"{shortened(error)}"
            ) from error


def read_at_most(file: IO[bytes], count: int, what: str) -> bytearray:
    """The next `count` bytes, or all there are if they are fewer, so that a promise that is not kept costs no memory.

    MemoryError if more than half the memory there is would be taken.
    """
    content = bytearray()
    most = _kernels.available_memory() // 2
    while len(content) < count and (piece := file.read(min(_PIECE, count - len(content)))):
        content += piece
        if len(content) > most:
            raise MemoryError(f"{what}: the content has more than {most} bytes, half the memory that is available")
    return content


def lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Line by line; ValueError for one that is too long to be meant."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"{path}: line {number} has more than {_LONGEST_LINE} bytes; give one row a line")
        yield line
