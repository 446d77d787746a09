"""Means and medians of independent values with 95 % confidence, and how far the values themselves spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A value that lies between `low` and `high`; these are None where there are too few values to say."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half the distance of the ends; None where there are none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def mean_of(values: Sequence[float]) -> Interval:
    """The mean with 95 % confidence by Student's t, for independent values; without ends for a single value.

    Raises ValueError for no values.
    """
    from scipy.stats import t

    if len(values) == 0:
        raise ValueError("there are no values; give at least one")
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean)
    reach = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - reach, mean + reach)


def median_of(values: Sequence[float]) -> Interval:
    """The median with at least 95 % confidence by order statistics, whatever the distribution of independent values.

    Without ends below six values, which allow no such confidence. Raises ValueError for no values.
    """
    from scipy.stats import quantile_test

    if len(values) == 0:
        raise ValueError("there are no values; give at least one")
    median = float(np.median(values))
    ends = quantile_test(np.asarray(values, float), q=median, p=0.5).confidence_interval(0.95)
    if np.isnan(ends.low) or np.isnan(ends.high):
        return Interval(median)
    return Interval(median, float(ends.low), float(ends.high))


def middle_half(values: Sequence[float]) -> Interval:
    """The median between the quartiles: how far the values spread, not how well their median is known."""
    low, median, high = np.quantile(np.asarray(values, float), (0.25, 0.5, 0.75))
    return Interval(float(median), float(low), float(high)) if len(values) > 1 else Interval(float(median))


_RESAMPLES = 4000
_FEWEST = 6  # values of which resamples say more than a formula


def bootstrap_mean(values: Sequence[float]) -> Interval:
    """The mean with 95 % confidence by the studentized bootstrap, for independent values of any distribution.

    Resamples are always the same, so equal values give equal intervals. Below six values, whose resamples are too few,
    by Student's t. Raises ValueError for no values.
    """
    if len(values) == 0:
        raise ValueError("there are no values; give at least one")
    found = np.asarray(values, float)
    mean = float(found.mean())
    if len(found) < _FEWEST:
        return mean_of(values)
    if np.ptp(found) == 0:
        return Interval(mean, mean, mean)
    n = len(found)
    drawn = found[np.random.default_rng(0).integers(n, size=(_RESAMPLES, n))]
    errors = drawn.std(axis=1, ddof=1) / n**0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = (drawn.mean(axis=1) - mean) / errors
    low, high = np.quantile(scores[errors > 0], (0.025, 0.975))
    error = float(found.std(ddof=1)) / n**0.5
    return Interval(mean, mean - float(high) * error, mean - float(low) * error)
