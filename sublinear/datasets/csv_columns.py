"""What the columns of a CSV file are: which is the label, which an index, and whether the first line is a header."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.datasets.record import listed
from sublinear.files import shortened

#: Names of columns, in small letters, that are labels wherever they stand, and that are indexes if they count the rows.
_LABELS = {"label", "target", "class"}
_INDEXES = {"id", "index", "row"}
_UNNAMED = re.compile(r"(unnamed: ?\d+)?", re.IGNORECASE)  # pandas names the index it wrote so, or not at all
_FEWEST_TO_COUNT = 8  # rows; fewer may count by chance
_FEWEST_IN_HEADER = 4  # columns that are named 0, 1, 2, ...


def is_number(cell: str) -> bool:
    """Whether a cell is one of Python's numbers, infinite ones and NaN too."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python takes 1_000 for a number


@dataclass
class Columns:
    """The columns of one file, from 0. `names` are those of the header; `index`, if there is one, is left out.

    `decided` says in words what was taken for what; `doubts` what may be wrong.
    """

    count: int
    label: int
    index: int | None = None
    names: tuple[str, ...] | None = None
    decided: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def features(self) -> list[int]:
        """Those that are neither the label nor the index."""
        return [column for column in range(self.count) if column not in (self.label, self.index)]

    @property
    def others(self) -> list[int]:
        """The label and the index, the last first."""
        return [column for column in reversed(range(self.count)) if column in (self.label, self.index)]

    def named(self, column: int) -> str:
        """For messages: "column 3, 'width'"."""
        return f"column {column + 1}" + (f", {shortened(self.names[column])!r}" if self.names else "")


@dataclass(frozen=True)
class Options:
    """As the reader of CSV files takes them; `path` is for messages."""

    path: Path
    label: str = "auto"
    header: str = "auto"
    index: str = "auto"

    def __post_init__(self) -> None:
        if self.header not in ("auto", "yes", "no"):
            raise ValueError(f"{self.path}: header is {self.header!r}; give auto, yes or no")
        for name in ("label", "index"):
            if not getattr(self, name):
                raise ValueError(f"{self.path}: {name} is empty; give the name or number of a column, first or last")

    def columns(self, row: list[str], line: int) -> Columns:
        """What the columns are, from the first line that is not blank. ValueError for what does not fit it."""
        cells = [cell.strip() for cell in row]
        if len(cells) < 2:
            raise ValueError(f"{self.path}: line {line} has 1 column; give features and a label, with commas")
        names = tuple(cells) if self._is_header(cells) else None
        columns = Columns(len(cells), len(cells) - 1, None, names)
        if names:
            columns.decided.append(f"line {line} is the header")
            if self.header == "auto" and not self._names_a_column() and _counts(cells):
                columns.doubts.append(f"line {line} counts its columns and is taken for the header; header=no keeps it")
        self._set_index(columns)
        self._set_label(columns)
        if not columns.features:
            raise ValueError(f"{self.path}: line {line} has {len(cells)} columns and none is left for features")
        return columns

    def _is_header(self, cells: list[str]) -> bool:
        by_name = self._names_a_column()
        if self.header != "auto" or by_name:
            if self.header == "no" and by_name:
                raise ValueError(f"{self.path}: header is 'no' and a column is given by its name; give its number")
            return self.header != "no"
        index = "none" if self.index == "auto" else self.index
        others = {self._position(each, len(cells)) for each in (self.label, index)}
        features = [cell for column, cell in enumerate(cells) if column not in others]
        return not any(map(is_number, features)) or _counts(cells)

    def _names_a_column(self) -> bool:
        return any(not _is_place(each) for each in (self.label, self.index))

    def _position(self, text: str, count: int) -> int | None:
        """Of a column that is given by its place; the last for a label that is not given."""
        if text.isdecimal() and text.isascii():
            return int(text) - 1
        return {"first": 0, "last": count - 1, "auto": count - 1, "none": None}[text]

    def _set_index(self, columns: Columns) -> None:
        names = columns.names
        if self.index == "none":
            return
        if self.index != "auto":
            columns.index = self._place(self.index, "index", columns)
        elif names and _UNNAMED.fullmatch(names[0]):
            columns.index = 0
        if columns.index is not None:
            columns.decided.append(f"{columns.named(columns.index)}, is an index and left out")

    def _set_label(self, columns: Columns) -> None:
        names, last = columns.names, columns.count - 1
        if self.label != "auto":
            columns.label = self._place(self.label, "label", columns)
            if columns.label == columns.index:
                raise ValueError(f"{self.path}: {columns.named(columns.index)}, is given as label and as index")
        elif columns.index == last:
            columns.label = last - 1
        if self.label == "auto" and names:
            known = [k for k, name in enumerate(names) if name.lower() in _LABELS and k != columns.index]
            if len(known) == 1 and known[0] != columns.label:
                columns.label = known[0]
                columns.doubts.append(
                    f"{columns.named(known[0])}, is taken for the label because of its name; label=last takes the last "
                    "column"
                )
        columns.decided.append(f"{columns.named(columns.label)}, is the label")

    def _place(self, text: str, option: str, columns: Columns) -> int:
        if text in ("first", "last"):
            return 0 if text == "first" else columns.count - 1
        if text.isdecimal() and text.isascii():
            if not 1 <= int(text) <= columns.count:
                raise ValueError(f"{self.path}: {option} is column {text[:20]}; there are columns 1 to {columns.count}")
            return int(text) - 1
        names = columns.names or ()
        if names.count(text) != 1:
            how_often = "twice or more" if text in names else "not"
            raise ValueError(
                f"{self.path}: {option} is {shortened(text)!r}, which is {how_often} among the names of the columns: "
                f"{listed(names)}"
            )
        return names.index(text)


def _is_place(text: str) -> bool:
    return text in ("auto", "none", "first", "last") or (text.isdecimal() and text.isascii())


def _counts(cells: list[str]) -> bool:
    """Whether they are 0, 1, 2, ... as pandas numbers columns, at one end of them perhaps the name of a label."""
    cells = cells[not cells[0] :]  # nothing stands above an index
    texts = [k for k, cell in enumerate(cells) if not is_number(cell)]
    if texts in ([0], [len(cells) - 1]):
        del cells[texts[0]]
    return len(cells) >= _FEWEST_IN_HEADER and cells == [str(k) for k in range(len(cells))]


def settle_index(columns: Columns, X: NDArray[Any], chosen: str) -> NDArray[Any]:
    """The features without a first column that counts the rows, if its name says that it is an index; else a doubt."""
    if chosen != "auto" or columns.index is not None or columns.label == 0 or X.shape[1] < 2:
        return X
    first = X[:, 0]
    if first[0] not in (0, 1) or not np.array_equal(first, first[0] + np.arange(len(first))):
        return X
    if columns.names and columns.names[0].lower() in _INDEXES:
        columns.index = 0
        columns.decided.append(f"{columns.named(0)}, counts the rows, is an index and left out")
        return X[:, 1:]
    if len(first) >= _FEWEST_TO_COUNT:
        columns.doubts.append(
            f"{columns.named(0)}, counts the rows and is taken for a feature; index=first leaves it out, index=none "
            "keeps it"
        )
    return X
