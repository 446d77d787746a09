"""What the commands that run sweeps share: their options, progress, and what is printed in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.cli.common import prepare
from sublinear.executors import LocalProcesses, OnDask
from sublinear.experiments.cell import Cell
from sublinear.experiments.contests import broken, conclusion, contests_of
from sublinear.experiments.sweep import Cells, Executor, InThisProcess, Limits, sweep_cells
from sublinear.experiments.tables import contest_note, contest_rows, contest_table, learning_tables
from sublinear.progress import progress
from sublinear.sweep_results import growth_lines
from sublinear.tables import growth_table, scaling_caption, scaling_table
from sublinear.terminal import notice, print_json, results_console, written

Timeout = Annotated[str | None, typer.Option(help="What a cell may take: seconds, or 10m, 2h.")]
Budget = Annotated[str | None, typer.Option(help="After which no cell is begun: seconds, or 30m, 2h.")]
Precision = Annotated[
    float | None,
    typer.Option(help="Time cells again until half of the 95 % confidence is this share of the mean: 0.02."),
]
Workers = Annotated[int, typer.Option(help="Run cells in so many processes; 0 = in this one.")]
Dask = Annotated[str | None, typer.Option(help="Run cells on the Dask scheduler at this address.")]
Retry = Annotated[bool, typer.Option("--retry", help="Run cells again that were refused or failed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print records and exponents as JSON.")]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str | None, option: str) -> float | None:
    """Seconds, from text such as "90", "30m" or "2h"."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*)([smhd]?)", text.strip())
    if not found or float(found[1]) == 0:
        raise ValueError(f"{option} is {text!r}; give seconds, or a number with s, m, h or d, such as 30m")
    return float(found[1]) * _UNITS[found[2]]


def limits_of(timeout: str | None, budget: str | None, precision: float | None) -> Limits:
    """The limits of a sweep, from its options."""
    return Limits(duration(timeout, "--timeout"), duration(budget, "--budget"), precision)


def executor_of(workers: int, dask: str | None) -> Executor:
    """Where cells run, from the options."""
    if workers < 0:
        raise ValueError(f"workers is {workers}; give a positive number, or 0 for this process")
    if workers and dask is not None:
        raise ValueError("--workers and --dask are both given; cells run in one place only")
    if dask is not None:
        return OnDask(dask)
    return LocalProcesses(workers) if workers else InThisProcess()


@contextmanager
def cell_progress() -> Iterator[Callable[[Cell | None, float, float, int, int], None]]:
    """How far a sweep is, over its cells, by what they cost."""
    with progress("starting") as tell:

        def watch(cell: Cell | None, done: float, total: float, number: int, count: int) -> None:
            cells = f"{number} of {count} cells"
            ended = None if cell is None else f"{cells}, {cell.label()}"
            tell(ended or cells, done, total, ended)

        yield watch


def run_sweep(sweep: Cells, out: Path, executor: Executor, limits: Limits, retry: bool) -> list[dict[str, Any]]:
    """The records of the cells, told of while they run."""
    with cell_progress() as watch:
        return sweep_cells(sweep, prepare(out), executor, limits, retry, watch)


def show_sweep(records: list[dict[str, Any]], cells: int, folder: Path, as_json: bool) -> None:
    """Prints what came of the cells. Ends the program with status 1 if one did not end well."""
    if as_json:
        found = {"records": records, "growth": [asdict(line) for line in growth_lines(records)]}
        print_json(json.dumps(found | {"conclusion": conclusion(contests_of(records))}, indent=2))
    elif records:
        _print(records)
        written(f"{len(records)} cells in {folder}")
    if len(records) < cells:
        notice(f"the budget ended: {cells - len(records)} of {cells} cells have not run; call it again to go on")
    failed = [record for record in records if record["status"] != "done"]
    for record in failed:
        notice(record["error"], f"{Cell.of(record['cell']).label()}: {record['status']}:")
    others = broken(records)
    for record, first in others:
        notice(
            f"this is a bug, please report it with the files in {folder}",
            f"{Cell.of(record['cell']).label()} is exact; its weights are not those of {first['cell']['strategy']}:",
        )
    if failed or others:
        raise typer.Exit(1)


def _print(records: list[dict[str, Any]]) -> None:
    console, contests = results_console(), contests_of(records)
    if said := conclusion(contests):
        console.print(said)
    console.print(scaling_caption(records))
    learnt = [record for record in records if not record["cell"]["iterations"]]
    timed = [record for record in records if record["cell"]["iterations"]]
    if learnt:
        for place, table in learning_tables(learnt):
            console.print(*filter(None, (place,)), table, sep="\n")
    if timed:
        console.print(scaling_table(timed))
    if len(contest_rows(contests)) > 1:
        console.print(contest_table(contests))
        console.print(contest_note(contests))
    lines = [line for line in growth_lines(records) if not learnt or line.growth.points > 2]
    if lines:
        console.print(growth_table(lines))
        console.print("Exponents with 95 % confidence: the wider of what the seeds and what the bends")
        console.print("of the line allow. Without brackets: too few sizes and seeds to say.")
