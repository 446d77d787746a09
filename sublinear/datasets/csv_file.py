"""CSV files: numbers separated by commas, and a label."""

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
from sublinear.datasets.csv_columns import Columns, Options, is_number, settle_index
from sublinear.datasets.memory import most_values
from sublinear.datasets.samples import Samples
from sublinear.files import shortened


def read(path: Path, label: str = "auto", header: str = "auto", index: str = "auto") -> Samples:
    """One input a line, UTF-8; lines of nothing but commas and spaces are skipped.

    Parameters
    ----------
    label : str
        The column of labels: "first", "last", its number from 1 or its name in the header. "auto": the column called
        label, target or class, if there is one, else the last.
    header : str
        "yes", "no", or "auto": the first line is one if none of its cells but the last is a number, if they are 0, 1,
        2, ... (four columns or more), or if its label is text and all others are numbers.
    index : str
        A column that is left out, given as the label is, or "none". "auto": a first column without a name, as pandas
        writes its index, and one called id, index or row that counts the rows.

    Labels are compared as numbers if all are numbers, else as text. ValueError with line and column, both from 1.
    """
    table = _Table(Options(path, label, header, index))
    with opened(path) as file:
        reader = csv.reader(_text(file, path), strict=True)
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    table.add(row, reader.line_num)
        except csv.Error as error:
            raise ValueError(f"{path}: line {reader.line_num} is no CSV: {shortened(error)}") from error
    return table.samples()


class _Table:
    """The rows so far."""

    def __init__(self, options: Options) -> None:
        self.options, self.path = options, options.path
        self.columns: Columns | None = None
        self.first_row: list[str] | None = None  # where it is data
        self.first_line = 0
        self.values = array("d")
        self.labels: dict[str, int] = {}
        self.label_of_row = array("q")
        self.most = most_values()

    def add(self, row: list[str], line: int) -> None:
        """One more row, in the file's line `line`."""
        columns = self.columns
        if columns is None:
            columns = self.columns = self.options.columns(row, line)
            self.features, self.others, self.first_line = columns.features, columns.others, line
            if columns.names:
                return
            self.first_row = list(row)
        if len(row) != columns.count:
            raise ValueError(
                f"{self.path}: line {line} has {len(row)} columns and line {self.first_line} has {columns.count}"
            )
        label = row[columns.label].strip()
        for column in self.others:
            del row[column]
        self.values.fromlist(self._numbers(row, line))
        if not label:
            raise ValueError(f"{self.path}: line {line}, column {columns.label + 1} is empty; give a label")
        self.label_of_row.append(self.labels.setdefault(label, len(self.labels)))
        if len(self.values) > self.most:
            raise MemoryError(f"{self.path}: the first {line} lines take all the memory there is; give fewer")

    def _numbers(self, cells: list[str], line: int) -> list[float]:
        try:
            numbers = list(map(float, cells))
            if math.isfinite(sum(numbers)) and "_" not in "".join(cells):
                return numbers
        except ValueError:
            pass
        for column, cell in zip(self.features, cells, strict=True):
            if not is_number(cell) or not math.isfinite(float(cell)):
                options = f"; a label or index there is given as in {self.path.name}:label=first or index=first"
                raise ValueError(
                    f"{self.path}: line {line}, column {column + 1} is {cell.strip()!r}; give a finite number"
                    f"{options if not self.label_of_row else ''}"
                )
        return list(map(float, cells))

    def samples(self) -> Samples:
        """What was read, with what was decided."""
        columns, texts = self.columns, list(self.labels)
        if columns is None or not self.label_of_row:
            raise ValueError(f"{self.path} has no rows of numbers; give features and a label a line, with commas")
        X = np.frombuffer(self.values).reshape(len(self.label_of_row), len(self.features))
        y = np.array(self.label_of_row)
        if self._first_row_is_header(texts, y):
            assert self.first_row is not None
            columns.names = tuple(cell.strip() for cell in self.first_row)
            columns.decided.insert(0, f"line {self.first_line} is the header")
            columns.doubts.append(
                f"line {self.first_line} is taken for the header, because only its label is no number; header=no keeps "
                "it"
            )
            X, y, texts = X[1:], y[1:] - 1, texts[1:]
        X = settle_index(columns, X, self.options.index)
        values = self._label_values(texts)
        self._doubt_label(len(texts), len(y))
        names = columns.names and tuple(columns.names[column] for column in columns.features)
        shown = [*columns.decided, f"{X.shape[1]} features", f"{len(texts)} different labels"]
        return Samples(X, values[y], feature_names=names, description="; ".join(shown), doubts=tuple(columns.doubts))

    def _first_row_is_header(self, texts: list[str], y: NDArray[np.int64]) -> bool:
        """Whether it was read as data and has the only label that is no number."""
        if self.options.header != "auto" or self.first_row is None or is_number(texts[0]):
            return False
        return len(texts) > 1 and all(map(is_number, texts[1:])) and int(np.count_nonzero(y == 0)) == 1

    def _doubt_label(self, classes: int, rows: int) -> None:
        assert self.columns is not None
        if self.options.label == "auto" and rows >= _FEWEST_TO_DOUBT and classes > rows / 2:
            self.columns.doubts.append(
                f"{self.columns.named(self.columns.label)}, has {classes} different values in {rows} rows; if it is "
                "not the label, say which is: label=first, a number or a name"
            )

    def _label_values(self, texts: list[str]) -> NDArray[Any]:
        if not all(map(is_number, texts)):
            return np.array(texts)
        values = np.array([float(text) for text in texts])
        if not np.isfinite(values).all():
            strange = texts[int(np.flatnonzero(~np.isfinite(values))[0])]
            assert self.columns is not None
            where = "the last column" if self.columns.label == self.columns.count - 1 else "the column of labels"
            raise ValueError(f"{self.path}: a label in {where} is {strange!r}; give finite numbers, or text")
        return values


_FEWEST_TO_DOUBT = 20  # rows


def _text(file: BinaryIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(lines(file, path), 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: line {number}, byte {error.start + 1} is not UTF-8") from error
