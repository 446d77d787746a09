"""Who wins where: strategies of one setting against each other, seed by seed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sublinear.intervals import Interval, bootstrap_mean
from sublinear.meaning import listed
from sublinear.paid_after import PaidAfter
from sublinear.peers import LIBRARIES, PEERS
from sublinear.sweep_results import Record, Setting, figure, settings_of

#: What strategies are compared with, where it ran.
BASE = "dense"


@dataclass(frozen=True)
class Contest:
    """The strategies that ran in one setting: everything but strategy and seed is equal."""

    settings: tuple[Setting, ...]

    @property
    def place(self) -> dict[str, Any]:
        """The setting, without the strategy."""
        return {name: value for name, value in self.settings[0].cell.items() if name != "strategy"}

    def of(self, strategy: str) -> Setting | None:
        """The runs of a strategy; None where none ended."""
        found = (each for each in self.settings if each.cell["strategy"] == strategy and each.done)
        return next(found, None)

    @property
    def ended(self) -> list[Setting]:
        """The strategies of which a run ended, the fastest first, by their mean seconds over the seeds."""
        done = [each for each in self.settings if each.done]
        return sorted(done, key=lambda each: _seconds(each).value)

    @property
    def fastest(self) -> Setting | None:
        """The fastest exact strategy; approximate ones learn something else, and peers are shown beside it."""
        return next((each for each in self.ended if _is_exact(each)), None)

    @property
    def ties(self) -> list[str]:
        """Strategies of which the seeds do not say that they are slower than the fastest."""
        best = self.fastest
        if best is None:
            return []
        others = [each for each in self.ended if each is not best and _is_exact(each)]
        ratios = {each.cell["strategy"]: ratio(each, best) for each in others}
        return [
            name for name, found in ratios.items() if found is not None and found.low is not None and found.low <= 1
        ]

    def over(self, strategy: str, base: str = BASE) -> Interval | None:
        """Seconds a step of a strategy over those of another, as `ratio` has it."""
        own, other = self.of(strategy), self.of(base)
        return None if own is None or other is None else ratio(own, other)

    def paid_after(self, strategy: str) -> PaidAfter | None:
        """When its structure has paid for itself against `BASE`; None where either did not run."""
        own, base = self.of(strategy), self.of(BASE)
        return None if own is None or base is None or own is base else own.paid_after(base)


def contests_of(records: Iterable[Record]) -> list[Contest]:
    """One for each setting, in the order of the first cell of each."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings_of(records):
        key = {name: value for name, value in setting.cell.items() if name != "strategy"}
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(setting)
    return [Contest(tuple(group)) for group in groups.values()]


def broken(records: Iterable[Record]) -> list[tuple[Record, Record]]:
    """Exact cells that ended with other weights than the first exact one of the same setting and seed, each with that:
    there must be none."""
    firsts: dict[str, Record] = {}
    found = []
    for record in records:
        if record["status"] == "done" and record["exact"]:
            key = {name: value for name, value in record["cell"].items() if name not in ("strategy", "threads")}
            first = firsts.setdefault(json.dumps(key, sort_keys=True), record)
            if first["weights_sha256"] != record["weights_sha256"]:
                found.append((record, first))
    return found


def pairs(own: Setting, other: Setting, name: str) -> list[tuple[float, float]]:
    """A figure of two strategies for each seed that both have."""
    theirs = {record["cell"]["seed"]: record for record in other.done}
    found = [
        (figure(record, name), figure(theirs[record["cell"]["seed"]], name))
        for record in own.done
        if record["cell"]["seed"] in theirs
    ]
    return [(mine, its) for mine, its in found if mine is not None and its is not None]


def ratio(own: Setting, other: Setting, name: str = "seconds") -> Interval | None:
    """The geometric mean over common seeds of a figure's ratio, as `bootstrap_mean` of its logarithms; None without
    common seeds, or where a figure is 0."""
    found = pairs(own, other, name)
    if not found or min(min(pair) for pair in found) <= 0:
        return None
    mean = bootstrap_mean([math.log(mine / its) for mine, its in found])
    return Interval(*(None if each is None else math.exp(each) for each in (mean.value, mean.low, mean.high)))  # type: ignore[arg-type]


def difference(own: Setting, other: Setting, name: str) -> Interval | None:
    """The mean over common seeds of a figure's difference; None without common seeds."""
    found = pairs(own, other, name)
    return bootstrap_mean([mine - its for mine, its in found]) if found else None


def _is_exact(setting: Setting) -> bool:
    return bool(setting.done[0]["exact"])


def _seconds(setting: Setting) -> Interval:
    mean = setting.mean("seconds")
    assert mean is not None
    return mean


def conclusion(contests: Sequence[Contest]) -> str:
    """Which strategy is the fastest where, in a sentence or two; empty where nothing was compared."""
    judged = [each for each in contests if each.fastest is not None and sum(map(_is_exact, each.ended)) > 1]
    if not judged:
        return ""
    counts: dict[str, int] = {}
    for each in judged:
        assert each.fastest is not None
        name = each.fastest.cell["strategy"]
        counts[name] = counts.get(name, 0) + 1
    order = sorted(counts, key=lambda name: -counts[name])
    places = f"{len(judged)} setting{'s' * (len(judged) > 1)}"
    told = [f"{name} is the fastest exact strategy in {counts[name]} of {places}" for name in order[:1]]
    told += [f"{name} in {counts[name]}" for name in order[1:]]
    ran = {each.cell["strategy"] for contest in judged for each in contest.ended if _is_exact(each)}
    others = ran - counts.keys()
    sentence = ", ".join(told) + (f"; {listed(sorted(others))} in none" if others else "") + "."
    tied = sum(bool(each.ties) for each in judged)
    if tied:
        sentence += f" In {tied} the seeds leave open whether another one is as fast."
    return sentence + "".join(_against(judged, name) for name in PEERS)


def _against(judged: Sequence[Contest], peer: str) -> str:
    found = [contest.over(contest.fastest.cell["strategy"], peer) for contest in judged if contest.fastest is not None]
    values = [each.value for each in found if each is not None]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    return f" The fastest takes {span} of the time of the dense computation in {LIBRARIES[peer]}."
