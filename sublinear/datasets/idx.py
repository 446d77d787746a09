"""IDX files of images and labels: MNIST, Fashion-MNIST and others of their form."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.datasets.content import opened, read_at_most
from sublinear.datasets.memory import require_memory
from sublinear.datasets.samples import Samples

_UNSIGNED_BYTES = 0x08  # the third byte of a file; the fourth is its number of dimensions
_TYPES = {
    _UNSIGNED_BYTES: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}


def read(path: Path) -> Samples:
    """Images in "...images-idx3-ubyte", plain or ".gz", with the labels of "...labels-idx1-ubyte" beside it.

    If they are called "train-images", at the beginning or, as in EMNIST, after a hyphen, and there are such files with
    "t10k" or "test" for "train" beside it, these are the test set. One pixel a column, 0 ... 255. ValueError for a
    damaged file, with the byte; FileNotFoundError for one that is missing.
    """
    X, y = _images_and_labels(path)
    labels = f"labels are those of {_labels_of(path).name}"
    for test in _tests_of(path):
        if _existing(test) or _existing(_labels_of(test)):
            X_test, y_test = _images_and_labels(test)
            return Samples(X, y, "unit", X_test, y_test, description=f"{labels}; test inputs are {test.name}")
    return Samples(X, y, "unit", description=f"{labels}; test inputs are split off, there is no file of them")


def read_folder(folder: Path) -> Samples:
    """The four files of MNIST in a folder, or of one set of EMNIST, plain or ".gz".

    FileNotFoundError for the first that is missing, ValueError for a folder with several sets.
    """
    files = {each.name.removesuffix(".gz") for each in folder.iterdir() if _TRAIN.search(each.name) and each.is_file()}
    sets = {name.replace(".idx3", "-idx3"): name for name in sorted(files, reverse=True)}  # "-" before "."
    if len(sets) > 1:
        raise ValueError(f"{folder} has several sets: {', '.join(sorted(files))}; give one of these files")
    train = folder / next(iter(sets.values()), "train-images-idx3-ubyte")
    tests = _tests_of(train)
    test = next((each for each in tests if _existing(each) or _existing(_labels_of(each))), tests[0])
    for path in (train, _labels_of(train), test, _labels_of(test)):
        if not _existing(path):
            raise FileNotFoundError(
                f"{folder} is a folder without {path.name}[.gz]; give a file, or a folder with MNIST's four files"
            )
    return read(train)


_TRAIN = re.compile(r"(?<![^-_.])train(?=-images[-.]idx3-ubyte(\.gz)?$)")


def _tests_of(images: Path) -> list[Path]:
    """What the test images beside training images are called; none for other images."""
    if not _TRAIN.search(images.name):
        return []
    return [images.with_name(_TRAIN.sub(name, images.name)) for name in ("t10k", "test")]


def _labels_of(images: Path) -> Path:
    return images.with_name(re.sub(r"images([-.])idx3", r"labels\1idx1", images.name))


def _existing(path: Path) -> Path | None:
    """The file itself, or the one with ".gz" more or less in its name."""
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    return next((each for each in (path, other) if each.is_file()), None)


def _images_and_labels(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    images_path, labels_path = _existing(path), _existing(_labels_of(path))
    if images_path is None or labels_path is None:
        there, missing = (labels_path, path) if images_path is None else (images_path, _labels_of(path))
        raise FileNotFoundError(f"{there} needs {missing.name} beside it, plain or .gz, and there is none")
    labels = _read(labels_path, 1, "labels")
    images = _read(images_path, 3, "images")
    if len(labels) != len(images):
        raise ValueError(f"{labels_path} has {len(labels)} labels and {images_path} has {len(images)} images")
    rows, columns = len(images), math.prod(images.shape[1:])
    require_memory(rows, columns, str(images_path))
    return images.reshape(rows, columns).astype(np.float64), labels


def _read(path: Path, dimensions: int, what: str) -> NDArray[np.uint8]:
    magic = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    start = 4 + 4 * dimensions
    with opened(path) as file:
        header = file.read(start)
        if header[:4] != magic[: len(header)]:
            raise ValueError(
                f"{path}: bytes 0 to 3 are {header[:4].hex()}{_meaning(header)}; IDX {what} begin with {magic.hex()}, "
                f"unsigned bytes in {dimensions} dimension{'s' * (dimensions > 1)}"
            )
        if len(header) < start:
            raise ValueError(f"{path}: the file ends at byte {len(header)}, inside the header of {start} bytes")
        shape = struct.unpack(f">{dimensions}I", header[4:])
        said = f"byte 4 says {shape[0]} {what}" + " of " * (dimensions > 1) + " x ".join(map(str, shape[1:]))
        size = math.prod(shape[1:])
        if size == 0 or shape[0] == 0:
            raise ValueError(f"{path}: {said}; give at least one, of at least one pixel")
        content = read_at_most(file, size * shape[0], str(path))
        if len(content) < size * shape[0]:
            raise ValueError(
                f"{path}: {said} and the file ends after {len(content) // size} of them, "
                f"at byte {start + len(content)}; fetch it again"
            )
        if file.read(1):
            raise ValueError(f"{path}: {said} and the file goes on after them, at byte {start + len(content)}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _meaning(header: bytes) -> str:
    """What the first bytes of something else say that it is."""
    if header[:2] == b"\x1f\x8b":
        return " (gzip data: let the name end in .gz)"
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _TYPES:
        return ""
    return f" ({_TYPES[header[2]]} in {header[3]} dimension{'s' * (header[3] != 1)})"
