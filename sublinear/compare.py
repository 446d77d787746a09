"""Trains one network with every strategy on the same data and sets the figures side by side."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sublinear.arrays import as_integer, as_number
from sublinear.attacks import PGD
from sublinear.datasets import Dataset, load_dataset
from sublinear.files import command
from sublinear.history import History, Progress
from sublinear.info import machine, versions
from sublinear.network import TwoLayerNetwork
from sublinear.schedules import LinearRate
from sublinear.strategies import COMPARED_STRATEGIES, Strategy
from sublinear.trainer import Trainer


@dataclass(frozen=True)
class Settings:
    """What `compare` trains. The defaults learn digits to over 95 % clean and 85 % robust test accuracy.

    `dataset` and `normalization` are those of `load_dataset`; of the others, see `Trainer` and `PGD`.
    """

    dataset: str = "digits"
    width: int = 2048
    epochs: int = 12
    batch_size: int = 64
    radius: float = 0.05
    steps: int = 10
    norm: float = 2.0
    learning_rate: float = 200.0
    strategies: tuple[Strategy, ...] = tuple(Strategy(name) for name in COMPARED_STRATEGIES)
    threads: int | None = None
    seed: int = 0
    dtype: str = "float32"
    normalization: str | None = None

    def __post_init__(self) -> None:
        as_integer(self.width, "width", 1)
        as_integer(self.epochs, "epochs", 1)
        as_integer(self.batch_size, "batch_size", 1)
        as_number(self.learning_rate, "learning_rate", 0)
        if not self.strategies:
            raise ValueError("there are no strategies; name at least one")
        labels = [strategy.label for strategy in self.strategies]
        if len(set(labels)) < len(labels):
            raise ValueError(f"strategies are {', '.join(labels)}; name each once")
        self.attack()

    def attack(self) -> PGD:
        """The attack of training and evaluation."""
        return PGD(self.radius, self.steps, norm=self.norm)

    def command(self) -> str:
        """What to type to do it again."""
        attack, labels = self.attack(), ",".join(strategy.label for strategy in self.strategies)
        options: dict[str, Any] = {
            "dataset": self.dataset,
            "normalization": self.normalization,
            "width": self.width,
            "epochs": self.epochs,
            "batch-size": self.batch_size,
            "radius": attack.radius,
            "steps": attack.steps,
            "norm": "inf" if attack.norm != 2 else 2,
            "learning-rate": self.learning_rate,
            "strategies": labels,
            "max-bytes": self.strategies[0].max_bytes,
            "threads": self.threads,
            "seed": self.seed,
            "dtype": self.dtype,
        }
        return command("compare", options)


@dataclass(frozen=True)
class Run:
    """The figures of one strategy. A run that was refused has `error` and no figures.

    `grover_calls` is sqrt(m k) for the width m and the k neurons that fired per input, per epoch: what Grover's search
    would ask to find them, up to constants and logarithms (Song, Yang, Zhang 2021). A count; nothing is simulated.
    `recall` is measured for approximate strategies, after the last step; `history` has the other figures of each epoch,
    as `History` names them, judged on the test inputs.
    """

    strategy: str
    exact: bool
    error: str | None = None
    build_seconds: float = 0.0
    seconds_per_epoch: float = 0.0
    work: dict[str, float] = field(default_factory=dict)
    bytes: int = 0
    clean_accuracy: float = 0.0
    robust_accuracy: float = 0.0
    fired_share: list[float] = field(default_factory=list)
    candidates_share: list[float] = field(default_factory=list)
    grover_calls: list[float] = field(default_factory=list)
    recall: float | None = None
    history: dict[str, list[Any]] = field(default_factory=dict)
    weights_sha256: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For results.json; a refused run has only its names and the error."""
        if self.error is not None:
            return {"strategy": self.strategy, "exact": self.exact, "error": self.error}
        return {name: value for name, value in asdict(self).items() if name != "error"}


@dataclass(frozen=True)
class Comparison:
    """All runs, and what they were runs of."""

    settings: Settings
    data: Dataset
    network: TwoLayerNetwork
    runs: tuple[Run, ...]

    @property
    def reference(self) -> Run | None:
        """The run whose weights all exact runs must have: "dense", or else the first one that ended."""
        ended = [run for run in self.runs if run.error is None]
        return next((run for run in ended if run.strategy == "dense"), ended[0] if ended else None)

    def identical(self, run: Run) -> bool:
        """Whether a run ended with the reference's weights, to the last bit."""
        return self.reference is not None and run.weights_sha256 == self.reference.weights_sha256

    @property
    def broken(self) -> list[Run]:
        """Exact runs that ended with other weights: there must be none."""
        return [run for run in self.runs if run.error is None and run.exact and not self.identical(run)]

    def as_dict(self) -> dict[str, Any]:
        """The content of results.json."""
        settings, network, where = self.settings, self.network, machine()
        return {
            "dataset": {
                "name": self.data.name,
                "n_train": len(self.data.X_train),
                "n_test": len(self.data.X_test),
                "n_features": self.data.n_features,
                "classes": self.data.classes,
                "normalization": self.data.normalization,
            },
            "network": {
                "width": network.width,
                "n_outputs": network.n_outputs,
                "init": "ntk",
                "threshold": network.threshold,
                "scale": network.scale,
                "activation": network.activation,
                "dtype": str(network.dtype),
            },
            "attack": {
                "name": "PGD",
                "radius": settings.radius,
                "steps": settings.steps,
                "norm": "inf" if settings.attack().norm != 2 else 2,
            },
            "training": {
                "loss": "cross-entropy",
                "epochs": settings.epochs,
                "batch_size": settings.batch_size,
                "learning_rate": {"first": settings.learning_rate, "last": 0.0},
            },
            "seed": settings.seed,
            "command": settings.command(),
            "versions": versions(),
            "machine": {**where, "threads": settings.threads or where["processors"]},
            "runs": [run.as_dict() for run in self.runs],
        }


#: (strategy, its number from 1, how many, progress of its training)
Watcher = Callable[[str, int, int, Progress], None]


def compare(settings: Settings, watch: Watcher | None = None) -> Comparison:
    """Trains with each strategy in turn, from the same network, on the same data.

    `watch` is called after every step. A strategy that memory refuses becomes a run with an `error`, and the others go
    on. Raises ValueError for settings that do not fit the data.
    """
    data = load_dataset(settings.dataset, settings.seed, normalization=settings.normalization)
    start = TwoLayerNetwork.random(
        data.n_features, settings.width, data.classes, init="ntk", seed=settings.seed, dtype=settings.dtype
    )
    runs = []
    for number, strategy in enumerate(settings.strategies, 1):

        def callback(progress: Progress, strategy: Strategy = strategy, number: int = number) -> None:
            if watch is not None:
                watch(strategy.label, number, len(settings.strategies), progress)

        try:
            runs.append(_run(settings, data, start.copy(), strategy, callback))
        except MemoryError as error:
            runs.append(Run(strategy.label, strategy.exact, error=str(error) or "out of memory"))
    return Comparison(settings, data, start, tuple(runs))


def _run(
    settings: Settings,
    data: Dataset,
    net: TwoLayerNetwork,
    strategy: Strategy,
    callback: Callable[[Progress], object],
) -> Run:
    trainer = Trainer(
        net,
        strategy,
        attack=settings.attack(),
        loss="cross-entropy",
        learning_rate=LinearRate(settings.learning_rate, 0, settings.epochs),
        batch_size=settings.batch_size,
        threads=settings.threads,
        seed=settings.seed,
    )
    held_out = (data.X_test, data.y_test)
    history = trainer.fit(data.X_train, data.y_train, settings.epochs, held_out, [callback])
    clean, robust = history.validation_clean_accuracy[-1], history.validation_robust_accuracy[-1]
    assert clean is not None
    assert robust is not None
    curves = {name: values for name, values in history.as_dict().items() if name not in ("work", *_OWN_COLUMNS)}
    return Run(
        strategy.label,
        strategy.exact,
        build_seconds=trainer.build_seconds,
        seconds_per_epoch=statistics.median(history.seconds),
        work=_per_epoch(history),
        bytes=trainer.nbytes,
        clean_accuracy=clean,
        robust_accuracy=robust,
        fired_share=history.fired_share,
        candidates_share=history.candidates_share,
        grover_calls=[net.width * math.sqrt(share) for share in history.fired_share],
        recall=None if strategy.exact else trainer.recall(),
        history=curves,
        weights_sha256=hashlib.sha256(np.ascontiguousarray(net.weights).tobytes()).hexdigest(),
    )


#: Columns of a history that a run has under their own names.
_OWN_COLUMNS = ("fired_share", "candidates_share")


def _per_epoch(history: History) -> dict[str, float]:
    works = [work.as_dict() for work in history.work]
    return {name: sum(work[name] for work in works) / len(works) for name in works[0]}
