"""Trains one network with every strategy on the same data and sets the figures side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numpy.typing import ArrayLike

from sublinear.arrays import as_integer
from sublinear.certification import certify
from sublinear.contestants import Contestant, PeerContestant, Run, StrategyContestant
from sublinear.datasets import Dataset, dataset_of, load_dataset
from sublinear.experiments.settings import Experiment
from sublinear.experiments.texts import parse_names
from sublinear.history import Progress
from sublinear.identity import provenance
from sublinear.network import TwoLayerNetwork
from sublinear.peers import PEERS
from sublinear.strategies import COMPARED_STRATEGIES, Strategy


@dataclass(frozen=True)
class Settings(Experiment):
    """What `compare` trains, once with each strategy. The defaults learn digits to over 95 % clean and 85 % robust test
    accuracy.

    strategies : tuple of str or Strategy, or their names in one text, comma-separated
    peers : tuple of str, or one text
        Dense computations of other libraries that take turns too: keys of `PEERS`, "numpy" and "torch".
    certify : int
        Of so many test inputs, the first ones, `sl.certify` says what no attack in the ball can break.
    """

    strategies: tuple[Strategy, ...] = tuple(Strategy(name) for name in COMPARED_STRATEGIES)
    peers: tuple[str, ...] = ()
    certify: int = 0

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
        peers: Any = self.peers
        self._set("peers", tuple(parse_names(peers) if isinstance(peers, str) else peers))
        for name in self.peers:
            if name not in PEERS:
                raise ValueError(f"peer is {name!r}; known are {', '.join(map(repr, PEERS))}")
        as_integer(self.certify, "certify")
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
        labels = ",".join(strategy.label for strategy in self.strategies)
        return self.command_of("compare", strategies=labels, peers=",".join(self.peers) or "none")


@dataclass(frozen=True)
class Comparison:
    """All runs, and what they were runs of; those of peers apart. `certified`: of the weights of `reference`, what is
    proved, broken and open in the attack's ball."""

    settings: Settings
    data: Dataset
    network: TwoLayerNetwork
    runs: tuple[Run, ...]
    peers: tuple[Run, ...] = ()
    certified: dict[str, Any] | None = None

    @classmethod
    def of(
        cls, data: str | os.PathLike[str] | Dataset | tuple[ArrayLike, ArrayLike] = "digits", **settings: Any
    ) -> Comparison:
        """A comparison on this data: a name or path as `load_dataset` takes it, a `Dataset`, or inputs and labels.

        The others are settings of `Settings`, strategies as text:
        ``sl.Comparison.of((X, y), strategies="dense,margin", width=512)``.
        """
        if isinstance(data, (str, os.PathLike)):
            return compare(Settings(dataset=data, **settings))  # type: ignore[arg-type]
        return compare(Settings(**settings), None, data)

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
            "peers": [run.as_dict() for run in self.peers],
            "certified": self.certified,
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


def compare(
    settings: Settings, watch: Watcher | None = None, data: Dataset | tuple[ArrayLike, ArrayLike] | None = None
) -> Comparison:
    """Trains with each strategy, from the same network, on the same data; they take turns, an epoch each.

    Turns let whatever else the machine does fall on all of them alike; each round begins with another one. Peers take
    turns too. `watch` is called after every step. A strategy that memory refuses beside the others trains alone after
    them; one that is refused then too becomes a run with an `error`, as does a peer that is not installed or does not
    know the settings, and the others go on. `data` is a `Dataset`, such as `settings.load` gives, or inputs (n, d) and
    labels (n,), of which `dataset_of` makes one; default: what `settings` name. Raises ValueError for settings that do
    not fit the data.
    """
    data = settings.load() if data is None else data
    if not isinstance(data, Dataset):
        data = dataset_of(*data, seed=settings.seed, normalization=settings.normalization or "none")
    start = settings.network(data.n_features, settings.outputs(data))
    contest = _Contest(settings, data, start, watch)
    runs = contest.held(settings.strategies, settings.peers, interleaved=True)
    for strategy in settings.strategies:  # those that had no room
        if strategy.label not in runs:
            runs |= contest.held([strategy], [], interleaved=False)

    def run(label: str, exact: bool) -> Run:
        return runs.get(label) or Run(label, exact, error=contest.refused[label])

    ours = tuple(run(each.label, each.exact) for each in settings.strategies)
    peers = tuple(run(name, False) for name in settings.peers)
    return Comparison(settings, data, start, ours, peers, contest.certified(ours))


class _Contest:
    """Rounds of epochs among strategies and peers; `refused` says why some did not come through one."""

    def __init__(self, settings: Settings, data: Dataset, start: TwoLayerNetwork, watch: Watcher | None) -> None:
        self.settings, self.data, self.start, self.watch = settings, data, start, watch
        self.refused: dict[str, str] = {}
        self.trained: dict[str, TwoLayerNetwork] = {}

    def held(self, strategies: Iterable[Strategy], peers: Iterable[str], interleaved: bool) -> dict[str, Run]:
        """The runs of those that were not refused."""
        contestants: deque[Contestant] = deque()
        for label, make in self._makers(strategies, peers).items():
            try:
                contestants.append(make())
            except MemoryError as error:
                self._refuse(label, error)
            except (ImportError, ValueError) as error:
                if label not in self.settings.peers:
                    raise
                self._refuse(label, error)
        for epoch in range(self.settings.epochs):
            for contestant in list(contestants):
                try:
                    contestant.train(self._callback(contestant.label, epoch))
                except MemoryError as error:
                    self._refuse(contestant.label, error)
                    contestants.remove(contestant)
            contestants.rotate(-1)
        self.trained |= {each.label: each.net for each in contestants if isinstance(each, StrategyContestant)}
        return {each.label: each.run(interleaved) for each in contestants}

    def _makers(self, strategies: Iterable[Strategy], peers: Iterable[str]) -> dict[str, Callable[[], Contestant]]:
        settings, data, start = self.settings, self.data, self.start
        made: dict[str, Callable[[], Contestant]] = {}
        for each in strategies:
            made[each.label] = partial(StrategyContestant, settings, data, start, each)
        for name in peers:
            made[name] = partial(PeerContestant, settings, data, start, name)
        return made

    def certified(self, runs: Iterable[Run]) -> dict[str, Any] | None:
        """What is proved of the reference's weights; None if nothing is asked for, or no exact strategy ended."""
        settings, reference = self.settings, reference_of(run.as_dict() for run in runs)
        if not settings.certify or reference is None:
            return None
        rows, attack = slice(settings.certify), settings.attack()
        labels = settings.targets(self.data.y_test)[rows]
        net, threads = self.trained[reference], settings.threads
        found = certify(net, self.data.X_test[rows], labels, attack.radius, attack.norm, threads=threads).as_dict()
        shares = {name: found[name] for name in ("norm", "radius", "certified", "broken", "open")}
        return {**shares, "inputs": len(labels)}

    def _refuse(self, label: str, error: Exception) -> None:
        self.refused[label] = str(error) or "out of memory"

    def _callback(self, label: str, ended: int) -> Callable[[Progress], None]:
        labels = [*(each.label for each in self.settings.strategies), *self.settings.peers]
        number = labels.index(label) + 1

        def callback(progress: Progress) -> None:
            if self.watch is not None:
                whole = replace(progress, epoch=ended + progress.epoch, epochs=self.settings.epochs)
                self.watch(label, number, len(labels), whole)

        return callback
