"""`sublinear scaling`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sublinear.cli.common import Dataset, Dtype, Norm, Normalization, Seed, Steps, app, numbers, one_sentence
from sublinear.cli.sweeping import (
    AsJson,
    Budget,
    Dask,
    Precision,
    Retry,
    Timeout,
    Workers,
    executor_of,
    limits_of,
    run_sweep,
    show_sweep,
)
from sublinear.experiments.cell import PEER
from sublinear.scaling import Sweep


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
    timeout: Timeout = None,
    budget: Budget = None,
    precision: Precision = None,
    seed: Seed = Sweep.seed,
    dtype: Dtype = Sweep.dtype,
    workers: Workers = 0,
    dask: Dask = None,
    retry: Retry = False,
    out: Annotated[Path, typer.Option(help="Folder for a file per cell.")] = Path("sublinear-scaling"),
    as_json: AsJson = False,
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
        limits, executor = limits_of(timeout, budget, precision), executor_of(workers, dask)
        records = run_sweep(sweep, out, executor, limits, retry)
    show_sweep(records, len(sweep.cells()), out, as_json)
