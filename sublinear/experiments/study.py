"""Studies: several grids in one file, each with the question that it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sublinear.experiments.cell import Cell
from sublinear.experiments.grid import Grid
from sublinear.experiments.texts import read_toml, settings_in
from sublinear.files import shortened

_QUESTION = "question"


@dataclass(frozen=True)
class Part:
    """A grid with a name, and the question that it answers; both may be empty."""

    grid: Grid
    name: str = ""
    question: str = ""


@dataclass(frozen=True)
class Study:
    """The parts of a study; a cell that several of them have runs once."""

    parts: tuple[Part, ...]

    def cells(self) -> list[Cell]:
        """Every cell, cheap ones first; those that differ in the strategy alone stand together."""
        cells = dict.fromkeys(cell for part in self.parts for cell in part.grid.cells())
        return sorted(cells, key=lambda cell: cell.cost)

    def without(self, cells: Collection[Cell]) -> Study:
        """The same study, but for these cells."""
        return Study(tuple(replace(part, grid=part.grid.without(cells)) for part in self.parts))

    def records(self, found: Iterable[dict[str, Any]]) -> list[tuple[Part, list[dict[str, Any]]]]:
        """Of these records those of each part, in the order of its cells."""
        by_cell = {Cell.of(record["cell"]): record for record in found}
        return [(part, [by_cell[cell] for cell in part.grid.cells() if cell in by_cell]) for part in self.parts]


def read_study(path: Path | None, over: Mapping[str, Any] | None = None) -> Study:
    """The study in a TOML file, with the settings `over` in place of its own in every part.

    What stands before the first table is of every part; a table ``[name]`` is a part, with its own settings and
    `question`. A file without tables is one part. Raises as `read_settings` and `Grid`.
    """
    over = dict(over or {})
    if path is None:
        return Study((Part(Grid(over)),))
    content = read_toml(path)
    shared = {name: value for name, value in content.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    if not tables:
        return Study((_part("", shared, {}, over, path),))
    return Study(tuple(_part(name, shared, table, over, path) for name, table in tables.items()))


def _part(name: str, shared: Mapping[str, Any], own: Mapping[str, Any], over: Mapping[str, Any], path: Path) -> Part:
    own = dict(own)
    question = own.pop(_QUESTION, shared.get(_QUESTION, ""))
    if not isinstance(question, str):
        raise ValueError(f"{path}: {_QUESTION} is {shortened(question)!r}; give text")
    common = settings_in({key: value for key, value in shared.items() if key != _QUESTION}, path, Cell, lists=True)
    values = common | settings_in(own, path, Cell, lists=True) | dict(over)
    try:
        return Part(Grid(values), name, question)
    except (TypeError, ValueError) as error:
        where = f", part {name}" if name else ""
        raise ValueError(f"{path}{where}: {error}") from None
