"""How long a sweep will take, from a few steps of each strategy, before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sublinear.experiments.cell import Cell, run_cell

_PROBE_STEPS = 2
_PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class Estimate:
    """Seconds that a cell will take; `at_least` where a probe did not come through a step."""

    seconds: float
    at_least: bool = False


def estimates(
    cells: Iterable[Cell], probe: Callable[[Cell], dict[str, Any]] | None = None
) -> dict[Cell, Estimate | None]:
    """What each cell will take, from two steps of the narrowest one of its kind, whose times grow with the width.

    Cells are of one kind if they differ in width, seed and rate alone. None where the narrowest one fails. Structures
    grow faster or slower than the width, and real machines have other things to do: "about" is what it is.
    """
    probe = _probe if probe is None else probe
    kinds: dict[str, list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(_kind(cell), []).append(cell)
    found: dict[Cell, Estimate | None] = {}
    for members in kinds.values():
        narrowest = min(members, key=lambda cell: cell.width)
        record = probe(replace(narrowest, iterations=_PROBE_STEPS, epochs=1))
        found |= {cell: _scaled(cell, cell.width / narrowest.width, record) for cell in members}
    return found


def _kind(cell: Cell) -> str:
    varied = ("width", "seed", "learning_rate", "epochs", "iterations")
    return json.dumps({name: value for name, value in cell.as_dict().items() if name not in varied}, sort_keys=True)


def _probe(cell: Cell) -> dict[str, Any]:
    return run_cell(cell, _PROBE_SECONDS)


def _scaled(cell: Cell, times: float, record: dict[str, Any]) -> Estimate | None:
    if record["status"] == "timeout":
        return Estimate(times * record["seconds_in_all"], at_least=True)
    if record["status"] != "done":
        return None
    inputs = record["sizes"]["inputs"]
    per_epoch = -(-inputs // (cell.batch_size or inputs))
    steps = cell.iterations + 1 if cell.iterations else cell.epochs * per_epoch
    judging = 0.0 if cell.iterations else per_epoch * record["dataset"]["n_test"] / inputs
    return Estimate(times * (record["build_seconds"] + (steps + judging) * record["seconds_per_iteration"]))
