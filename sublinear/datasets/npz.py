"""NumPy's .npz files."""

from __future__ import annotations

import io
import lzma
import math
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sublinear.datasets.content import opened, read_at_most
from sublinear.datasets.memory import require_memory
from sublinear.datasets.samples import Samples
from sublinear.files import shortened

_SHOWN = 12  # names of arrays in a message
_WHOLE, _PARTS = ("x", "y"), ("x_train", "y_train", "x_test", "y_test")
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

#: What zipfile raises for damaged archives, encrypted members (RuntimeError) and places before the file (OSError).
_DAMAGED = (
    zipfile.BadZipFile,
    ValueError,
    RuntimeError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


def read(path: Path) -> Samples:
    """Arrays X and y, or x_train, y_train, x_test and y_test, in small or capital letters; others are not looked at.

    Inputs of more than two dimensions (images) become rows. Nothing is unpickled. ValueError with the array's name.
    """
    with opened(path) as file:
        packed = io.BytesIO(read_at_most(file, sys.maxsize, str(path))) if path.suffix.lower() == ".gz" else file
        with _archive(packed, path) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
            arrays = [_read(archive, members[name], f"{path}: array {name!r}") for name in _chosen(members, path)]
    for k in range(0, len(arrays), 2):
        arrays[k] = arrays[k].reshape(len(arrays[k]), math.prod(arrays[k].shape[1:]))
    X, y, *test = arrays
    X_test, y_test = test or (None, None)
    names = ", ".join(_PARTS if test else _WHOLE)
    return Samples(X, y, "standard+unit", X_test, y_test, description=f"arrays {names}; {X.shape[1]} features")


def _archive(file: IO[bytes], path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _DAMAGED as error:
        raise ValueError(f"{path} is damaged or no .npz file: {shortened(error)}") from error


def _chosen(members: dict[str, Any], path: Path) -> list[str]:
    """The names of the arrays that are meant, in the order of `_WHOLE` or `_PARTS`."""
    sets = [[[name for name in members if name.lower() == wanted] for wanted in names] for names in (_WHOLE, _PARTS)]
    complete = [each for each in sets if all(each)]
    if len(complete) != 1 or any(len(names) > 1 for names in complete[0]):
        found = ", ".join(map(repr, list(members)[:_SHOWN])) or "none"
        raise ValueError(f"{path} has the arrays {found}; give X and y, or x_train, y_train, x_test and y_test")
    return [names[0] for names in complete[0]]


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> NDArray[Any]:
    """One array. Its header is read first: numpy.load would allocate what it says."""
    is_input = member.filename.lower().startswith("x")
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version not in _READERS:
                raise ValueError(f"format {version} is not known")
            shape, fortran, dtype = _READERS[version](file)
            if dtype.kind not in ("fiub" if is_input else "fiubUS") or dtype.itemsize == 0:
                raise ValueError(f"dtype is {dtype}; give numbers" + ("" if is_input else " or text"))
            if len(shape) < 1 + is_input or min(shape) < 1:
                raise ValueError(f"shape is {shape}; give (n, d) for inputs and (n,) for labels, with n and d > 0")
            if is_input:
                require_memory(shape[0], math.prod(shape[1:]), what)
            size = math.prod(shape) * dtype.itemsize
            content = read_at_most(file, size, what)
            if len(content) < size:
                raise ValueError(f"its header says shape {shape}, {size} bytes, and it ends after {len(content)}")
            if file.read(1):
                raise ValueError(f"its header says shape {shape}, {size} bytes, and it goes on after them")
    except _DAMAGED as error:
        raise ValueError(f"{what} cannot be read: {shortened(error)}") from error
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
