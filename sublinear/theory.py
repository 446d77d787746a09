"""The papers' claims beside measurement: what `sublinear theory` does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sublinear.arrays import as_integer, as_number
from sublinear.attacks import PGD
from sublinear.claims import Claim
from sublinear.datasets import dataset_name
from sublinear.datasets.sized import load_sized
from sublinear.files import command
from sublinear.identity import provenance, weights_hash
from sublinear.strategies import Strategy
from sublinear.theory_claims import Facts, claims_at, growth_claims
from sublinear.theory_run import SETUPS, TheoryRun

#: The format that theory.json names.
THEORY_FORMAT = "sublinear-theory-2"


@dataclass(frozen=True)
class TheorySettings:
    """The grid, and how its networks train: full batch, one output, labels -1 and 1, from `seeds` seeds.

    A seed is that of the network and of the data. "ntk" and "hu" train on the squared loss at the rate n / lambda_max
    of the kernel at the start; "gao", with data and adversary on the slice of the sphere (two more features), on
    |f - y| at the rate n / (150 m^(3/5) Q(kappa)), which trains although the constants of the paper's theorem cannot
    hold together. `kappa` is the threshold in standard deviations, by default that of the initialisation. `features` 0
    is what the set has.
    """

    widths: tuple[int, ...] = (1024, 2048, 4096, 8192, 16384)
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
        object.__setattr__(self, "dataset", dataset_name(self.dataset))
        for name in ("widths", "inputs", "features", "radii", "strategies"):
            if len(getattr(self, name)) == 0:
                raise ValueError(f"{name} is empty; give at least one")
        for name, least in (("widths", 2), ("inputs", 1), ("features", 0)):
            for value in getattr(self, name):
                as_integer(value, name, least)
        as_integer(self.iterations, "iterations", 2)
        as_integer(self.seeds, "seeds", 1)
        if self.init not in SETUPS:
            raise ValueError(f"init is {self.init!r}; known are {', '.join(map(repr, SETUPS))}")
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
    facts: dict[str, tuple[dict[str, Any], list[Facts]]] = {}
    for number, (n, d, radius, m) in enumerate(grid, 1):
        if watch is not None:
            watch({"m": m, "n": n, "d": d, "radius": radius}, number, len(grid))
        runs = [_run(settings, n, d, m, radius, seed) for seed in range(settings.seeds)]
        datasets += [run.dataset for run in runs if run.dataset not in datasets]
        place = {"n": len(runs[0].X), "d": runs[0].start.n_features, "radius": radius}
        at = {"m": m, **place}
        claims += claims_at(at, runs)
        names = ("robust_loss", "fired_share")
        told = {name: [getattr(run.history, name) for run in runs] for name in names}
        curves.append({"at": at, **told, "weights_sha256": [weights_hash(run.net) for run in runs]})
        facts.setdefault(str(place), (place, []))[1].extend(map(Facts, runs))
    for place, points in facts.values():
        claims += growth_claims(place, points, settings.strategies)
    return {
        "format": THEORY_FORMAT,
        **provenance(settings.command(), settings, settings.threads),
        "datasets": datasets,
        "claims": [claim.as_dict() for claim in claims],
        "curves": curves,
    }


def _run(settings: TheorySettings, n: int, d: int, m: int, radius: float, seed: int) -> TheoryRun:
    """A network and data of this seed."""
    data = load_sized(settings.dataset, n, d, seed, SETUPS[settings.init].normalization)
    if data.classes != 2:
        raise ValueError(f"{data.name} has {data.classes} classes; the papers' networks have one output, give two")
    return TheoryRun(settings, data, m, radius, seed)


def by_place(claims: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The claims of each n, d and radius, under words for it."""
    places: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        at = claim["at"]
        places.setdefault(f"n = {at['n']}, d = {at['d']}, radius {at['radius']:g}", []).append(claim)
    return places
