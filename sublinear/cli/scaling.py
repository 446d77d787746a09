"""`sublinear scaling`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sublinear.cli.common import (
    Dataset,
    Dtype,
    Norm,
    Normalization,
    Seed,
    Steps,
    app,
    numbers,
    one_sentence,
    prepare,
)
from sublinear.executors import LocalProcesses, OnDask
from sublinear.progress import progress
from sublinear.scaling import PEER, Cell, Executor, InThisProcess, Sweep, sweep_cells
from sublinear.sweep_results import growth_lines
from sublinear.tables import growth_table, scaling_caption, scaling_table
from sublinear.terminal import notice, print_json, results_console, written


@contextmanager
def cell_progress() -> Iterator[Callable[[Cell | None, float, float, int, int], None]]:
    """How far a sweep is, over its cells, by what they cost."""
    with progress("starting") as tell:

        def watch(cell: Cell | None, done: float, total: float, number: int, count: int) -> None:
            cells = f"{number} of {count} cells"
            ended = None if cell is None else f"{cells}, {cell.label()}"
            tell(ended or cells, done, total, ended)

        yield watch


@app.command("scaling")
def scaling_command(
    strategies: Annotated[
        str, typer.Option(help=f"Names as in compare, and {PEER}: the dense computation in NumPy.")
    ] = ",".join(Sweep.strategies),
    widths: Annotated[str, typer.Option(help="Numbers of neurons.")] = ",".join(map(str, Sweep.widths)),
    inputs: Annotated[str, typer.Option(help="Numbers of training inputs; 0 = all.")] = "0",
    features: Annotated[str, typer.Option(help="Dimensions, for generators; 0 = what the set has.")] = "0",
    radii: Annotated[str, typer.Option(help="Radii of the attack's ball.")] = "0.05",
    batch_sizes: Annotated[str, typer.Option(help="Inputs a step; 0 = all.")] = "0",
    threads: Annotated[str, typer.Option(help="Threads; 0 = as many as this process may use.")] = "0",
    repeats: Annotated[int, typer.Option(help="Seeds of each cell, from --seed on.")] = Sweep.repeats,
    dataset: Dataset = Sweep.dataset,
    normalization: Normalization = None,
    steps: Steps = Sweep.steps,
    norm: Norm = Sweep.norm,
    learning_rate: Annotated[float, typer.Option(help="Constant rate.")] = Sweep.learning_rate,
    iterations: Annotated[int, typer.Option(help="Timed training steps, after one that is not.")] = Sweep.iterations,
    max_bytes: Annotated[int, typer.Option(help="Most bytes a structure may hold; 0 = what is available.")] = 0,
    timeout: Annotated[float | None, typer.Option(help="Seconds a cell may take.")] = None,
    seed: Seed = Sweep.seed,
    dtype: Dtype = Sweep.dtype,
    workers: Annotated[int, typer.Option(help="Run cells in so many processes; 0 = in this one.")] = 0,
    dask: Annotated[str | None, typer.Option(help="Run cells on the Dask scheduler at this address.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run cells again that were refused or failed.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for a file per cell.")] = Path("sublinear-scaling"),
    as_json: Annotated[bool, typer.Option("--json", help="Print records and exponents as JSON.")] = False,
) -> None:
    """Sweep strategies over sizes, and fit how time and counted work grow.

    Options take comma-separated lists; every combination is a cell. Cells that
    --out has are not run again: call it again to go on.
    Exit status 1: a cell was refused, failed or took too long.
    """
    with one_sentence("interrupted; cells that ended are kept, call it again to go on"):
        sweep = Sweep(
            strategies=tuple(name.strip() for name in strategies.split(",") if name.strip()),
            widths=numbers(widths, "--widths"),
            inputs=numbers(inputs, "--inputs"),
            features=numbers(features, "--features"),
            radii=numbers(radii, "--radii", float),
            batch_sizes=numbers(batch_sizes, "--batch-sizes"),
            threads=numbers(threads, "--threads"),
            repeats=repeats,
            dataset=dataset,
            normalization=normalization,
            steps=steps,
            norm=norm,
            learning_rate=learning_rate,
            iterations=iterations,
            max_bytes=max_bytes,
            seed=seed,
            dtype=dtype,
        )
        folder = prepare(out)
        executor = _executor(workers, dask)
        with cell_progress() as watch:
            records = sweep_cells(sweep, folder, executor, timeout, retry, watch)
    lines = growth_lines(records)
    if as_json:
        print_json(json.dumps({"records": records, "growth": [asdict(line) for line in lines]}, indent=2))
    else:
        console = results_console()
        console.print(scaling_caption(records))
        console.print(scaling_table(records))
        if lines:
            console.print(growth_table(lines))
            console.print("Exponents with 95 % confidence: the wider of what the seeds and what the bends")
            console.print("of the line allow. Without brackets: too few sizes and seeds to say.")
        written(f"{len(records)} cells in {folder}")
    for record in records:
        if record["status"] != "done":
            label = Cell(**record["cell"]).label()
            notice(record["error"], f"{label}: {record['status']}:")
    if any(record["status"] != "done" for record in records):
        raise typer.Exit(1)


def _executor(workers: int, dask: str | None) -> Executor:
    if workers < 0:
        raise ValueError(f"workers is {workers}; give a positive number, or 0 for this process")
    if workers and dask is not None:
        raise ValueError("--workers and --dask are both given; cells run in one place only")
    if dask is not None:
        return OnDask(dask)
    return LocalProcesses(workers) if workers else InThisProcess()
