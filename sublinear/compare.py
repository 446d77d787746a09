"""Trains one network with every strategy on the same data and sets the figures side by side."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sublinear.datasets import Dataset, load_dataset
from sublinear.experiments.settings import Experiment
from sublinear.experiments.texts import parse_names
from sublinear.history import History, Progress
from sublinear.identity import provenance, weights_hash
from sublinear.network import TwoLayerNetwork
from sublinear.strategies import COMPARED_STRATEGIES, Strategy


@dataclass(frozen=True)
class Settings(Experiment):
    """What `compare` trains, once with each strategy. The defaults learn digits to over 95 % clean and 85 % robust test
    accuracy.

    strategies : tuple of str or Strategy, or their names in one text, comma-separated
    """

    strategies: tuple[Strategy, ...] = tuple(Strategy(name) for name in COMPARED_STRATEGIES)

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.strategies
        given = parse_names(given) if isinstance(given, str) else given
        self._set("strategies", tuple(map(self.finder, given)))
        if not self.strategies:
            raise ValueError("there are no strategies; name at least one")
        labels = [strategy.label for strategy in self.strategies]
        if len(set(labels)) < len(labels):
            raise ValueError(f"strategies are {', '.join(labels)}; name each once")
        if self.loss not in ("cross-entropy", "logistic"):
            raise ValueError(f"loss is {self.loss!r}; accuracies are compared, give cross-entropy or logistic")

    def load(self) -> Dataset:
        """The data, as `load_dataset` has it."""
        return load_dataset(self.dataset, self.seed, normalization=self.normalization)

    def describe(self, data: Dataset) -> dict[str, Any]:
        """What results say of the run before it has begun."""
        return {**provenance(self.command(), self, self.threads), "dataset": data.as_dict()}

    def command(self) -> str:
        """What to type to do it again."""
        return self.command_of("compare", strategies=",".join(strategy.label for strategy in self.strategies))


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


@dataclass(frozen=True)
class Comparison:
    """All runs, and what they were runs of."""

    settings: Settings
    data: Dataset
    network: TwoLayerNetwork
    runs: tuple[Run, ...]

    @property
    def reference(self) -> str | None:
        """The strategy whose weights all exact runs must have, as `reference_of` says."""
        return reference_of(run.as_dict() for run in self.runs)

    def same_bits(self, run: Run) -> bool | None:
        """Whether a run ended with the reference's weights; None where there is nothing to compare it with."""
        return same_bits(run.as_dict(), [each.as_dict() for each in self.runs])

    @property
    def broken(self) -> list[Run]:
        """Exact runs that ended with other weights: there must be none."""
        return [run for run in self.runs if run.exact and self.same_bits(run) is False]

    def as_dict(self) -> dict[str, Any]:
        """The content of results.json."""
        settings, network = self.settings, self.network
        return {
            **settings.describe(self.data),
            "network": {
                "width": network.width,
                "n_outputs": network.n_outputs,
                "init": settings.init,
                "threshold": network.threshold,
                "scale": network.scale,
                "activation": network.activation,
                "dtype": str(network.dtype),
            },
            "attack": {
                "name": "PGD" if settings.adversary == "pgd" else settings.adversary,
                "radius": settings.attack().radius,
                "steps": {"pgd": settings.steps, "fgsm": 1, "none": 0}[settings.adversary],
                "norm": settings.as_dict()["norm"],
            },
            "training": {
                "loss": settings.loss,
                "epochs": settings.epochs,
                "batch_size": settings.batch_size or len(self.data.X_train),
                "learning_rate": {
                    "first": settings.learning_rate,
                    "last": settings.rate(settings.epochs)(settings.epochs, 1),
                },
                "optimizer": settings.optimizer,
            },
            "seed": settings.seed,
            "runs": [run.as_dict() for run in self.runs],
        }


def reference_of(runs: Iterable[Mapping[str, Any]]) -> str | None:
    """Of the runs in results.json the strategy that others are compared with: "dense", or else the first exact one.

    None where no exact run ended: an approximate one accuses nobody.
    """
    exact = [run["strategy"] for run in runs if run.get("error") is None and run["exact"]]
    return "dense" if "dense" in exact else exact[0] if exact else None


def same_bits(run: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether a run of results.json ended with the weights of the reference, to the last bit.

    None for the reference itself, for a run that was refused, and where there is no reference.
    """
    runs = list(runs)
    name = reference_of(runs)
    if name is None or run["strategy"] == name or run.get("error") is not None:
        return None
    (reference,) = (each for each in runs if each["strategy"] == name)
    return bool(run["weights_sha256"] == reference["weights_sha256"])


#: (strategy, its number from 1, how many, progress of its training)
Watcher = Callable[[str, int, int, Progress], None]


def compare(settings: Settings, watch: Watcher | None = None, data: Dataset | None = None) -> Comparison:
    """Trains with each strategy, from the same network, on the same data; they take turns, an epoch each.

    Turns let whatever else the machine does fall on all of them alike; each round begins with another strategy. `watch`
    is called after every step. A strategy that memory refuses beside the others trains alone after them; one that is
    refused then too becomes a run with an `error`, and the others go on. `data` is what `settings.load` gives, if the
    caller has it. Raises ValueError for settings that do not fit the data.
    """
    data = settings.load() if data is None else data
    start = settings.network(data.n_features, settings.outputs(data))
    contest = _Contest(settings, data, start, watch)
    runs = contest.held(settings.strategies, interleaved=True)
    for strategy in settings.strategies:  # those that had no room
        if strategy.label not in runs:
            runs |= contest.held([strategy], interleaved=False)
    refused = contest.refused
    return Comparison(
        settings,
        data,
        start,
        tuple(
            runs.get(each.label) or Run(each.label, each.exact, error=refused[each.label])
            for each in settings.strategies
        ),
    )


class _Contest:
    """Rounds of epochs among strategies; `refused` has what memory said to those that did not come through one."""

    def __init__(self, settings: Settings, data: Dataset, start: TwoLayerNetwork, watch: Watcher | None) -> None:
        self.settings, self.data, self.start, self.watch = settings, data, start, watch
        self.refused: dict[str, str] = {}

    def held(self, strategies: Iterable[Strategy], interleaved: bool) -> dict[str, Run]:
        """The runs of those that memory did not refuse."""
        contestants: deque[_Contestant] = deque()
        for strategy in strategies:
            try:
                contestants.append(_Contestant(self.settings, self.data, self.start.copy(), strategy))
            except MemoryError as error:
                self._refuse(strategy, error)
        for epoch in range(self.settings.epochs):
            for contestant in list(contestants):
                try:
                    contestant.train(self._callback(contestant.strategy, epoch))
                except MemoryError as error:
                    self._refuse(contestant.strategy, error)
                    contestants.remove(contestant)
            contestants.rotate(-1)
        return {each.strategy.label: each.run(interleaved) for each in contestants}

    def _refuse(self, strategy: Strategy, error: MemoryError) -> None:
        self.refused[strategy.label] = str(error) or "out of memory"

    def _callback(self, strategy: Strategy, ended: int) -> Callable[[Progress], None]:
        labels = [each.label for each in self.settings.strategies]
        number = labels.index(strategy.label) + 1

        def callback(progress: Progress) -> None:
            if self.watch is not None:
                whole = replace(progress, epoch=ended + progress.epoch, epochs=self.settings.epochs)
                self.watch(strategy.label, number, len(labels), whole)

        return callback


class _Contestant:
    """One strategy between its turns."""

    def __init__(self, settings: Settings, data: Dataset, net: TwoLayerNetwork, strategy: Strategy) -> None:
        self.strategy, self.data, self.net = strategy, data, net
        self.history = History()
        self.targets = settings.targets(data.y_train), settings.targets(data.y_test)
        self.trainer = settings.trainer(net, strategy)
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
        clean, robust = history.validation_clean_accuracy[-1], history.validation_robust_accuracy[-1]
        assert clean is not None
        assert robust is not None
        curves = {name: values for name, values in history.as_dict().items() if name not in ("work", *_OWN_COLUMNS)}
        return Run(
            self.strategy.label,
            self.strategy.exact,
            build_seconds=self.trainer.build_seconds,
            seconds_per_epoch=statistics.median(history.seconds),
            work=_per_epoch(history),
            bytes=self.trainer.nbytes,
            clean_accuracy=clean,
            robust_accuracy=robust,
            fired_share=history.fired_share,
            candidates_share=history.candidates_share,
            grover_calls=[self.net.width * math.sqrt(share) for share in history.fired_share],
            recall=None if self.strategy.exact else self.trainer.recall(),
            history=curves,
            weights_sha256=weights_hash(self.net),
            interleaved=interleaved,
        )


#: Columns of a history that a run has under their own names.
_OWN_COLUMNS = ("fired_share", "candidates_share")


def _per_epoch(history: History) -> dict[str, float]:
    works = [work.as_dict() for work in history.work]
    return {name: sum(work[name] for work in works) / len(works) for name in works[0]}
