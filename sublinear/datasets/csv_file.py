"""CSV files: numbers separated by commas, the label in the last column."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sublinear.datasets.content import lines, opened
from sublinear.datasets.memory import most_values
from sublinear.datasets.samples import Samples
from sublinear.files import shortened


def read(path: Path) -> Samples:
    """One input a line, UTF-8; the first line is a header if none of its features is a number; empty lines are skipped.

    Labels are compared as numbers if all are numbers, else as text. ValueError with line and column, both from 1.
    """
    values = array("d")
    labels: dict[str, int] = {}
    label_of_row = array("q")
    columns, first_line = 0, 0
    names: tuple[str, ...] | None = None
    most = most_values()
    with opened(path) as file:
        reader = csv.reader(_text(file, path), strict=True)
        try:
            for row in reader:
                if not row:
                    continue
                line = reader.line_num
                if not columns:
                    columns, first_line = len(row), line
                    if columns < 2:
                        raise ValueError(f"{path}: line {line} has 1 column; give features and a label, with commas")
                    if not any(map(_is_number, row[:-1])):
                        names = tuple(each.strip() for each in row[:-1])
                        continue
                if len(row) != columns:
                    raise ValueError(f"{path}: line {line} has {len(row)} columns and line {first_line} has {columns}")
                values.fromlist(_numbers(row[:-1], line, path))
                label = row[-1].strip()
                if not label:
                    raise ValueError(f"{path}: line {line}, column {columns} is empty; give a label")
                label_of_row.append(labels.setdefault(label, len(labels)))
                if len(values) > most:
                    raise MemoryError(f"{path}: the first {line} lines take all the memory there is; give fewer")
        except csv.Error as error:
            raise ValueError(f"{path}: line {reader.line_num} is no CSV: {shortened(error)}") from error
    if not label_of_row:
        raise ValueError(f"{path} has no rows of numbers; give features and a label a line, with commas")
    X = np.frombuffer(values).reshape(len(label_of_row), columns - 1)
    return Samples(X, _label_values(labels, path)[np.array(label_of_row)], feature_names=names)


def _text(file: BinaryIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(lines(file, path), 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: line {number}, byte {error.start + 1} is not UTF-8") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python takes 1_000 for a number


def _numbers(cells: list[str], line: int, path: Path) -> list[float]:
    try:
        numbers = list(map(float, cells))
        if math.isfinite(sum(numbers)) and "_" not in "".join(cells):
            return numbers
    except ValueError:
        pass
    for column, cell in enumerate(cells, 1):
        if not _is_number(cell) or not math.isfinite(float(cell)):
            raise ValueError(f"{path}: line {line}, column {column} is {cell.strip()!r}; give a finite number")
    return numbers


def _label_values(labels: dict[str, int], path: Path) -> NDArray[Any]:
    if not all(map(_is_number, labels)):
        return np.array(list(labels))
    values = np.array([float(label) for label in labels])
    if not np.isfinite(values).all():
        strange = list(labels)[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise ValueError(f"{path}: a label in the last column is {strange!r}; give finite numbers, or text")
    return values
