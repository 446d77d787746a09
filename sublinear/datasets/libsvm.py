"""LIBSVM (svmlight) files: "label index:value index:value ..."."""

from __future__ import annotations

import codecs
import math
from array import array
from pathlib import Path

import numpy as np

from sublinear.datasets.content import lines, opened
from sublinear.datasets.memory import most_values, require_memory
from sublinear.datasets.samples import Samples

_LARGEST_INDEX = 2**63 - 1


def read(path: Path, features: int = 0, base: str = "auto") -> Samples:
    """One input a line, indices ascending, as a dense array; "#" begins a comment.

    `base` is the index of the first feature: "0", "1", or "auto", which is 0 if a 0 is among the indices and else 1, as
    scikit-learn takes them. `features` is how many there are, the last of which may be zero everywhere; 0 for as many
    as the largest index says. Features are called by their indices. ValueError with the line and the entry, and for
    indices that do not fit `features` or `base`; MemoryError, before it is allocated, for a dense array that does not
    fit.
    """
    if base not in ("auto", "0", "1"):
        raise ValueError(f"{path}: base is {base!r}; give auto, 0 or 1")
    if features < 0:
        raise ValueError(f"{path}: features is {features}; give a positive number, or 0 for as many as there are")
    labels, values, columns, rows = array("d"), array("d"), array("q"), array("q")
    most = most_values()
    with opened(path) as file:
        for number, line in enumerate(lines(file, path), 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            label, *entries = text.partition(b"#")[0].split() or [b""]
            if not label:
                continue
            before = -1
            for entry in entries:
                column, value = _entry(entry, number, path)
                if column <= before:
                    raise ValueError(f"{path}: line {number} has index {column} after {before}; give them ascending")
                columns.append(column)
                values.append(value)
                before = column
            rows.extend([len(labels)] * len(entries))
            labels.append(_number(label, number, label, path))
            if len(values) + len(labels) > most:
                raise MemoryError(f"{path}: the first {number} lines take all the memory there is; give fewer")
    if not values:
        raise ValueError(f"{path} has no entries; give a label and index:value pairs a line")
    positions = np.frombuffer(columns, dtype=np.int64)
    first = min(1, int(positions.min())) if base == "auto" else int(base)
    if int(positions.min()) < first:
        raise ValueError(f"{path} has the index 0, and base is 1; give base=0")
    found = int(positions.max()) - first + 1
    if 0 < features < found:
        raise ValueError(
            f"{path} has the index {positions.max()}, which is feature {found}, and {features} features are asked for"
        )
    width = features or found
    require_memory(len(labels), width, str(path))
    X = np.zeros((len(labels), width))
    positions -= first
    X[np.frombuffer(rows, dtype=np.int64), positions] = np.frombuffer(values)
    names = tuple(map(str, range(first, first + width)))
    return Samples(X, np.array(labels), feature_names=names, description=_description(first, found, width, base))


def _description(first: int, found: int, width: int, base: str) -> str:
    how = "" if base != "auto" else ", because there is a 0" if first == 0 else ", because there is no 0"
    more = f" of {width}, the others are zero" if found < width else ""
    return f"indices count from {first}{how}; {found} features{more}"


def _entry(entry: bytes, line: int, path: Path) -> tuple[int, float]:
    index, colon, value = entry.partition(b":")
    if not colon or not index.isdigit() or len(index) > 19 or int(index) > _LARGEST_INDEX:
        raise ValueError(f"{path}: line {line} has {_shown(entry)}; give index:value with an index from 0 to 2^63 - 1")
    return int(index), _number(value, line, entry, path)


def _number(text: bytes, line: int, entry: bytes, path: Path) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or b"_" in text:  # Python takes 1_000 for a number
        raise ValueError(f"{path}: line {line} has {_shown(entry)}; give finite numbers")
    return number


def _shown(entry: bytes) -> str:
    return repr(entry[:40])[1:]
