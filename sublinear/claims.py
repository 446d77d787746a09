"""A claim of a paper beside what was measured: how far they are apart, and whether the claim is kept."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sublinear.growth import Growth
from sublinear.intervals import Interval, mean_of

#: How what is measured relates to what is predicted.
RELATIONS = ("equals", "at most", "at least")

#: What verdicts say: an equality inside or outside of the interval, a bound kept, broken or inside of the interval, and
#: a relation that one value without an interval cannot decide.
VERDICTS = ("agrees", "differs", "holds", "fails", "open", "one seed")

_ROUNDING = 1e-6  # of what is equal up to it, no verdict is made


@dataclass(frozen=True)
class Claim:
    """One claim at one place of the grid.

    kind: "value", or "exponent" of growth with m. relation: of `RELATIONS`, None where the paper gives no number.
    `measured` and `predicted` have one value a seed (its own network and data, so predictions may differ too), for an
    exponent a single one; `predicted` is None without a relation. `interval` is the mean with 95 % confidence, for an
    exponent as `fit_growth` has it; it has no ends for a single seed. `ratio` is of measured over predicted, seed by
    seed; None where nothing or 0 is predicted.
    """

    name: str
    source: str
    at: dict[str, Any]
    kind: str
    relation: str | None
    predicted: tuple[float, ...] | None
    measured: tuple[float, ...]
    interval: Interval
    ratio: Interval | None

    @property
    def verdict(self) -> str | None:
        """Of `VERDICTS`; None where there is nothing to compare with. A bound of a single seed is of that one."""
        if self.predicted is None or self.relation is None:
            return None
        # Exponents are compared by differences: they may be 0 or negative.
        if self.kind == "exponent" or self.ratio is None:
            found, stated = self.interval, statistics.fmean(self.predicted)
        else:
            found, stated = self.ratio, 1.0
        low, high = (found.value if end is None else end for end in (found.low, found.high))
        low, high = low - stated - _ROUNDING, high - stated + _ROUNDING
        if self.relation == "equals":
            return "one seed" if found.low is None else "agrees" if low <= 0 <= high else "differs"
        below, above = high <= 2 * _ROUNDING, low >= -2 * _ROUNDING
        kept, broken = (below, above) if self.relation == "at most" else (above, below)
        return "holds" if kept else "fails" if broken else "open"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        table = {name: value for name, value in asdict(self).items() if name not in ("interval", "ratio")}
        table["measured"] = list(self.measured)
        table["predicted"] = None if self.predicted is None else list(self.predicted)
        table["predicted_mean"] = None if self.predicted is None else statistics.fmean(self.predicted)
        table |= {"mean": self.interval.value, "low": self.interval.low, "high": self.interval.high}
        names = {"ratio": "value", "ratio_low": "low", "ratio_high": "high"}
        table |= {name: None if self.ratio is None else getattr(self.ratio, end) for name, end in names.items()}
        return {**table, "verdict": self.verdict}


def claim_of_values(
    name: str,
    source: str,
    at: dict[str, Any],
    measured: Sequence[float],
    relation: str | None = None,
    predicted: Sequence[float] | None = None,
) -> Claim:
    """A claim about values, one for each seed; a prediction for each of them where there is a relation."""
    ratio = None
    if predicted is not None and all(stated != 0 for stated in predicted):
        ratio = mean_of([value / stated for value, stated in zip(measured, predicted, strict=True)])
    stated_ones = None if predicted is None else tuple(predicted)
    return Claim(name, source, at, "value", relation, stated_ones, tuple(measured), mean_of(measured), ratio)


def claim_of_growth(
    name: str,
    source: str,
    at: dict[str, Any],
    growth: Growth,
    relation: str | None = None,
    predicted: float | None = None,
) -> Claim:
    """A claim about an exponent of growth with m."""
    interval = Interval(growth.exponent, growth.low, growth.high)
    ratio = None
    if predicted:
        ends = [None if end is None else end / predicted for end in (growth.low, growth.high)]
        low, high = ends if predicted > 0 else reversed(ends)
        ratio = Interval(growth.exponent / predicted, low, high)
    stated = None if predicted is None else (predicted,)
    return Claim(name, source, at, "exponent", relation, stated, (growth.exponent,), interval, ratio)
