"""What a comparison means, in sentences: for those who read one line of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sublinear.intervals import Interval, middle_half
from sublinear.peers import LIBRARIES


def meaning(content: Mapping[str, Any]) -> list[str]:
    """Sentences about the content of results.json: who is the fastest, and how sure; what the network withstands."""
    ended = [run for run in content["runs"] if run.get("error") is None]
    exact = [run for run in ended if run["exact"]]
    return [*_speed(exact, content), *_accuracy(exact or ended, content)]


def _speed(exact: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> list[str]:
    if not exact:
        return []
    best = min(exact, key=lambda run: _over(run, exact[0]))
    peers = [run for run in content.get("peers", []) if run.get("error") is None]
    dense = [run for run in exact if run["strategy"] == "dense" and run is not best]
    told = [f"{_over(best, run):.2f} of the time of {_name(run)}" for run in [*dense, *peers]]
    slower = [run["strategy"] for run in exact if run["strategy"] not in ("dense", best["strategy"])]
    if len(exact) + len(peers) < 2:
        return []
    sentence = f"The fastest exact strategy is {best['strategy']}"
    sentence += f": an epoch takes {listed(told)}." if told else "."
    beside = next((run for run in exact if run["strategy"] == "dense"), None)
    if beside is not None and slower:
        losing = [name for name in slower if _over(_of(exact, name), beside) > 1]
        if losing:
            sentence += f" Slower than scanning all neurons: {listed(losing)}."
    return [sentence]


def _accuracy(runs: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> list[str]:
    if not runs:
        return []
    inputs, accuracy = content["dataset"]["n_test"], runs[0]["robust_accuracy"]
    found = share_of(round(accuracy * inputs), inputs)
    sentence = f"Of {inputs} test inputs {100 * accuracy:.1f} % withstand the attack"
    if found.low is not None and found.high is not None:
        sentence += f" (95 % confidence {100 * found.low:.1f} to {100 * found.high:.1f})"
    certified = content.get("certified")
    if certified:
        rows = "them" if certified["inputs"] == inputs else f"the first {certified['inputs']}"
        sentence += f"; {100 * certified['certified']:.1f} % of {rows} are proved to withstand every attack in its ball"
    return [sentence + "."]


def share_of(count: int, of: int) -> Interval:
    """A share of independent trials with 95 % confidence (Wilson); without ends for none."""
    from scipy.stats import binomtest

    if of == 0:
        return Interval(0.0)
    ends = binomtest(count, of).proportion_ci(method="wilson")
    return Interval(count / of, float(ends.low), float(ends.high))


def _over(run: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The median over rounds of the ratio of seconds; of runs that did not take turns, of their medians."""
    own, theirs = (each["history"]["seconds"] for each in (run, other))
    if len(own) != len(theirs) or not (run.get("interleaved", True) and other.get("interleaved", True)):
        return float(run["seconds_per_epoch"] / other["seconds_per_epoch"])
    return middle_half([mine / its for mine, its in zip(own, theirs, strict=True)]).value


def _of(runs: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(run for run in runs if run["strategy"] == name)


def _name(run: Mapping[str, Any]) -> str:
    name = run["strategy"]
    return f"dense training in {LIBRARIES[name]}" if name in LIBRARIES else str(name)


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
