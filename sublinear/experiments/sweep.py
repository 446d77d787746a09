"""Sweeps: every cell of a grid once, one file for each, whatever stops them."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from sublinear.arrays import as_integer, as_number
from sublinear.experiments.cell import CELL_FORMAT, Cell, blank_record, run_cell
from sublinear.files import remove_leftovers, write_whole
from sublinear.interrupts import deferred_interrupt
from sublinear.intervals import mean_of
from sublinear.locks import locked_folder
from sublinear.sweep_data import Content, Contents, cell_key, content_of

#: The format of one file with the records of many cells: {"format", "records"}.
PACKED_FORMAT = "sublinear-cells-1"


def pack(folder: Path, out: Path) -> int:
    """Writes the records in `folder` to one file, a line each, which reports read too; returns how many there are."""
    records = [record for path in sorted(folder.glob("*.json")) if (record := read_record(path)) is not None]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    write_whole(out, f'{{"format": "{PACKED_FORMAT}", "records": [\n{lines}\n]}}\n'.encode())
    return len(records)


class Cells(Protocol):
    """A sweep: a `Grid`, or a preset that makes one."""

    def cells(self) -> list[Cell]:
        """Every cell, in the order in which they are to run."""


class Executor(Protocol):
    """Where cells run."""

    def run(
        self, cells: list[Cell], timeout: float | None, go_on: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in the order in which they end; none is begun once `go_on` says False."""


class InThisProcess:
    """One cell after the other, here. A timeout is noticed between steps."""

    def run(
        self, cells: list[Cell], timeout: float | None, go_on: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in order."""
        for cell in cells:
            if not go_on():
                return
            yield cell, run_cell(cell, timeout)


#: (cell that ended, or None before the first; cost of those done; cost of all; cells done; cells in all)
Watcher = Callable[[Cell | None, float, float, int, int], object]


@dataclass(frozen=True)
class Limits:
    """How long a sweep may take, and how often it measures.

    timeout : float, optional
        Seconds a cell may take.
    budget : float, optional
        Seconds after which no cell is begun.
    precision : float, optional
        Cells are run again, round after round over all of them, until their seconds a step are known so well: half of
        the 95 % confidence of the mean over rounds, over that mean. Weights are the same in every round.
    most_rounds : int, default 20
        Of these.
    """

    timeout: float | None = None
    budget: float | None = None
    precision: float | None = None
    most_rounds: int = 20

    def __post_init__(self) -> None:
        for name in ("timeout", "budget", "precision"):
            if getattr(self, name) is not None:
                as_number(getattr(self, name), name, positive=True)
        as_integer(self.most_rounds, "most_rounds", 1)

    def wants_more(self, record: dict[str, Any]) -> bool:
        """Whether a cell is to be timed once more."""
        if self.precision is None or record["status"] != "done" or "rounds_ended" in record:
            return False
        rounds = rounds_of(record)
        if len(rounds) >= self.most_rounds:
            return False
        mean = mean_of(rounds)
        return mean.half_width is None or mean.half_width > self.precision * mean.value


def rounds_of(record: dict[str, Any]) -> list[float]:
    """Seconds a step of each time the cell ran."""
    return list(record.get("rounds") or [record["seconds_per_iteration"]])


def sweep_cells(
    sweep: Cells,
    folder: Path,
    executor: Executor | None = None,
    limits: Limits | None = None,
    retry: bool = False,
    watch: Watcher | None = None,
) -> list[dict[str, Any]]:
    """Runs every cell of the sweep that has no record in `folder` yet; returns the records of the cells that have one.

    Each cell's record is written whole as soon as it ends, so that a sweep which is stopped in any way goes on where it
    was. Records of cells that were refused, failed or timed out count as ended, unless `retry`. Times are those of the
    machine that ran the cell; its record says which. One sweep at a time has a folder: OSError if it is in use. All
    cells have a record at the end unless a budget ended.

    Data is known by its content: a cell that ran on the same content by another path is the same cell. ValueError,
    before anything runs, where `folder` has cells of the same data set with other content.
    """
    with locked_folder(folder):
        return _Run(sweep, folder, executor or InThisProcess(), limits or Limits(), retry, watch).records()


def cells_without_record(sweep: Cells, folder: Path, retry: bool = False) -> list[Cell]:
    """The cells that `sweep_cells` would run. Raises as it does."""
    cells = sweep.cells()
    ended = _ended(cells, Contents(cells), folder, retry)
    return [cell for cell in cells if cell not in ended]


class _Run:
    """One call of `sweep_cells`."""

    def __init__(
        self,
        sweep: Cells,
        folder: Path,
        executor: Executor,
        limits: Limits,
        retry: bool,
        watch: Watcher | None,
    ) -> None:
        self.cells, self.folder, self.executor, self.limits, self.watch = sweep.cells(), folder, executor, limits, watch
        self.end = math.inf if limits.budget is None else time.monotonic() + limits.budget
        with deferred_interrupt() as interrupt:  # as in `run_cell`
            self.contents = Contents(self.cells)
        if interrupt.asked:
            raise KeyboardInterrupt
        self.found = _ended(self.cells, self.contents, folder, retry)

    def records(self) -> list[dict[str, Any]]:
        """Of the cells, in their order."""
        self._tell(None)
        missing = [cell for cell in self.cells if cell not in self.found]
        for cell in missing:
            remove_leftovers(self.folder / cell.file)
        for cell, record in self._ran(missing):
            self._keep(cell, record)
            self._tell(cell)
        while again := [each for each in self.cells if each in self.found and self._wants_more(each)]:
            for cell, record in self._ran(again):
                self._keep(cell, merged(self.found[cell], record))
                self._tell(cell)
            if not self._in_time():
                break
        return [self.found[cell] for cell in self.cells if cell in self.found]

    def _wants_more(self, cell: Cell) -> bool:
        return self.limits.wants_more(self.found[cell])

    def _in_time(self) -> bool:
        return time.monotonic() < self.end

    def _ran(self, cells: list[Cell]) -> Iterator[tuple[Cell, dict[str, Any]]]:
        return self.executor.run(cells, self.limits.timeout, self._in_time) if cells else iter(())

    def _keep(self, cell: Cell, record: dict[str, Any]) -> None:
        try:
            self.contents.check(cell, content_of(record), f"{cell.label()} met")
        except ValueError as error:
            record = {**blank_record(cell), "status": "failed", "error": str(error)}
        # Of cells that did not get as far as to say it.
        record.setdefault("dataset", {"name": cell.dataset, **asdict(self.contents[cell])})
        write_whole(self.folder / cell.file, json.dumps(record, indent=1).encode() + b"\n")
        self.found[cell] = record

    def _tell(self, cell: Cell | None) -> None:
        if self.watch is not None:
            done, total = (sum(each.cost for each in cells) for cells in (self.found, self.cells))
            self.watch(cell, done, total, len(self.found), len(self.cells))


def merged(before: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """The record of a cell that was timed once more: "rounds" has each time's seconds a step, their median counts.

    What ended otherwise this time leaves the record as it was, and is not timed again. RuntimeError where the weights
    are others.
    """
    rounds = rounds_of(before)
    if again["status"] != "done":
        return {**before, "rounds": rounds, "rounds_ended": again["error"]}
    if before.get("weights_sha256") != again.get("weights_sha256"):
        label = Cell.of(before["cell"]).label()
        raise RuntimeError(f"{label} ended with other weights than before: this is a bug, please report it")
    rounds.append(again["seconds_per_iteration"])
    builds = [*(before.get("build_rounds") or [before["build_seconds"]]), again["build_seconds"]]
    return {
        **before,
        "rounds": rounds,
        "build_rounds": builds,
        "seconds_per_iteration": statistics.median(rounds),
        "build_seconds": statistics.median(builds),
    }


def _ended(cells: list[Cell], contents: Contents, folder: Path, retry: bool) -> dict[Cell, dict[str, Any]]:
    """The records in `folder` that need not be made again, by cell. ValueError as `sweep_cells`."""

    kept: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        if record is None:
            continue
        content = content_of(record)
        contents.check(Cell.of(record["cell"]), content, f"the cells in {folder} were run on")
        if record["status"] == "done" or not retry:
            kept[cell_key(record["cell"], content)] = record
            kept.setdefault(cell_key(record["cell"], Content()), record)  # should the data not be there any more
    found = {}
    for cell in cells:
        keys = [cell_key(cell.as_dict(), content) for content in (contents[cell], Content())]
        record = next((kept[each] for each in keys if each in kept), None)
        if record is not None:
            found[cell] = {**record, "cell": cell.as_dict()}
    return found


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in a file, or None where there is none, or none that is whole."""
    try:
        return parsed_record(path.read_bytes())
    except OSError:
        return None


def parsed_record(content: bytes) -> dict[str, Any] | None:
    """The record that a file holds, or None."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("format") != CELL_FORMAT or not isinstance(record.get("cell"), dict):
        return None
    if record["cell"].keys() != {each.name for each in fields(Cell)}:  # of another version
        return None
    if not isinstance(record["cell"]["dataset"], str):
        return None
    return record if record.get("status") in ("done", "refused", "timeout", "failed") else None
