"""Which index to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sublinear import _reporting
from sublinear.arrays import as_points, as_thresholds
from sublinear.indexes import INDEXES, BruteForce, HalfSpaceIndex

_SAMPLE = 2000, 50  # points and queries that are looked at


@dataclass(frozen=True)
class IndexChoice:
    """A key of `INDEXES`, the reason in words, and the share of the points that queries report, where it is known."""

    name: str
    why: str
    share: float | None

    @property
    def index_class(self) -> type[HalfSpaceIndex]:
        """The class: ``choice.index_class(points)`` makes the index."""
        return INDEXES[self.name]


def choose_index(
    points: ArrayLike, queries: tuple[ArrayLike, ArrayLike] | None = None, *, one_by_one: bool = False
) -> IndexChoice:
    """The index that should answer fastest over these points, by crossovers that were measured, and why.

    Parameters
    ----------
    points : array-like of shape (N, d)
    queries : (normals, thresholds), optional
        Typical ones. The share of the points they report is estimated from a sample; without them one per cent is
        assumed.
    one_by_one : bool, default False
        Whether queries come one in a call, with `report` rather than `report_batch`.

    Costs at most 100 000 inner products. ValueError and TypeError as the indexes raise them.
    """
    array = as_points(points, "points")
    share: float | None = None
    if queries is not None:
        normals = as_points(queries[0], "normals", array.shape[1], array.dtype)
        thresholds = as_thresholds(queries[1], len(normals))
        rows = array[:: max(1, len(array) // _SAMPLE[0])][: _SAMPLE[0]]
        chosen = slice(None, None, max(1, len(normals) // _SAMPLE[1]))
        counts = BruteForce(rows).count_batch(normals[chosen], thresholds[chosen], threads=1)
        if counts.size and len(rows):
            share = float(np.mean(counts)) / len(rows)
    together = 1 if one_by_one else 1000
    name, why = _reporting.choose_index(len(array), array.shape[1], together, -1.0 if share is None else share)
    return IndexChoice(name, why, share)


def make_index(
    points: ArrayLike,
    index: str = "auto",
    dtype: Any = None,
    *,
    progress: bool | Callable[[float], object] = False,
) -> HalfSpaceIndex:
    """An index by name, a key of `INDEXES`, or the one `choose_index` takes for many queries in a call ("auto")."""
    if index != "auto" and index not in INDEXES:
        raise ValueError(f"index is {index!r}; known are 'auto', {', '.join(map(repr, INDEXES))}")
    array = as_points(points, "points", dtype=dtype)
    name = choose_index(array).name if index == "auto" else index
    return INDEXES[name](array, progress=progress)
