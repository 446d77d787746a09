"""Grids: every combination of settings is a cell."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sublinear.experiments.cell import Cell
from sublinear.experiments.texts import names_of, plural, values_text
from sublinear.files import command


class Grid:
    """Values of settings by name, in the singular or plural: one, or a tuple or list of them.

    ``Grid({"widths": [1024, 4096], "seeds": range(5), "strategies": ["dense", "margin"]})``. Settings that are left out
    are those of `Cell`. Every cell is checked here: ValueError and TypeError name the setting.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        names, self.values = names_of(Cell), dict[str, tuple[Any, ...]]()
        for key, value in given.items():
            name = names.get(key)
            if name is None:
                raise ValueError(f"{key!r} is no setting; known are {', '.join(names)}")
            single = isinstance(value, str) or not isinstance(value, Iterable)
            values = (value,) if single else tuple(value)
            if not values:
                raise ValueError(f"{plural(name)} is empty; give at least one")
            if len(set(values)) < len(values):
                raise ValueError(f"{plural(name)} has {', '.join(map(str, values))}; give each once")
            self.values[name] = values
        self._cells = self._made()

    def _made(self) -> list[Cell]:
        others = {name: values for name, values in self.values.items() if name not in ("seed", "strategy")}
        seeds, strategies = (self.values.get(name, (getattr(Cell, name),)) for name in ("seed", "strategy"))
        cells = [
            Cell(**dict(zip(others, combination, strict=True)), seed=seed, strategy=strategy)
            for combination in itertools.product(*others.values())
            for seed in seeds
            for strategy in strategies
        ]
        return sorted(dict.fromkeys(cells), key=lambda cell: cell.cost)

    def without(self, cells: Collection[Cell]) -> Grid:
        """The same grid, but for these cells."""
        other = copy.copy(self)
        other._cells = [cell for cell in self._cells if cell not in cells]
        return other

    def cells(self) -> list[Cell]:
        """Every cell, cheap ones first; those that differ in the strategy alone stand together."""
        return list(self._cells)


def sweep_command(cells: Iterable[Cell]) -> str:
    """What to type for a sweep that has these cells; and others if they are no grid. Defaults are left out."""
    cells = list(cells)
    options: dict[str, Any] = {}
    for each in dataclasses.fields(Cell):
        values = list(dict.fromkeys(getattr(cell, each.name) for cell in cells))
        if values != [each.default]:
            texts = ["inf" if value == float("inf") else value for value in values]
            options[plural(each.name).replace("_", "-")] = values_text(texts)
    return command("sweep", options)
