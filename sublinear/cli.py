"""The command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sublinear import __version__
from sublinear.attacks import parse_attacks
from sublinear.compare import Comparison, Settings, Watcher, compare
from sublinear.datasets import describe_datasets, load_dataset
from sublinear.evaluation import evaluate
from sublinear.executors import LocalProcesses, OnDask
from sublinear.files import write_whole
from sublinear.info import build_info, get_cmake_dir, get_include, machine
from sublinear.network import TwoLayerNetwork
from sublinear.report import write_report
from sublinear.scaling import PEER, Cell, Executor, InThisProcess, Sweep, growth_lines, sweep_cells
from sublinear.strategies import EXACT_STRATEGIES, Strategy
from sublinear.tables import (
    approximate_table,
    comparison_caption,
    comparison_table,
    evaluation_table,
    growth_table,
    info_table,
    scaling_table,
)
from sublinear.trainer import DivergenceError
from sublinear.trainer import Progress as Step
from sublinear.training_run import NETWORK, TrainSettings, train

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train wide two-layer networks adversarially in the neurons that fire, exactly.",
)


_DATASET = describe_datasets()
_NORMALIZATION = "Of inputs: none, or steps of standard, minmax, unit joined by +; default: the set's own."


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sublinear {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def _refuse(problem: object) -> typer.Exit:
    Console(stderr=True).print(f"[bold red]error:[/] {problem}", highlight=False, soft_wrap=True)
    return typer.Exit(2)


@contextmanager
def _one_sentence(interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """What a user got wrong, and what the machine refuses, is one sentence on standard error and exit status 2."""
    try:
        yield
    except (ValueError, TypeError, MemoryError, DivergenceError, OSError, ImportError) as error:
        raise _refuse(error) from None
    except KeyboardInterrupt:
        Console(stderr=True).print(interrupted)
        raise typer.Exit(130) from None


def _bar() -> Progress:
    """On standard error; silent where that is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _norm(text: str) -> float:
    if text not in ("2", "inf"):
        raise ValueError(f"norm is {text!r}; give 2 or inf")
    return float(text)


@contextmanager
def _progress_bar() -> Iterator[Watcher]:
    """A bar over the strategies of a comparison."""
    with _bar() as bar:
        task = bar.add_task("", total=None)

        def watch(strategy: str, number: int, count: int, step: Step) -> None:
            total = count * step.epochs * step.steps_per_epoch
            ended = step.epoch - (step.step == step.steps_per_epoch)
            done = (number - 1) * step.epochs * step.steps_per_epoch + ended * step.steps_per_epoch + step.step
            bar.update(task, total=total, completed=done, description=f"{strategy} ({number} of {count})")

        yield watch


def _prepare(folder: Path) -> Path:
    """The folder, there and writable, before any work starts."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is not writable; give another folder with --out")
    return folder


@app.command("compare")
def compare_command(
    dataset: Annotated[str, typer.Option(help=_DATASET)] = "digits",
    normalization: Annotated[str | None, typer.Option(help=_NORMALIZATION)] = None,
    width: Annotated[int, typer.Option(help="Number of neurons.")] = Settings.width,
    epochs: Annotated[int, typer.Option(help="Passes over the training inputs.")] = Settings.epochs,
    batch_size: Annotated[int, typer.Option(help="Inputs a step.")] = Settings.batch_size,
    radius: Annotated[float, typer.Option(help="Radius of the attack's ball.")] = Settings.radius,
    steps: Annotated[int, typer.Option(help="Steps of the attack.")] = Settings.steps,
    norm: Annotated[str, typer.Option(help="Norm of the ball: 2 or inf.")] = "2",
    learning_rate: Annotated[float, typer.Option(help="Rate at the start; falls to 0.")] = Settings.learning_rate,
    strategies: Annotated[
        str,
        typer.Option(
            help="Names, comma-separated; weights and data take an index: weights:kd-tree. Approximate: simhash, or "
            "simhash:BITSxTABLES."
        ),
    ] = ",".join(EXACT_STRATEGIES),
    max_bytes: Annotated[int | None, typer.Option(help="Most bytes a structure may hold.")] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0 = all processors.")] = 0,
    seed: Annotated[int, typer.Option(help="Of split, network and order.")] = Settings.seed,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = Settings.dtype,
    out: Annotated[Path, typer.Option(help="Folder for results.json.")] = Path("sublinear-report"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
) -> None:
    """Train one network with every strategy on the same data, and compare.

    Exit status 1: an exact strategy ended with other weights, or one was refused.
    """
    with _one_sentence():
        if threads < 0:
            raise ValueError(f"threads is {threads}; give a positive number, or 0 for all processors")
        chosen = [Strategy.of(name.strip()) for name in strategies.split(",") if name.strip()]
        settings = Settings(
            dataset=dataset,
            normalization=normalization,
            width=width,
            epochs=epochs,
            batch_size=batch_size,
            radius=radius,
            steps=steps,
            norm=_norm(norm),
            learning_rate=learning_rate,
            strategies=tuple(each.replace(max_bytes=max_bytes) for each in chosen),
            threads=threads or None,
            seed=seed,
            dtype=dtype,
        )
        folder = _prepare(out)
        with _progress_bar() as watch:
            comparison = compare(settings, watch)
        content = json.dumps(comparison.as_dict(), indent=2)
        write_whole(folder / "results.json", content.encode() + b"\n")
    if as_json:
        typer.echo(content)
    else:
        _show(comparison, folder / "results.json")
    for run in comparison.runs:
        if run.error is not None:
            Console(stderr=True).print(f"[bold red]{run.strategy} was refused:[/] {run.error}", soft_wrap=True)
    for run in comparison.broken:
        Console(stderr=True).print(
            f"[bold red]{run.strategy} is exact and ended with other weights than the others:[/] this is a bug, please "
            "report it with results.json",
            soft_wrap=True,
        )
    if comparison.broken or any(run.error is not None for run in comparison.runs):
        raise typer.Exit(1)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=80)


def _show(comparison: Comparison, path: Path) -> None:
    console = _console()
    for line in comparison_caption(comparison):
        console.print(line)
    console.print(comparison_table(comparison))
    console.print("Inner products are per epoch, attack included; candidates and fired neurons")
    console.print("are per input, in the first and in the last epoch.")
    missing = approximate_table(comparison)
    if missing is not None:
        console.print(missing)
        console.print("Means over all epochs; added ones were taken at random. Recall is measured in")
        console.print("the end: of the neurons that fire at the training inputs, the share found.")
    console.print(f"Written: {path}", soft_wrap=True)


@contextmanager
def _epoch_bar(epochs: int) -> Iterator[Callable[[Step, int], None]]:
    """A bar over the epochs of one run."""
    with _bar() as bar:
        task = bar.add_task("", total=epochs)

        def watch(step: Step, before: int) -> None:
            done = before + step.step / step.steps_per_epoch
            bar.update(task, completed=done, description=f"robust loss {step.robust_loss:.4g}")

        yield watch


@app.command("train")
def train_command(
    dataset: Annotated[str, typer.Option(help=_DATASET)] = TrainSettings.dataset,
    normalization: Annotated[str | None, typer.Option(help=_NORMALIZATION)] = None,
    width: Annotated[int, typer.Option(help="Number of neurons.")] = TrainSettings.width,
    epochs: Annotated[int, typer.Option(help="Passes over the training inputs, in all.")] = TrainSettings.epochs,
    batch_size: Annotated[int, typer.Option(help="Inputs a step.")] = TrainSettings.batch_size,
    radius: Annotated[float, typer.Option(help="Radius of the attack's ball.")] = TrainSettings.radius,
    steps: Annotated[int, typer.Option(help="Steps of the attack.")] = TrainSettings.steps,
    norm: Annotated[str, typer.Option(help="Norm of the ball: 2 or inf.")] = "2",
    learning_rate: Annotated[float, typer.Option(help="Rate at the start; falls to 0.")] = TrainSettings.learning_rate,
    schedule_epochs: Annotated[int | None, typer.Option(help="Epochs until the rate is 0; default --epochs.")] = None,
    init: Annotated[str, typer.Option(help="Initialisation: ntk or gao.")] = TrainSettings.init,
    strategy: Annotated[str, typer.Option(help="How neurons are found.")] = TrainSettings.strategy,
    threads: Annotated[int, typer.Option(help="Threads; 0 = all processors.")] = 0,
    seed: Annotated[int, typer.Option(help="Of split, network and order.")] = TrainSettings.seed,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = TrainSettings.dtype,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a lower robust loss on held-out inputs.")
    ] = None,
    checkpoint_epochs: Annotated[int, typer.Option(help="Epochs between checkpoints.")] = 1,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(help="Minutes between checkpoints, within epochs.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("sublinear-run"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train a network adversarially, with checkpoints.

    Ctrl-C saves and ends; --resume goes on, with the bits of a run that was never stopped. Writes
    checkpoint.safetensors, network.safetensors and history.json.
    """
    with _one_sentence():
        if threads < 0:
            raise ValueError(f"threads is {threads}; give a positive number, or 0 for all processors")
        settings = TrainSettings(
            dataset=dataset,
            normalization=normalization,
            width=width,
            epochs=epochs,
            batch_size=batch_size,
            radius=radius,
            steps=steps,
            norm=_norm(norm),
            learning_rate=learning_rate,
            init=init,
            strategy=strategy,
            threads=threads or None,
            seed=seed,
            dtype=dtype,
            patience=patience,
            checkpoint_epochs=checkpoint_epochs,
            checkpoint_minutes=checkpoint_minutes,
            schedule_epochs=schedule_epochs,
        )
        folder = _prepare(out)
        with _epoch_bar(epochs) as watch:
            outcome = train(settings, folder, resume, watch)
    if outcome.ending == "interrupted":
        Console(stderr=True).print(
            f"interrupted after {outcome.epochs_done} of {epochs} epochs; saved in {folder}, go on with --resume",
            soft_wrap=True,
        )
        raise typer.Exit(130)
    assert outcome.test is not None
    if as_json:
        content = {
            "ending": outcome.ending,
            "epochs": outcome.epochs_done,
            "best_epoch": outcome.best_epoch,
            "test": outcome.test.as_dict(),
            "network": str(folder / NETWORK),
        }
        typer.echo(json.dumps(content, indent=2))
        return
    console = _console()
    after = f"after {outcome.epochs_done} epochs"
    if outcome.best_epoch is not None:
        after += f"; the best was epoch {outcome.best_epoch}"
    console.print(f"{outcome.ending} {after}")
    assert outcome.test.clean_accuracy is not None
    assert outcome.test.robust_accuracy is not None
    console.print(
        f"test accuracy: {outcome.test.clean_accuracy:.1%} clean, {outcome.test.robust_accuracy:.1%} under PGD"
    )
    console.print(f"Written: {folder / NETWORK}", soft_wrap=True)


@app.command("evaluate")
def evaluate_command(
    network: Annotated[Path, typer.Argument(help="A network that `train` or TwoLayerNetwork.save wrote.")],
    dataset: Annotated[str, typer.Option(help=_DATASET)] = "digits",
    normalization: Annotated[str | None, typer.Option(help=_NORMALIZATION)] = None,
    seed: Annotated[int, typer.Option(help="Of the split that was trained on, and of random starts.")] = 0,
    attacks: Annotated[
        str, typer.Option(help="Comma-separated: fgsm:R, pgd:R or pgd:R:STEPS, each with :inf for the norm inf.")
    ] = "fgsm:0.05,pgd:0.05,pgd:0.05:50,pgd:0.01:10:inf",
    threads: Annotated[int, typer.Option(help="Threads; 0 = all processors.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Judge a saved network on test inputs, clean and under several attacks."""
    with _one_sentence():
        if threads < 0:
            raise ValueError(f"threads is {threads}; give a positive number, or 0 for all processors")
        net = TwoLayerNetwork.load(network)
        data = load_dataset(dataset, seed, normalization=normalization)
        if (net.n_features, net.n_outputs) != (data.n_features, data.classes):
            raise ValueError(
                f"{network} takes {net.n_features} features and has {net.n_outputs} outputs; {dataset} has "
                f"{data.n_features} features and {data.classes} classes"
            )
        judged = {
            name: evaluate(net, data.X_test, data.y_test, "cross-entropy", attack, seed, threads or None)
            for name, attack in parse_attacks(attacks).items()
        }
    if as_json:
        typer.echo(json.dumps({name: each.as_dict() for name, each in judged.items()}, indent=2))
    else:
        _console().print(evaluation_table(judged))


def _numbers(text: str, option: str, kind: Callable[[str], Any] = int) -> tuple[Any, ...]:
    try:
        return tuple(kind(each) for each in text.split(",") if each.strip())
    except ValueError:
        raise ValueError(f"{option} is {text!r}; give numbers, comma-separated") from None


@contextmanager
def _cell_bar() -> Iterator[Callable[[Cell | None, float, float, int, int], None]]:
    """A bar over the cells of a sweep, by what they cost."""
    with _bar() as bar:
        task = bar.add_task("", total=None)

        def watch(cell: Cell | None, done: float, total: float, number: int, count: int) -> None:
            after = "" if cell is None else f", {cell.label()}"
            bar.update(task, total=total, completed=done, description=f"{number} of {count} cells{after}")

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
    threads: Annotated[str, typer.Option(help="Threads; 0 = all processors.")] = "0",
    repeats: Annotated[int, typer.Option(help="Runs of each cell.")] = Sweep.repeats,
    dataset: Annotated[str, typer.Option(help=_DATASET)] = Sweep.dataset,
    normalization: Annotated[str | None, typer.Option(help=_NORMALIZATION)] = None,
    steps: Annotated[int, typer.Option(help="Steps of the attack.")] = Sweep.steps,
    norm: Annotated[str, typer.Option(help="Norm of the ball: 2 or inf.")] = Sweep.norm,
    learning_rate: Annotated[float, typer.Option(help="Constant rate.")] = Sweep.learning_rate,
    iterations: Annotated[int, typer.Option(help="Timed training steps, after one that is not.")] = Sweep.iterations,
    max_bytes: Annotated[int, typer.Option(help="Most bytes a structure may hold; 0 = what is available.")] = 0,
    timeout: Annotated[float | None, typer.Option(help="Seconds a cell may take.")] = None,
    seed: Annotated[int, typer.Option(help="Of split, network and order.")] = Sweep.seed,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = Sweep.dtype,
    workers: Annotated[int, typer.Option(help="Run cells in so many processes; 0 = in this one.")] = 0,
    dask: Annotated[str | None, typer.Option(help="Run cells on the Dask scheduler at this address.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run cells again that were refused or failed.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for a file per cell.")] = Path("sublinear-scaling"),
    as_json: Annotated[bool, typer.Option("--json", help="Print records and exponents as JSON.")] = False,
) -> None:
    """Sweep strategies over sizes, and fit how time and counted work grow.

    Options take comma-separated lists; every combination is a cell. Cells that --out has are not run again: call it
    again to go on. Exit status 1: a cell was refused, failed or took too long.
    """
    with _one_sentence("interrupted; cells that ended are kept, call it again to go on"):
        sweep = Sweep(
            strategies=tuple(name.strip() for name in strategies.split(",") if name.strip()),
            widths=_numbers(widths, "--widths"),
            inputs=_numbers(inputs, "--inputs"),
            features=_numbers(features, "--features"),
            radii=_numbers(radii, "--radii", float),
            batch_sizes=_numbers(batch_sizes, "--batch-sizes"),
            threads=_numbers(threads, "--threads"),
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
        folder = _prepare(out)
        executor = _executor(workers, dask)
        with _cell_bar() as watch:
            records = sweep_cells(sweep, folder, executor, timeout, retry, watch)
    lines = growth_lines(records)
    if as_json:
        typer.echo(json.dumps({"records": records, "growth": [asdict(line) for line in lines]}, indent=2))
    else:
        console = _console()
        console.print(scaling_table(records))
        if lines:
            console.print(growth_table(lines))
            console.print("Exponents of seconds and of counted inner products, with 95 % confidence.")
        console.print(f"Written: {len(records)} cells in {folder}", soft_wrap=True)
    for record in records:
        if record["status"] != "done":
            label = Cell(**record["cell"]).label()
            Console(stderr=True).print(f"[bold red]{label}: {record['status']}:[/] {record['error']}", soft_wrap=True)
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


@app.command("report")
def report_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that compare, scaling and train wrote.")],
    out: Annotated[Path | None, typer.Option(help="HTML file; default report.html in the first folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV file; default beside the HTML file.")] = None,
) -> None:
    """Write a report of results: one HTML file that opens anywhere, and a CSV file.

    It shows everything found in the folders and below them.
    """
    with _one_sentence():
        where = folders[0] if folders[0].is_dir() else folders[0].parent
        html = out or where / "report.html"
        table = csv or html.with_suffix(".csv")
        count = write_report(folders, html, table)
    console = _console()
    console.print(f"{count} results")
    console.print(f"Written: {html}", soft_wrap=True)
    console.print(f"Written: {table}", soft_wrap=True)


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print version, instruction set in force, machine and where the C++ files are."""
    with _one_sentence():
        content = {**build_info(), **machine(), "include": get_include(), "cmake": get_cmake_dir()}
    if as_json:
        typer.echo(json.dumps(content, indent=2))
    else:
        Console(highlight=False).print(info_table(content))


def main() -> None:
    """The program `sublinear`."""
    app(prog_name="sublinear")
