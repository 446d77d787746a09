"""A training run with checkpoints: what `sublinear train` does."""

from __future__ import annotations

import errno
import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from sublinear.arrays import as_integer, as_number
from sublinear.checkpoint import Checkpoint
from sublinear.datasets import Dataset, load_dataset
from sublinear.evaluation import Evaluation, evaluate
from sublinear.experiments.settings import Experiment, setting
from sublinear.files import remove_leftovers, shortened, write_whole
from sublinear.history import EpochSums, History, Progress
from sublinear.identity import provenance, short_hash, weights_hash
from sublinear.interrupts import deferred_interrupt
from sublinear.locks import locked_folder
from sublinear.network import TwoLayerNetwork
from sublinear.network_record import NetworkRecord, attack_settings
from sublinear.strategies import Strategy
from sublinear.work import Work

#: Files of a run, in its folder.
CHECKPOINT, NETWORK, HISTORY = "checkpoint.safetensors", "network.safetensors", "history.json"

_HELD_OUT = 0.1  # of the training inputs, for early stopping

#: Settings that change speed, memory or how often something is written, but no bit of the weights.
_FREE = ("strategy", "threads", "max_bytes", "checkpoint_epochs", "checkpoint_minutes", "epochs")


@dataclass(frozen=True)
class TrainSettings(Experiment):
    """What `train` trains, and how often it is kept.

    schedule_epochs : int, optional
        Epochs until a "linear" rate is 0; default `epochs`.
    patience : int, optional
        Training ends when so many epochs in a row were no better on a tenth of the training inputs that is held out.
    checkpoint_epochs, checkpoint_minutes : int, float
        Between checkpoints.
    """

    strategy: str = setting("margin", "How neurons are found.")
    schedule_epochs: int | None = setting(None, "Epochs until the rate is 0.", "--epochs")
    patience: int | None = setting(
        None, "Stop after so many epochs without a lower robust loss on held-out inputs.", "never"
    )
    checkpoint_epochs: int = setting(1, "Epochs between checkpoints.")
    checkpoint_minutes: float | None = setting(None, "Minutes between checkpoints, within epochs.", "none")

    def __post_init__(self) -> None:
        super().__post_init__()
        as_integer(self.checkpoint_epochs, "checkpoint_epochs", 1)
        if self.patience is not None:
            as_integer(self.patience, "patience", 1)
        if self.checkpoint_minutes is not None:
            as_number(self.checkpoint_minutes, "checkpoint_minutes", positive=True)
        if self.schedule_epochs is None:
            object.__setattr__(self, "schedule_epochs", self.epochs)
        as_integer(self.schedule_epochs, "schedule_epochs", 1)
        if not Strategy.of(self.strategy).exact:
            raise ValueError(
                f"strategy is {self.strategy!r}; runs that may be resumed take an exact one, such as margin"
            )
        if self.loss not in ("cross-entropy", "logistic"):
            raise ValueError(
                f"loss is {self.loss!r}; runs are judged by their accuracy, give cross-entropy or logistic"
            )

    def command(self) -> str:
        """What to type to do it again."""
        return self.command_of("train")


@dataclass(frozen=True)
class Outcome:
    """How a run ended: "finished", "stopped early" or "interrupted"; the network it leaves, and what it judged."""

    ending: str
    network: TwoLayerNetwork
    history: dict[str, list[Any]]
    epochs_done: int
    best_epoch: int | None
    test: Evaluation | None


def train(
    settings: TrainSettings,
    folder: Path,
    resume: bool = False,
    watch: Callable[[Progress, int], object] | None = None,
) -> Outcome:
    """Trains and keeps `folder` so that a run which ends in any way can go on with the same bits.

    The checkpoint is written before the first step, so that a folder that cannot hold it is found out then, and so is a
    disk without room for everything the run writes; after every `checkpoint_epochs` epochs, and between steps once
    `checkpoint_minutes` have passed; and on Ctrl-C. One that cannot be written later leaves the one before, is warned
    of, and training goes on. At the end the network is saved: with `patience` that
    of the epoch with the lowest robust loss on validation inputs, and training ends when so many epochs in a row were
    no better: a tenth of the training inputs is held out and judged then, so that nothing is chosen by the test inputs.
    Without it the test inputs are judged after every epoch, for the curves alone. `watch` is called after every step
    with its progress and the epochs that ended before this call.

    The first Ctrl-C ends the run after the step it is at, a second one at once, with the last checkpoint.

    One run at a time has a folder; what killed ones left half written there is removed.

    ValueError for settings that do not fit, for `resume` with other settings than the run was started with, and
    without it where a run is there already. OSError for a folder that cannot be written, is in use by another run or,
    with `resume`, holds none, and for a disk that is too full.
    """
    if resume and not (folder / CHECKPOINT).is_file():
        raise FileNotFoundError(
            f"there is no training run in {folder} to go on with; start one without --resume, or give its folder with "
            "--out"
        )
    with locked_folder(folder):
        return _train(settings, folder, resume, watch)


def _train(
    settings: TrainSettings, folder: Path, resume: bool, watch: Callable[[Progress, int], object] | None
) -> Outcome:
    from sklearn.model_selection import train_test_split

    data = load_dataset(settings.dataset, settings.seed, normalization=settings.normalization)
    path = folder / CHECKPOINT
    if resume:
        state = Checkpoint.load(path)
        _check_same(settings, state, data, folder)
    else:
        if path.exists():
            raise ValueError(f"{folder} holds a training run; go on with --resume, or give another folder with --out")
        state = Checkpoint(settings.network(data.n_features, settings.outputs(data)), 0, settings.as_dict())
    assert settings.schedule_epochs is not None
    X, y, test_labels = data.X_train, settings.targets(data.y_train), settings.targets(data.y_test)
    judged = data.X_test, test_labels
    if settings.patience is not None:
        X, held_out, y, held_out_labels = train_test_split(
            X, y, test_size=_HELD_OUT, stratify=y, random_state=settings.seed % 2**32
        )
        judged = held_out, held_out_labels
    trainer = settings.trainer(state.network, settings.strategy, settings.schedule_epochs)
    record = NetworkRecord(data.record, settings.attack(), _sessions(settings, state.network.record))
    for each in (state.network, state.best):
        if each is not None:
            each.record = record
    trainer.resume_at(state.steps_done, state.optimizer)
    state.settings = settings.as_dict()
    if not state.history:
        state.history = History().as_dict()
    per_epoch = -(-len(X) // (settings.batch_size or len(X)))
    _check_history(state, per_epoch, path)
    with deferred_interrupt() as interrupt:
        for name in (CHECKPOINT, NETWORK, HISTORY):
            remove_leftovers(folder / name)
        state.save(path)
        saved_at, counted_steps = time.monotonic(), state.steps_done
        told = {**record.run, "dataset": data.as_dict(), "attack": attack_settings(settings.attack())}
        _check_room(path, state, settings, len(json.dumps(told, indent=1)))

        def save() -> None:
            nonlocal saved_at
            state.steps_done, state.optimizer = trainer.steps_done, trainer.optimizer_state()
            try:
                state.save(path)
            except OSError as error:  # the one before is still there
                warnings.warn(
                    f"a checkpoint could not be written, training goes on: {error}", RuntimeWarning, stacklevel=3
                )
            saved_at = time.monotonic()

        def after_step(progress: Progress) -> bool:
            nonlocal counted_steps
            state.epoch = EpochSums.of(state.epoch).with_step(progress).as_dict()
            counted_steps = trainer.steps_done
            if watch is not None:
                watch(progress, len(state.history["loss"]))
            minutes = settings.checkpoint_minutes
            if minutes is not None and time.monotonic() - saved_at >= 60 * minutes:
                save()
            return not interrupt.asked

        ending = "finished"
        try:
            while len(state.history["loss"]) < settings.epochs:
                if _is_stale(state.history, settings.patience):
                    ending = "stopped early"
                    break
                if interrupt.asked:
                    ending = "interrupted"
                    break
                if trainer.steps_done == per_epoch * len(state.history["loss"]):
                    state.epoch = {}
                # An earlier call may have ended after the last step of an epoch, before it was judged.
                if trainer.steps_done < per_epoch * (len(state.history["loss"]) + 1):
                    trainer.fit(X, y, 1, callbacks=[after_step])
                    if trainer.steps_done < per_epoch * (len(state.history["loss"]) + 1):
                        continue  # Ctrl-C in the middle of an epoch
                found = evaluate(
                    state.network, *judged, settings.loss, settings.attack(), settings.seed, settings.threads
                )
                figures = EpochSums.of(state.epoch).figures(settings.width)
                figures["work"] = figures["work"].as_dict()
                figures |= {f"validation_{name}": figure for name, figure in found.as_dict().items()}
                state.history = {name: [*column, figures[name]] for name, column in state.history.items()}
                if settings.patience is not None and _best_epoch(state.history) == len(state.history["loss"]):
                    state.best = state.network.copy()
                if len(state.history["loss"]) % settings.checkpoint_epochs == 0:
                    save()
        except KeyboardInterrupt:
            if trainer.steps_done != counted_steps:  # between a step and its figures: the last checkpoint stands
                raise
            ending = "interrupted"
        state.steps_done, state.optimizer = trainer.steps_done, trainer.optimizer_state()
        state.save(path)
        network = state.best if state.best is not None else state.network
        test = None
        if ending != "interrupted":
            network.record = replace(record, weights_sha256=weights_hash(network))
            network.save(folder / NETWORK)
            figures = {"history": state.history, "ending": ending, "weights_sha256": weights_hash(network)}
            content = told | figures
            write_whole(folder / HISTORY, json.dumps(content, indent=1).encode() + b"\n")
            test = evaluate(
                network,
                data.X_test,
                test_labels,
                settings.loss,
                settings.attack(),
                settings.seed,
                settings.threads,
            )
        best = _best_epoch(state.history) if settings.patience is not None else None
        return Outcome(ending, network, state.history, len(state.history["loss"]), best, test)


def _check_history(state: Checkpoint, per_epoch: int, path: Path) -> None:
    """ValueError for a checkpoint that no run could have written: files are parsed as hostile."""
    epochs, into = divmod(state.steps_done, per_epoch)
    length = len(state.history.get("loss", ()))
    figures = [value for name, column in state.history.items() if name != "work" for value in column]
    sums = [value for name, value in state.epoch.items() if name != "work"]
    counts = [*state.history.get("work", ()), *([state.epoch["work"]] if "work" in state.epoch else ())]
    # The last epoch may have ended without having been judged.
    if (
        state.history.keys() != History().as_dict().keys()
        or any(len(column) != length for column in state.history.values())
        or not (length == epochs or (length == epochs - 1 and into == 0))
        or not all(_is_number(value) for value in (*figures, *sums))
        or not all(isinstance(each, dict) and each.keys() == Work().as_dict().keys() for each in counts)
        or not all(_is_number(value) for each in counts for value in each.values())
        or (
            state.steps_done > per_epoch * length
            and (state.epoch.keys() != EpochSums().as_dict().keys() or state.epoch["inputs"] <= 0)
        )
    ):
        raise ValueError(f"{path} is damaged: its history does not fit the {state.steps_done} steps it tells of")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_room(path: Path, state: Checkpoint, settings: TrainSettings, told: int) -> None:
    """OSError where the disk has no room for what the run still writes: a checkpoint beside the one there, which may
    hold the best weights too, the network and the history, with `told` bytes beside its figures."""
    checkpoint = path.stat().st_size
    if settings.patience is not None and state.best is None:
        checkpoint += state.network.weights.nbytes + state.network.biases.nbytes
    needed = checkpoint + path.stat().st_size + told + 1024 * (settings.epochs + 1)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"No space left on device: the run writes up to {needed} bytes more and {free} are free; make room, or "
            "give another folder with --out",
            str(path.parent),
        )


def _best_epoch(history: dict[str, list[Any]]) -> int | None:
    """The epoch, from 1, with the lowest robust loss on the judged inputs; the first of equal ones."""
    losses = history.get("validation_robust_loss", [])
    return int(np.argmin(losses)) + 1 if losses else None


def _is_stale(history: dict[str, list[Any]], patience: int | None) -> bool:
    best = _best_epoch(history)
    return patience is not None and best is not None and len(history["loss"]) - best >= patience


def _sessions(settings: TrainSettings, before: NetworkRecord | None) -> dict[str, Any]:
    """What the run says of itself; of one that was resumed also when and by what the sessions before went on."""
    told = provenance(settings.command(), settings.as_dict(), settings.threads)
    if before is not None and before.run:
        sessions = before.run.get("sessions")
        last = {name: before.run.get(name) for name in ("date", "command", "versions", "build", "machine")}
        told["sessions"] = [*(sessions if isinstance(sessions, list) else []), last]
    return told


def _check_same(settings: TrainSettings, state: Checkpoint, data: Dataset, folder: Path) -> None:
    """ValueError for other settings than the run was started with, and for data of other content."""
    now, before, free = settings.as_dict(), state.settings, set(_FREE)
    if state.network.record is not None:  # the content counts, not the name
        free.add("dataset")
        started, found = state.network.record.data, data.record
        if started.sha256 != found.sha256:
            raise ValueError(
                f"the run in {folder} was started on {shortened(started.name)} with the content sha256 "
                f"{short_hash(started.sha256)}; {shortened(found.name)} has {short_hash(found.sha256)} now: put the "
                "data back as they were, or start another run with another --out"
            )
        if started.normalization.text != data.normalization:  # the default is the format's
            raise ValueError(
                f"the run in {folder} was started with --normalization {started.normalization.text}, not "
                f"{data.normalization}; resume it with that"
            )
        free.add("normalization")
    for each in fields(TrainSettings):
        name = each.name
        if name in free or now[name] == before.get(name, each.default):  # older runs know fewer settings
            continue
        option = "--" + name.replace("_", "-")
        raise ValueError(
            f"the run in {folder} was started with {option} {shortened(before.get(name))}, not {now[name]}; resume it "
            "with that"
        )
