"""How figures grow: exponents of power laws, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growth:
    """``value = factor * size ** exponent``, fitted by least squares of the logarithms.

    `low` and `high` hold the exponent with 95 % confidence if the logarithms scatter normally around the line; they are
    None where there are fewer than three points. `points` counts them.
    """

    exponent: float
    factor: float
    low: float | None
    high: float | None
    points: int

    def at(self, size: float) -> float:
        """The fitted value."""
        return float(self.factor * size**self.exponent)

    def text(self) -> str:
        """Such as "0.84 [0.80, 0.88]"."""
        if self.low is None or self.high is None:
            return f"{self.exponent:.2f}"
        return f"{self.exponent:.2f} [{self.low:.2f}, {self.high:.2f}]"


def fit_growth(sizes: Sequence[float], values: Sequence[float]) -> Growth | None:
    """The power law through positive values at positive sizes; None where there are not two different sizes.

    Raises ValueError for sizes or values that are not finite and positive, or not as many of each.
    """
    from scipy.stats import t

    x, y = np.asarray(sizes, float), np.asarray(values, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"there are {x.size} sizes and {y.size} values; give one value for each size")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all() and (y > 0).all()):
        raise ValueError("sizes and values must be finite and above 0 to have logarithms")
    if len(np.unique(x)) < 2:
        return None
    x, y = np.log(x), np.log(y)
    spread = float(((x - x.mean()) ** 2).sum())
    exponent = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    offset = float(y.mean() - exponent * x.mean())
    low = high = None
    freedom = len(x) - 2
    if freedom >= 1:
        residual = float(((y - offset - exponent * x) ** 2).sum())
        margin = float(t.ppf(0.975, freedom)) * math.sqrt(residual / freedom / spread)
        low, high = exponent - margin, exponent + margin
    return Growth(exponent, math.exp(offset), low, high, len(x))
