"""The papers' claims beside measurement: what `sublinear theory` does."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer, as_number
from sublinear.attacks import PGD
from sublinear.datasets import Dataset
from sublinear.datasets.sized import load_sized
from sublinear.evaluation import attack_inputs
from sublinear.files import command
from sublinear.growth import fit_growth
from sublinear.identity import provenance
from sublinear.network import TwoLayerNetwork
from sublinear.predictions import (
    eigenvalue_bound,
    firing_bound,
    firing_probability,
    query_exponent,
    separation,
    shifted_kernel,
    union_probability,
)
from sublinear.reported import Reported
from sublinear.strategies import Strategy
from sublinear.trainer import Trainer

#: The format that theory.json names.
THEORY_FORMAT = "sublinear-theory-1"

#: Loss and standard deviation of the weights, times sqrt(m) where it falls with the width, of each initialisation.
_SETTINGS = {"ntk": ("squared", False), "hu": ("squared", False), "gao": ("absolute", True)}

SYZ = "Song, Yang, Zhang 2021"
GAO = "Gao, Qin, Song, Wang 2022"
DU = "Du, Zhai, Poczos, Singh 2019"


@dataclass(frozen=True)
class TheorySettings:
    """The grid, and how its networks train: full batch, one output, labels -1 and 1, from `seeds` initialisations.

    "ntk" and "hu" train on the squared loss at the rate n / lambda_max of the kernel at the start; "gao" on |f - y| at
    the rate n / (150 m^(3/5) Q(kappa)), which trains although the constants of the paper's theorem cannot hold
    together. `kappa` is the threshold in standard deviations, by default that of the initialisation. `features` 0 is
    what the set has.
    """

    widths: tuple[int, ...] = (1024, 4096, 16384)
    inputs: tuple[int, ...] = (100,)
    features: tuple[int, ...] = (16,)
    radii: tuple[float, ...] = (0.05,)
    init: str = "ntk"
    coupled: bool = True
    kappa: float | None = None
    iterations: int = 50
    steps: int = 10
    strategies: tuple[str, ...] = ("dense", "weights:kd-tree", "data", "dtree", "wtree", "margin")
    dataset: str = "sphere"
    seeds: int = 3
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("widths", "inputs", "features", "radii", "strategies"):
            if len(getattr(self, name)) == 0:
                raise ValueError(f"{name} is empty; give at least one")
        for name, least in (("widths", 2), ("inputs", 1), ("features", 0)):
            for value in getattr(self, name):
                as_integer(value, name, least)
        as_integer(self.iterations, "iterations", 2)
        as_integer(self.seeds, "seeds", 1)
        if self.init not in _SETTINGS:
            raise ValueError(f"init is {self.init!r}; known are {', '.join(map(repr, _SETTINGS))}")
        if self.kappa is not None:
            as_number(self.kappa, "kappa", 0)
        for radius in self.radii:
            PGD(radius, self.steps)
        for name in self.strategies:
            if not Strategy.of(name).exact:
                raise ValueError(f"strategy {name!r} is approximate; the claims are about exact ones")

    def command(self) -> str:
        """What to type to do it again."""
        lists = ("widths", "inputs", "features", "radii", "strategies")
        options: dict[str, Any] = {name: ",".join(map(str, getattr(self, name))) for name in lists}
        names = ("init", "kappa", "iterations", "steps", "dataset", "seeds", "threads")
        options |= {name: getattr(self, name) for name in names}
        return command("theory", options) + ("" if self.coupled else " --independent")


@dataclass(frozen=True)
class Claim:
    """One claim at one place of the grid.

    relation: "equals" (up to fluctuation), "at most", "at least" or "exponent" (of growth with m); None where the paper
    gives no number to compare with. `measured` has one value a seed; `theory` is the papers' value, or None. `low` and
    `high` hold the mean with 95 % confidence (for exponents, that of the fit); None for a single seed.
    """

    name: str
    source: str
    at: dict[str, Any]
    relation: str | None
    theory: float | None
    measured: tuple[float, ...]
    low: float | None
    high: float | None

    @property
    def mean(self) -> float:
        """Of the measured values."""
        return statistics.fmean(self.measured)

    @property
    def holds(self) -> bool | None:
        """Whether a bound is kept by the mean; None for what is no bound."""
        if self.theory is None or self.relation not in ("at most", "at least"):
            return None
        return self.mean <= self.theory if self.relation == "at most" else self.mean >= self.theory

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "measured": list(self.measured), "mean": self.mean, "holds": self.holds}


def _claim(
    name: str, source: str, at: dict[str, Any], measured: list[float], relation: str | None, theory: float | None
) -> Claim:
    low = high = None
    if len(measured) > 1:
        from scipy.stats import t

        spread = statistics.stdev(measured) / math.sqrt(len(measured))
        reach = float(t.ppf(0.975, len(measured) - 1)) * spread
        low, high = statistics.fmean(measured) - reach, statistics.fmean(measured) + reach
    return Claim(name, source, at, relation, theory, tuple(measured), low, high)


#: (place of the grid, its number from 1, how many)
Watcher = Callable[[dict[str, Any], int, int], object]


def theory(settings: TheorySettings, watch: Watcher | None = None) -> dict[str, Any]:
    """Measures every claim over the grid; the content of theory.json.

    Raises ValueError for data that is not of length 1 or has other than two classes, MemoryError where a strategy is
    refused.
    """
    grid = list(itertools.product(settings.inputs, settings.features, settings.radii, settings.widths))
    claims: list[Claim] = []
    curves, datasets = [], []
    costs: dict[tuple[int, int, float], list[dict[str, Any]]] = {}
    for number, (n, d, radius, m) in enumerate(grid, 1):
        at = {"m": m, "n": n, "d": d, "radius": radius}
        if watch is not None:
            watch(at, number, len(grid))
        data = load_sized(settings.dataset, n, d, normalization="unit")
        if data.classes != 2:
            raise ValueError(f"{data.name} has {data.classes} classes; the papers' networks have one output, give two")
        if data.as_dict() not in datasets:
            datasets.append(data.as_dict())
        runs = [_Run(settings, data, m, radius, seed) for seed in range(settings.seeds)]
        claims += _claims_at(settings, at, data, runs)
        names = ("robust_loss", "fired_share")
        curves.append({"at": at, **{name: [getattr(run.history, name) for run in runs] for name in names}})
        costs.setdefault((n, d, radius), []).extend({"m": m, **run.costs()} for run in runs)
    for (n, d, radius), points in costs.items():
        claims += _growth_claims(settings, {"n": n, "d": d, "radius": radius}, points)
    return {
        "format": THEORY_FORMAT,
        **provenance(settings.command(), settings, settings.threads),
        "datasets": datasets,
        "claims": [claim.as_dict() for claim in claims],
        "curves": curves,
    }


class _Run:
    """One network, trained; with what it was before."""

    def __init__(self, settings: TheorySettings, data: Dataset, m: int, radius: float, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self.loss, shrinks = _SETTINGS[settings.init]
        self.start = TwoLayerNetwork.random(
            data.n_features, m, 1, init=settings.init, seed=seed, coupled=settings.coupled, kappa=settings.kappa
        )
        biased = bool(self.start.biases.any())
        deviation = math.sqrt((2 if biased else 1) / (m if shrinks else 1))
        self.kappa = self.start.threshold / deviation
        self.X = np.asarray(data.X_train, self.start.dtype)
        self.y = np.where(data.y_train == 1, 1.0, -1.0)
        self.attack = PGD(radius, settings.steps)
        self.fired_before = self.start.fired(self.X)
        self.rate = self._rate()
        self.net, self.trainer, self.history = self._train("margin")
        self.attacked_before, self.attacked = self._attacked(self.start), self._attacked(self.net)

    def _rate(self) -> float:
        n, m = len(self.X), self.start.width
        if self.settings.init == "gao":
            return float(n / (150 * m**0.6 * firing_probability(self.kappa)))
        largest = float(np.linalg.eigvalsh(self.kernel())[-1])
        return n / largest

    def kernel(self) -> NDArray[Any]:
        """The kernel of the drawn neurons, (1/m) <x_i, x_j> sum_r 1[r fires on i and on j]; a_r^2 = 1."""
        fired = self.fired_before.to_scipy().astype(np.float64)
        together = (fired @ fired.T).toarray() / self.start.width
        gram: NDArray[Any] = np.asarray(self.X, np.float64) @ np.asarray(self.X, np.float64).T
        kernel: NDArray[Any] = gram * together
        return kernel

    def _train(self, strategy: str) -> tuple[TwoLayerNetwork, Trainer, Any]:
        net = self.start.copy()
        trainer = Trainer(
            net, strategy, self.attack, self.loss, self.rate, threads=self.settings.threads, seed=self.seed
        )
        return net, trainer, trainer.fit(self.X, self.y, self.settings.iterations)

    def _attacked(self, net: TwoLayerNetwork) -> NDArray[Any]:
        return attack_inputs(net, self.X, self.y, self.attack, self.loss, self.seed)

    def drift(self) -> float:
        """The largest ||w_r(T) - w_r(0)||."""
        moved = np.asarray(self.net.weights, np.float64) - np.asarray(self.start.weights, np.float64)
        return float(np.linalg.norm(moved, axis=1).max())

    def flips(self, net: TwoLayerNetwork, attacked: NDArray[Any]) -> float:
        """Neurons that change sides between x and x~, by those that fire on x."""
        before, after = net.fired(self.X), net.fired(attacked)
        changed = sum(len(np.setxor1d(ours, theirs)) for ours, theirs in zip(before, after, strict=True))
        return changed / max(len(before.ids), 1)

    def union(self) -> float:
        """The share of neurons that fire on any input, at the start."""
        return len(np.unique(self.fired_before.ids)) / self.start.width

    def share(self, fired: Reported) -> float:
        """Fired pairs of all pairs."""
        return len(fired.ids) / (len(self.X) * self.start.width)

    def pseudo_gap(self) -> float:
        """The largest |g - f| over the inputs and where the attack moved them; g is linear in the weights' moves."""
        a = np.asarray(self.start.output_weights[:, 0], np.float64)
        moved = np.asarray(self.net.weights, np.float64) - np.asarray(self.start.weights, np.float64)
        gap = 0.0
        for points in (self.X, self.attacked):
            f = np.asarray(self.net.decision_function(points), np.float64)
            fires = self.start.fired(points).to_scipy().astype(np.float64)
            changes = np.asarray(points, np.float64) @ moved.T
            g = self.start.scale * np.asarray(fires.multiply(changes) @ a).ravel()
            gap = max(gap, float(np.abs(g - f).max()))
        return gap

    def costs(self) -> dict[str, dict[str, float]]:
        """Of each strategy: seconds and inner products an iteration, seconds and bytes of its structure."""
        found = {}
        for name in self.settings.strategies:
            net, trainer, history = self._train(name)
            if not np.array_equal(net.weights, self.net.weights):
                raise RuntimeError(f"{name} ended with other weights than margin: this is a bug, please report it")
            found[name] = {
                "seconds": statistics.median(history.seconds[1:]),
                "inner_products": statistics.fmean(work.inner_products for work in history.work[1:]),
                "build_seconds": trainer.build_seconds,
                "bytes": float(trainer.nbytes),
            }
        return found


def by_place(claims: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The claims of each n, d and radius, under words for it."""
    places: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        at = claim["at"]
        places.setdefault(f"n = {at['n']}, d = {at['d']}, radius {at['radius']:g}", []).append(claim)
    return places


def _claims_at(settings: TheorySettings, at: dict[str, Any], data: Dataset, runs: list[_Run]) -> list[Claim]:
    n, m, first = len(data.X_train), at["m"], runs[0]
    kappa, gao = first.kappa, settings.init == "gao"
    paper = GAO if gao else SYZ
    claims: list[Claim] = []

    def claim(
        name: str,
        value: Callable[[_Run], float],
        relation: str | None = None,
        theory: float | None = None,
        source: str = paper,
    ) -> None:
        claims.append(_claim(name, source, at, [value(run) for run in runs], relation, theory))

    def fired_at_start(run: _Run) -> float:
        return run.share(run.fired_before)

    expected = firing_probability(kappa)
    claim("fired share at the start", fired_at_start, "equals", expected)
    claim("fired share, bound", fired_at_start, "at most", firing_bound(kappa))
    claim("largest fired share in training", lambda run: max(run.history.fired_share))
    claim("fired on any input", _Run.union, "equals", union_probability(kappa, n), "independent inputs")
    claim("flips under attack, start", lambda run: run.flips(run.start, run.attacked_before))
    claim("flips under attack, end", lambda run: run.flips(run.net, run.attacked))
    claim("gap to the pseudo-network", _Run.pseudo_gap, source=GAO)
    claim("robust loss, first", lambda run: run.history.robust_loss[0])
    claim("robust loss, last", lambda run: run.history.robust_loss[-1])
    if gao:
        claim("drift of a neuron", _Run.drift, "at most", m ** (-15 / 24))
        claim("drift times m^(3/5)", lambda run: run.drift() * m**0.6)
        return claims
    smallest = float(np.linalg.eigvalsh(shifted_kernel(first.X, kappa))[0])
    bound = eigenvalue_bound(kappa, separation(first.X), n)
    claims.append(_claim("smallest eigenvalue, limit", SYZ, at, [smallest], "at least", bound))
    claim("smallest eigenvalue, drawn", lambda run: float(np.linalg.eigvalsh(run.kernel())[0]), "equals", smallest)
    claim("drift of a neuron", _Run.drift, "at most", _drift_bound(runs, smallest), DU)
    if at["radius"] == 0:
        contraction = (1 - first.rate / n * smallest / 2) ** (settings.iterations - 1)
        claim("loss, last over first", lambda run: run.history.loss[-1] / run.history.loss[0], "at most", contraction)
    return claims


def _drift_bound(runs: list[_Run], smallest: float) -> float:
    """4 sqrt(n) ||f(0) - y|| / (sqrt(m) lambda): of the convergence proof for clean gradient flow, at its own width."""
    first = runs[0]
    residual = max(float(np.linalg.norm(run.start.decision_function(run.X) - run.y)) for run in runs)
    return 4 * math.sqrt(len(first.X)) * residual / (math.sqrt(first.start.width) * smallest)


def _growth_claims(settings: TheorySettings, at: dict[str, Any], points: list[dict[str, Any]]) -> list[Claim]:
    """Exponents with which each strategy's costs grow with m, beside the papers'."""
    sparse, query = 0.8, query_exponent(at["d"])
    # What the papers give for an iteration and for preprocessing; constants that depend on d alone are left out.
    theory = {
        "dense": (1.0, None, None),
        "weights": (max(query, sparse), 1.0, 1.0),
        "data": (sparse, None, None),
        "dtree": (sparse, 1.0, 1.0),
        "wtree": (sparse, 1.0, 1.0),
    }
    claims = []
    for name in settings.strategies:
        iteration, build, size = theory.get(name.partition(":")[0], (None, None, None))
        for figure, text, exponent in (
            ("inner_products", "inner products an iteration", iteration),
            ("seconds", "seconds an iteration", iteration),
            ("build_seconds", "seconds to build", build),
            ("bytes", "bytes", size),
        ):
            values = [point[name][figure] for point in points]
            growth = fit_growth([point["m"] for point in points], values) if min(values) > 0 else None
            if growth is not None:
                claims.append(
                    Claim(
                        f"{name}: {text}",
                        Strategy.of(name).source,
                        at,
                        "exponent",
                        exponent,
                        (growth.exponent,),
                        growth.low,
                        growth.high,
                    )
                )
    return claims
