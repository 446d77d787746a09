"""How figures grow: exponents of power laws, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.intervals import mean_of


@dataclass(frozen=True)
class Growth:
    """``value = factor * size ** exponent``, fitted by least squares to the mean logarithm at each size.

    `low` and `high` hold the exponent with 95 % confidence, as `fit_growth` says; they are None where nothing tells how
    far the exponent may be off: two sizes, one seed. `points` counts sizes, `seeds` the independent runs over them.
    """

    exponent: float
    factor: float
    low: float | None
    high: float | None
    points: int
    seeds: int = 1

    def at(self, size: float) -> float:
        """The fitted value."""
        return float(self.factor * size**self.exponent)

    def text(self) -> str:
        """Such as "0.84 [0.80, 0.88]"."""
        if self.low is None or self.high is None:
            return f"{self.exponent:.2f}"
        return f"{self.exponent:.2f} [{self.low:.2f}, {self.high:.2f}]"


def fit_growth(
    sizes: Sequence[float], values: Sequence[float], seeds: Sequence[Hashable] | None = None
) -> Growth | None:
    """The power law through positive values at positive sizes; None where there are not two different sizes.

    Values of equal seeds share network and data and are one observation, whatever their number; copies change nothing.
    Two things put an exponent off, and the wider of their intervals is shown: how far the means lie from a straight
    line (Student's t over sizes), and how far the exponents of the seeds, fitted one by one, lie apart (Student's t
    over the seeds that have every size). Without `seeds` all values are of one. Raises ValueError for sizes or values
    that are not finite and positive, or not as many of each.
    """
    x, y = np.asarray(sizes, float), np.asarray(values, float)
    if x.shape != y.shape or x.ndim != 1 or (seeds is not None and len(seeds) != len(x)):
        raise ValueError(f"there are {x.size} sizes and {y.size} values; give one value, and one seed, for each size")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all() and (y > 0).all()):
        raise ValueError("sizes and values must be finite and above 0 to have logarithms")
    table = _logarithms(x, np.log(y), [0] * len(x) if seeds is None else list(seeds))
    places = np.log(np.unique(x))
    if len(places) < 2:
        return None
    whole = table[~np.isnan(table).any(axis=1)]
    means = whole.mean(axis=0) if len(whole) else np.nanmean(table, axis=0)
    exponent, offset, reach = _line(places, means)
    reaches = [] if reach is None else [reach]
    if len(whole) > 1:
        between = mean_of([_line(places, row)[0] for row in whole]).half_width
        assert between is not None
        reaches.append(between)
    low, high = (exponent - max(reaches), exponent + max(reaches)) if reaches else (None, None)
    return Growth(exponent, math.exp(offset), low, high, len(places), max(len(whole), 1))


def _logarithms(x: NDArray[Any], logarithms: NDArray[Any], seeds: list[Hashable]) -> NDArray[Any]:
    """One row a seed, one column a size: the mean of the logarithms there, NaN where there are none."""
    rows, columns = list(dict.fromkeys(seeds)), np.unique(x)
    row = np.array([rows.index(seed) for seed in seeds], int)
    column = np.searchsorted(columns, x)
    sums, counts = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
    np.add.at(sums, (row, column), logarithms)
    np.add.at(counts, (row, column), 1)
    with np.errstate(invalid="ignore"):
        table: NDArray[Any] = sums / counts
    return table


def _line(x: NDArray[Any], y: NDArray[Any]) -> tuple[float, float, float | None]:
    """Slope and offset of the least squares line, and the reach of the slope's 95 % interval from three points on."""
    from scipy.stats import linregress, t

    found = linregress(x, y)
    reach = float(t.ppf(0.975, len(x) - 2) * found.stderr) if len(x) > 2 else None
    return float(found.slope), float(found.intercept), reach
