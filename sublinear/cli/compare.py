"""`sublinear compare`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.cli.common import Overwrite, app, one_sentence, prepare
from sublinear.cli.settings import settings_options
from sublinear.compare import Comparison, Settings, Watcher, compare
from sublinear.files import write_whole
from sublinear.history import EpochSums
from sublinear.history import Progress as Step
from sublinear.locks import locked_folder
from sublinear.meaning import meaning
from sublinear.peers import PEERS, installed_peers
from sublinear.progress import progress
from sublinear.reruns import check_replaceable
from sublinear.strategies import COMPARED_STRATEGIES
from sublinear.tables import approximate_table, bits_note, comparison_caption, comparison_table, times_table
from sublinear.terminal import notice, print_json, results_console, written


@contextmanager
def strategy_progress() -> Iterator[Watcher]:
    """How far a comparison is, over its strategies."""
    with progress("loading the data") as tell:
        sums, done = EpochSums(), 0

        def watch(strategy: str, number: int, count: int, step: Step) -> None:
            nonlocal sums, done
            done += 1
            whole = step.step == step.steps_per_epoch
            epoch = f"epoch {step.epoch + (not whole)} of {step.epochs}, {strategy} ({number} of {count})"
            sums = (EpochSums() if step.step == 1 else sums).with_step(step)
            total = max(count * step.epochs * step.steps_per_epoch, done)  # who is refused and tries again takes more
            tell(epoch, done, total, f"{epoch}: {sums.losses()}" if whole else None)

        yield watch


@app.command("compare")
@settings_options(Settings)
def compare_command(
    given: Callable[[], dict[str, Any]],
    strategies: Annotated[
        str | None,
        typer.Option(
            help="Names, comma-separated; weights and data take an index: weights:kd-tree. Approximate: simhash, or "
            "simhash:BITSxTABLES.",
            show_default=",".join(COMPARED_STRATEGIES),
        ),
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(help=f"Dense computations beside: {', '.join(PEERS)}; or none. Default: those installed."),
    ] = None,
    certify: Annotated[
        int | None,
        typer.Option(help="Test inputs of which is proved what no attack can break; 0 = none. Default: 500."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.json.")] = Path("sublinear-report"),
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
) -> None:
    """Train one network with every strategy on the same data, and compare.

    Done again, the same run replaces its results; those of another run are
    refused before anything is trained.
    Exit status 1: an exact strategy ended with other weights, or one was refused.
    """
    with one_sentence():
        settings = Settings(**_DEFAULTS | given() | _beside(strategies, peers, certify))
        folder = prepare(out)
        path = folder / "results.json"
        with locked_folder(folder), strategy_progress() as watch:
            data = settings.load()
            replaced = check_replaceable(path, settings.describe(data), overwrite)
            comparison = compare(settings, watch, data)
            content = json.dumps(comparison.as_dict(), indent=2)
            write_whole(path, content.encode() + b"\n")
    if as_json:
        print_json(content)
    else:
        _show(comparison, path)
        if replaced is not None:
            results_console().print(f"In place of the results of {replaced}.", soft_wrap=True)
    for run in comparison.runs:
        if run.error is not None:
            notice(run.error, f"{run.strategy} was refused:")
    for run in comparison.peers:
        if run.error is not None:
            notice(run.error, f"{run.strategy} was left out:")
    for run in comparison.broken:
        notice(
            "this is a bug, please report it with results.json",
            f"{run.strategy} is exact and ended with other weights than {comparison.reference}:",
        )
    if comparison.broken or any(run.error is not None for run in comparison.runs):
        raise typer.Exit(1)


#: Of the command: who types it wants to see the point, who calls `compare` in Python has a point of their own.
_DEFAULTS: dict[str, Any] = {"peers": installed_peers(), "certify": 500}


def _beside(strategies: str | None, peers: str | None, certify: int | None) -> dict[str, Any]:
    given = {"strategies": strategies, "peers": () if peers == "none" else peers, "certify": certify}
    return {name: value for name, value in given.items() if value is not None}


def _show(comparison: Comparison, path: Path) -> None:
    console, content = results_console(), comparison.as_dict()
    for line in comparison_caption(comparison):
        console.print(line, soft_wrap=True)
    console.print(comparison_table(comparison))
    console.print("Inner products are per epoch, attack included; candidates and fired neurons")
    console.print("are per input, in the first and in the last epoch.")
    console.print(bits_note([run.as_dict() for run in comparison.runs]))
    missing = approximate_table(comparison)
    if missing is not None:
        console.print(missing)
        console.print("Means over all epochs; added ones were taken at random. Recall is measured in")
        console.print("the end: of the neurons that fire at the training inputs, the share found.")
    console.print(times_table(comparison))
    if sum(run.error is None for run in comparison.runs) > 1:
        console.print("Medians over the epochs, and the middle half of them. Strategies took turns, an")
        console.print("epoch each; ratios are of epochs of one round.")
    else:
        console.print("Median over the epochs, and the middle half of them.")
    if any(not run.interleaved for run in comparison.runs):
        console.print("* had no room beside the others and trained alone after them.")
    for sentence in meaning(content):
        console.print(sentence)
    written(path)
