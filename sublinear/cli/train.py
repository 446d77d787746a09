"""`sublinear train`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.cli.common import app, one_sentence, prepare
from sublinear.cli.settings import settings_options
from sublinear.history import EpochSums
from sublinear.history import Progress as Step
from sublinear.progress import progress
from sublinear.terminal import notice, print_json, results_console, written
from sublinear.training_run import NETWORK, TrainSettings, train


@contextmanager
def epoch_progress(epochs: int) -> Iterator[Callable[[Step, int], None]]:
    """How far one run is, over its epochs."""
    with progress("loading the data") as tell:
        sums = EpochSums()

        def watch(step: Step, before: int) -> None:
            nonlocal sums
            sums = (EpochSums() if step.step == 1 else sums).with_step(step)
            whole = step.step == step.steps_per_epoch
            ended = f"epoch {before + 1} of {epochs}: {sums.losses()}" if whole else None
            done = before + step.step / step.steps_per_epoch
            tell(f"epoch {before + 1} of {epochs}, robust loss {step.robust_loss:.4g}", done, epochs, ended)

        yield watch


@app.command("train")
@settings_options(TrainSettings)
def train_command(
    given: Callable[[], dict[str, Any]],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("sublinear-run"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train a network adversarially, with checkpoints.

    Ctrl-C saves and ends; --resume goes on, with the bits of a run that was never
    stopped. Writes checkpoint.safetensors, network.safetensors and history.json.
    """
    with one_sentence("interrupted; the last checkpoint, if there was one, is still there"):
        settings = TrainSettings(**given())
        folder, epochs = out if resume else prepare(out), settings.epochs
        with epoch_progress(epochs) as watch:
            outcome = train(settings, folder, resume, watch)
    if outcome.ending == "interrupted":
        notice(f"interrupted after {outcome.epochs_done} of {epochs} epochs; saved in {folder}, go on with --resume")
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
        print_json(json.dumps(content, indent=2))
        return
    console = results_console()
    after = f"after {outcome.epochs_done} epochs"
    if outcome.best_epoch is not None:
        after += f"; the best was epoch {outcome.best_epoch}"
    console.print(f"{outcome.ending} {after}")
    assert outcome.test.clean_accuracy is not None
    assert outcome.test.robust_accuracy is not None
    console.print(
        f"test accuracy: {outcome.test.clean_accuracy:.1%} clean, {outcome.test.robust_accuracy:.1%} under PGD"
    )
    written(folder / NETWORK)
