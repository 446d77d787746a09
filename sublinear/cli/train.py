"""`sublinear train`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sublinear.attacks import parse_norm
from sublinear.cli.common import (
    BatchSize,
    Dataset,
    Dtype,
    FallingRate,
    Norm,
    Normalization,
    OptimizerText,
    Radius,
    Seed,
    Steps,
    Threads,
    Width,
    app,
    one_sentence,
    prepare,
    thread_count,
)
from sublinear.history import EpochSums
from sublinear.history import Progress as Step
from sublinear.network import INITIALIZATIONS
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
def train_command(
    dataset: Dataset = TrainSettings.dataset,
    normalization: Normalization = None,
    width: Width = TrainSettings.width,
    epochs: Annotated[int, typer.Option(help="Passes over the training inputs, in all.")] = TrainSettings.epochs,
    batch_size: BatchSize = TrainSettings.batch_size,
    radius: Radius = TrainSettings.radius,
    steps: Steps = TrainSettings.steps,
    norm: Norm = "2",
    learning_rate: FallingRate = TrainSettings.learning_rate,
    optimizer: OptimizerText = TrainSettings.optimizer,
    schedule_epochs: Annotated[int | None, typer.Option(help="Epochs until the rate is 0; default --epochs.")] = None,
    init: Annotated[str, typer.Option(help=f"Initialisation: {', '.join(INITIALIZATIONS)}.")] = TrainSettings.init,
    coupled: Annotated[bool, typer.Option("--coupled", help="Neurons in pairs, f = 0 at the start.")] = False,
    kappa: Annotated[
        float | None, typer.Option(help="Threshold in standard deviations; default as the initialisation has it.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="shifted or jump; default as the initialisation has it.")
    ] = None,
    bias: Annotated[
        str | None, typer.Option(help="zero, gaussian or constant; default as the initialisation has it.")
    ] = None,
    bias_value: Annotated[float, typer.Option(help="Of constant biases.")] = TrainSettings.bias_value,
    train_biases: Annotated[bool, typer.Option("--train-biases", help="Train the biases too.")] = False,
    domain: Annotated[
        str | None,
        typer.Option(help="slice: the attack stays on the slice that --normalization unit+slice puts data on."),
    ] = None,
    strategy: Annotated[str, typer.Option(help="How neurons are found.")] = TrainSettings.strategy,
    threads: Threads = 0,
    seed: Seed = TrainSettings.seed,
    dtype: Dtype = TrainSettings.dtype,
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

    Ctrl-C saves and ends; --resume goes on, with the bits of a run that was never
    stopped. Writes checkpoint.safetensors, network.safetensors and history.json.
    """
    with one_sentence("interrupted; the last checkpoint, if there was one, is still there"):
        settings = TrainSettings(
            dataset=dataset,
            normalization=normalization,
            width=width,
            epochs=epochs,
            batch_size=batch_size,
            radius=radius,
            steps=steps,
            norm=parse_norm(norm),
            learning_rate=learning_rate,
            optimizer=optimizer,
            init=init,
            coupled=coupled,
            kappa=kappa,
            activation=activation,
            bias=bias,
            bias_value=bias_value,
            train_biases=train_biases,
            domain=domain,
            strategy=strategy,
            threads=thread_count(threads),
            seed=seed,
            dtype=dtype,
            patience=patience,
            checkpoint_epochs=checkpoint_epochs,
            checkpoint_minutes=checkpoint_minutes,
            schedule_epochs=schedule_epochs,
        )
        folder = out if resume else prepare(out)
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
