"""`sublinear sweep`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from sublinear.cli.common import app, one_sentence, prepare
from sublinear.cli.settings import settings_options
from sublinear.cli.sweeping import (
    AsJson,
    Budget,
    Dask,
    Precision,
    Retry,
    Timeout,
    Workers,
    duration,
    executor_of,
    limits_of,
    run_sweep,
    show_sweep,
)
from sublinear.experiments.cell import Cell
from sublinear.experiments.estimate import Estimate, estimates
from sublinear.experiments.study import Study
from sublinear.experiments.sweep import cells_without_record, pack
from sublinear.terminal import notice


@app.command("sweep")
@settings_options(Cell, lists=True)
def sweep_command(
    given: Callable[[], Study],
    timeout: Timeout = None,
    budget: Budget = None,
    precision: Precision = None,
    skip_longer: Annotated[
        str | None, typer.Option(help="Leave out cells that are estimated to take longer: 10m, 2h.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print what it will take, and end.")] = False,
    workers: Workers = 0,
    dask: Dask = None,
    retry: Retry = False,
    packed: Annotated[
        Path | None, typer.Option(help="In the end, one file with the records of all cells in --out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for a file per cell.")] = Path("sublinear-sweep"),
    as_json: AsJson = False,
) -> None:
    """Train every combination of settings, and say which strategy wins where.

    Options take comma-separated lists, seeds also 0-9; each combination is a
    cell with a file in --out. Cells that --out has are not run again: call it
    again to go on. Before it starts it says what it will take, from two steps of
    each kind.
    Exit status 1: a cell was refused, failed or took too long.
    """
    with one_sentence("interrupted; cells that ended are kept, call it again to go on"):
        sweep = given()
        limits, executor, longest = (
            limits_of(timeout, budget, precision),
            executor_of(workers, dask),
            duration(skip_longer, "--skip-longer"),
        )
        missing = cells_without_record(sweep, prepare(out), retry)
        if estimate or longest is not None or limits.budget is None:
            found = estimates(missing)
            _tell(found)
            if estimate:
                return
            sweep = _without_long(sweep, found, longest)
        records = run_sweep(sweep, out, executor, limits, retry)
        if packed is not None:
            pack(out, packed)
    show_sweep(records, len(sweep.cells()), out, as_json)


def _tell(found: dict[Cell, Estimate | None]) -> None:
    """What the cells that are missing will take, in all and by strategy."""
    if not found:
        return
    sums: dict[str, tuple[float, bool]] = {}
    for cell, each in found.items():
        seconds, open_ended = sums.get(cell.strategy, (0.0, False))
        if each is not None:
            sums[cell.strategy] = seconds + each.seconds, open_ended or each.at_least
    parts = [f"{name} {_about(*told)}" for name, told in sums.items()]
    total = sum(seconds for seconds, _ in sums.values())
    told = _about(total, any(open_ended for _, open_ended in sums.values()))
    notice(f"{len(found)} cells to run, one after the other {told}: {', '.join(parts)}")


def _about(seconds: float, at_least: bool) -> str:
    return f"{'more than' if at_least else 'about'} {timedelta(seconds=max(1, round(seconds)))}"


def _without_long(sweep: Study, found: dict[Cell, Estimate | None], longest: float | None) -> Study:
    if longest is None:
        return sweep
    long = {cell for cell, each in found.items() if each is not None and each.seconds > longest}
    for cell in sorted(long, key=Cell.label):
        notice(f"{cell.label()}: left out, it would take longer than --skip-longer")
    return sweep.without(long)
