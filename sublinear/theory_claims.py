"""What the papers claim, as claims beside the runs of `sublinear theory`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sublinear.claims import Claim, claim_of_growth, claim_of_values
from sublinear.growth import Growth, fit_growth
from sublinear.predictions import (
    eigenvalue_bound,
    firing_bound,
    firing_probability,
    query_exponent,
    separation,
    union_probability,
)
from sublinear.theory_run import TheoryRun

SYZ = "Song, Yang, Zhang 2021"
GAO = "Gao, Qin, Song, Wang 2022"
HU = "Hu, Song, Weinstein, Zhuo 2022"
ALMAN = "Alman, Liang, Song, Zhang, Zhuo 2022"
DU = "Du, Zhai, Poczos, Singh 2019"
SLEPIAN = "Slepian 1962, for products correlated >= 0"
NO_CLAIM = "no claim"

Measure = Callable[[TheoryRun], float]


def paper_of(init: str) -> str:
    """The paper whose network an initialisation is."""
    return {"ntk": SYZ, "hu": HU, "gao": GAO}[init]


def claims_at(at: dict[str, Any], runs: list[TheoryRun]) -> list[Claim]:
    """The claims about networks of one width, one run a seed."""
    init = runs[0].settings.init
    paper, claims = paper_of(init), []

    def claim(
        name: str, value: Measure, source: str = NO_CLAIM, relation: str | None = None, predicted: Measure | None = None
    ) -> None:
        stated = None if predicted is None else [predicted(run) for run in runs]
        claims.append(claim_of_values(name, source, at, [value(run) for run in runs], relation, stated))

    def bound(run: TheoryRun) -> float:
        return firing_bound(run.kappa)

    claim("fired share, start", TheoryRun.share_at_start, paper, "equals", lambda run: firing_probability(run.kappa))
    claim("fired share, start, bound", TheoryRun.share_at_start, paper, "at most", bound)
    claim("fired share of an input, start", TheoryRun.largest_share_at_start, paper, "at most", lambda r: 2 * bound(r))
    claim("largest fired share in training", lambda run: max(run.history.fired_share))
    claim("fired on any input, start", TheoryRun.union, SLEPIAN, "at most", _independent_union)
    claim("flips under attack, start", TheoryRun.flips_at_start)
    claim("flips under attack, end", TheoryRun.flips_at_end)
    claim("largest |f|, start", TheoryRun.largest_output_at_start)
    claim("gap to the pseudo-network", TheoryRun.pseudo_gap)
    claim("robust loss, first", lambda run: run.history.robust_loss[0])
    claim("robust loss, last", lambda run: run.history.robust_loss[-1])
    claim("robust loss, mean over steps", lambda run: float(np.mean(run.history.robust_loss)))
    claim("fired pairs changed since the start", TheoryRun.changed_since_start)
    if init == "gao":
        claim("drift of a neuron", TheoryRun.drift, GAO, "at most", lambda run: run.start.width ** (-15 / 24))
        claim("drift times m^(3/5)", _scaled_drift)
        return claims
    claim("smallest eigenvalue, limit", lambda run: run.smallest_eigenvalue, SYZ, "at least", _eigenvalue_bound)
    claim("smallest eigenvalue, drawn", _drawn_eigenvalue, SYZ, "equals", lambda run: run.smallest_eigenvalue)
    claim("drift of a neuron", TheoryRun.drift, DU, "at most", TheoryRun.drift_bound)
    if at["radius"] == 0:
        claim("loss, last over first", _loss_ratio, SYZ, "at most", TheoryRun.contraction)
    if init == "hu":
        claim("Gauss-Newton residual ratio", TheoryRun.gauss_newton_ratio, HU, "at most", lambda run: 1.0)
    return claims


def _independent_union(run: TheoryRun) -> float:
    return union_probability(run.kappa, len(run.X))


def _scaled_drift(run: TheoryRun) -> float:
    return float(run.drift() * run.start.width**0.6)


def _drawn_eigenvalue(run: TheoryRun) -> float:
    return float(np.linalg.eigvalsh(run.kernel())[0])


def _eigenvalue_bound(run: TheoryRun) -> float:
    return eigenvalue_bound(run.kappa, separation(run.X), len(run.X))


def _loss_ratio(run: TheoryRun) -> float:
    return run.history.loss[-1] / run.history.loss[0]


class Facts:
    """What growth claims need of a run, so that runs need not be kept: sizes, counts and costs."""

    def __init__(self, run: TheoryRun) -> None:
        m = run.start.width
        self.m, self.n, self.d, self.seed = m, len(run.X), run.start.n_features, run.seed
        self.init, self.kappa = run.settings.init, run.kappa
        self.fired = m * run.share_at_start()
        self.updated = m * run.union()
        self.gap, self.scaled_drift = run.pseudo_gap(), _scaled_drift(run)
        self.costs = run.costs()


Curve = Callable[[Facts], float]


def growth_claims(at: dict[str, Any], facts: list[Facts], strategies: Sequence[str]) -> list[Claim]:
    """Exponents of growth with m at one n, d and radius, beside those of the predicted curves at the same widths."""
    first = facts[0]
    paper = paper_of(first.init)
    wanted: list[tuple[str, Curve, str, str, Curve]] = [
        ("fired by an input", lambda each: each.fired, paper, "equals", _fires),
        ("fired by an input, bound", lambda each: each.fired, paper, "at most", lambda r: r.m * firing_bound(r.kappa)),
        ("updated in a step", lambda each: each.updated, paper, "at most", _updates),
    ]
    if first.init == "gao":
        wanted.append(("gap to the pseudo-network", lambda each: each.gap, GAO, "at most", _gap))
    claims = [_growth_claim(at, facts, *each) for each in wanted]
    for name in strategies:
        claims += _cost_claims(name, at, facts)
    return [claim for claim in claims if claim is not None]


def _fires(of: Facts) -> float:
    return of.m * firing_probability(of.kappa)


def _updates(of: Facts) -> float:
    return of.m * union_probability(of.kappa, of.n)


def _gap(of: Facts) -> float:
    return float(of.scaled_drift**2 * of.m**-0.1)


def _linear(of: Facts) -> float:
    return of.m


def _query(of: Facts) -> float:
    return float(of.m ** query_exponent(of.d))


def _fitted(facts: list[Facts], value: Curve) -> Growth | None:
    values = [value(each) for each in facts]
    if min(values) <= 0:
        return None
    return fit_growth([each.m for each in facts], values, [each.seed for each in facts])


def _growth_claim(
    at: dict[str, Any],
    facts: list[Facts],
    name: str,
    value: Curve,
    source: str,
    relation: str | None,
    curve: Curve | None,
) -> Claim | None:
    """None where there are not two widths.

    What is fitted is the measured over the predicted curve, whose exponent is added: both bend alike, and the interval
    holds what is left.
    """
    if curve is None:
        growth = _fitted(facts, value)
        return None if growth is None else claim_of_growth(name, NO_CLAIM, at, growth)
    stated = _fitted(facts, curve)
    beside = _fitted(facts, lambda each: value(each) / curve(each))
    if stated is None or beside is None:
        return None
    ends = [None if end is None else stated.exponent + end for end in (beside.low, beside.high)]
    growth = replace(beside, exponent=stated.exponent + beside.exponent, low=ends[0], high=ends[1])
    return claim_of_growth(name, source, at, growth, relation, stated.exponent)


def _cost_claims(name: str, at: dict[str, Any], facts: list[Facts]) -> list[Claim | None]:
    """Of an iteration the term that grows fastest, of the papers' costs; constants that depend on d alone are left out.

    `weights` asks the tree for each input and passes on the fired; `data`, `dtree` and `wtree` ask anew for each neuron
    that was updated.
    """
    family = name.partition(":")[0]
    source = {"weights": SYZ, "data": SYZ, "dtree": ALMAN, "wtree": ALMAN, "dense": "definition"}.get(family, NO_CLAIM)
    terms = {"dense": [_linear], "weights": [_query, _fires]}.get(family, [_updates, _fires])
    exponents = {curve: fit.exponent for curve in terms if (fit := _fitted(facts, curve)) is not None}
    iteration = max(exponents, key=exponents.__getitem__) if exponents and source != NO_CLAIM else None
    kept = _linear if family in ("weights", "dtree", "wtree") else None
    claims = []
    for figure, text, curve in (
        ("inner_products", "inner products an iteration", iteration),
        ("seconds", "seconds an iteration", iteration),
        ("build_seconds", "seconds to build", kept),
        ("bytes", "bytes", kept),
    ):

        def cost(each: Facts, figure: str = figure) -> float:
            return each.costs[name][figure]

        claims.append(_growth_claim(at, facts, f"{name}: {text}", cost, source, "at most", curve))
    return claims
