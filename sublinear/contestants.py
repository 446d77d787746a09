"""Who takes turns in a comparison: a strategy, or a peer that computes densely."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from sublinear.datasets import Dataset
from sublinear.evaluation import evaluate
from sublinear.experiments.settings import Experiment
from sublinear.history import History, Progress
from sublinear.identity import weights_hash
from sublinear.network import TwoLayerNetwork
from sublinear.peers import batches, make_peer, peer_threads, products_of_step
from sublinear.strategies import Strategy
from sublinear.work import Work


@dataclass(frozen=True)
class Run:
    """The figures of one strategy. A run that was refused has `error` and no figures.

    `grover_calls` is sqrt(m k) for the width m and the k neurons that fired per input, per epoch: what Grover's search
    would ask to find them, up to constants and logarithms (Song, Yang, Zhang 2021). A count; nothing is simulated.
    `recall` is measured for approximate strategies, after the last step; `history` has the other figures of each epoch,
    as `History` names them, judged on the test inputs. `interleaved` is False for a strategy that had no room beside
    the others and trained alone after them: its times are of another moment.
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
    interleaved: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For results.json; a refused run has only its names and the error."""
        if self.error is not None:
            return {"strategy": self.strategy, "exact": self.exact, "error": self.error}
        return {name: value for name, value in asdict(self).items() if name != "error"}


class Contestant(Protocol):
    """Trains an epoch when it is its turn."""

    label: str

    def train(self, callback: Callable[[Progress], None]) -> None:
        """One epoch more; MemoryError if there is no room for it."""

    def run(self, interleaved: bool) -> Run:
        """The figures of all epochs."""


class StrategyContestant:
    """One strategy between its turns."""

    def __init__(self, settings: Experiment, data: Dataset, net: TwoLayerNetwork, strategy: Strategy) -> None:
        self.label, self.strategy, self.data, self.net = strategy.label, strategy, data, net.copy()
        self.history = History()
        self.targets = settings.targets(data.y_train), settings.targets(data.y_test)
        self.trainer = settings.trainer(self.net, strategy)
        self._fit(0)

    def _fit(self, epochs: int, *callbacks: Callable[[Progress], None]) -> History:
        data, (trained_on, judged_on) = self.data, self.targets
        return self.trainer.fit(data.X_train, trained_on, epochs, (data.X_test, judged_on), callbacks)

    def train(self, callback: Callable[[Progress], None]) -> None:
        """One epoch more."""
        self.history.extend(self._fit(1, callback))

    def run(self, interleaved: bool) -> Run:
        """The figures of all epochs."""
        history = self.history
        return Run(
            self.strategy.label,
            self.strategy.exact,
            build_seconds=self.trainer.build_seconds,
            bytes=self.trainer.nbytes,
            fired_share=history.fired_share,
            candidates_share=history.candidates_share,
            grover_calls=[self.net.width * math.sqrt(share) for share in history.fired_share],
            recall=None if self.strategy.exact else self.trainer.recall(),
            interleaved=interleaved,
            **_figures(history, self.net),
        )


#: Columns of a history that a run has under their own names.
_OWN_COLUMNS = ("fired_share", "candidates_share", "work")


def _figures(history: History, net: TwoLayerNetwork) -> dict[str, Any]:
    """What every run has, of strategies and of peers, which have some of the columns only."""
    works = [work.as_dict() for work in history.work]
    clean, robust = history.validation_clean_accuracy[-1], history.validation_robust_accuracy[-1]
    assert clean is not None
    assert robust is not None
    return {
        "seconds_per_epoch": statistics.median(history.seconds),
        "work": {name: sum(work[name] for work in works) / len(works) for name in works[0]},
        "clean_accuracy": clean,
        "robust_accuracy": robust,
        "history": {name: column for name, column in vars(history).items() if column and name not in _OWN_COLUMNS},
        "weights_sha256": weights_hash(net),
    }


class PeerContestant:
    """One peer between its turns. ValueError and ImportError as `make_peer`."""

    def __init__(self, settings: Experiment, data: Dataset, net: TwoLayerNetwork, name: str) -> None:
        self.label, self.settings, self.data = name, settings, data
        self.peer = make_peer(name, settings, net)
        self.X, self.y = data.X_train.astype(net.dtype), settings.targets(data.y_train)
        self.rate = settings.rate(settings.epochs)
        self.order = np.random.default_rng(settings.seed)
        self.steps_per_epoch = -(-len(self.X) // (settings.batch_size or len(self.X)))
        self.history = History()

    def train(self, callback: Callable[[Progress], None]) -> None:
        """One epoch more."""
        settings, seconds, losses = self.settings, [], []
        ended = len(self.history.seconds)
        with peer_threads(settings):
            for number, rows in enumerate(batches(len(self.X), settings.batch_size, self.order), 1):
                rate = self.rate(ended * self.steps_per_epoch + number - 1, self.steps_per_epoch)
                began = time.perf_counter()
                losses.append(self.peer.step(self.X[rows], self.y[rows], rate) * len(rows))
                seconds.append(time.perf_counter() - began)
                whole = number == self.steps_per_epoch
                told = losses[-1] / len(rows), len(rows), seconds[-1], Work()
                callback(Progress(int(whole), 1, number, self.steps_per_epoch, *told, math.nan))
        self._note(math.fsum(seconds), math.fsum(losses) / len(self.X))

    def _note(self, seconds: float, robust_loss: float) -> None:
        history, settings, data = self.history, self.settings, self.data
        history.seconds.append(seconds)
        history.robust_loss.append(robust_loss)
        history.work.append(Work(inner_products=products_of_step(settings, len(self.X))))
        judged = evaluate(
            self.peer.network(),
            data.X_test,
            settings.targets(data.y_test),
            settings.loss,
            settings.attack(),
            settings.seed,
            settings.threads,
        )
        for name, figure in judged.as_dict().items():
            getattr(history, f"validation_{name}").append(figure)

    def run(self, interleaved: bool) -> Run:
        """The figures of all epochs."""
        return Run(self.label, False, interleaved=interleaved, **_figures(self.history, self.peer.network()))
