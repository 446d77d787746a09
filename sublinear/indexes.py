"""Half-space reporting: which points lie on the far side of a hyperplane, while points come, go and move."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _reporting
from sublinear.arrays import as_floats, as_ids, as_points, as_threads, as_thresholds, float_dtype
from sublinear.reported import Reported
from sublinear.work import Work


class HalfSpaceIndex:
    """A dynamic set of points that answers half-space queries exactly.

    Point p is reported iff ``<p, normal> >= threshold``, inclusive, where the inner product is the library's canonical
    one in the index's dtype and the threshold is compared in double, without rounding. Every index class reports the
    same ids; they differ in speed and memory.

    Parameters
    ----------
    points : array-like of shape (N, d), d >= 1
        Copied. float32 and float64 are kept; integers and lists become float64. N may be 0. The points get the ids
        0 ... N - 1; inserted ones go on from there, and ids are never used again.
    dtype : float32 or float64, optional
        Precision of the points; wider data is rounded to nearest.

    Raises
    ------
    ValueError
        For values that are not finite, another shape or dimension, unknown or repeated ids, or a NaN threshold.
    TypeError
        For what are not real numbers.

    Notes
    -----
    Thread safety: queries may run at the same time on any number of threads and release the GIL; changes need the index
    for themselves. A call that raises has changed nothing.
    """

    name: ClassVar[str]

    def __init__(self, points: ArrayLike, dtype: Any = None) -> None:
        array = as_points(points, "points", dtype=dtype)
        self._dtype = array.dtype
        self._next_id = len(array)
        self._core = _reporting.make_index(self.name, array)

    def report(self, normal: ArrayLike, threshold: float) -> NDArray[np.int64]:
        """The ids, ascending, of all points with ``<p, normal> >= threshold`` (inclusive)."""
        return self.report_batch(self._one(normal), [threshold], threads=1).ids

    def report_batch(self, normals: ArrayLike, thresholds: ArrayLike, threads: int | None = None) -> Reported:
        """One list of ids for each row of `normals` (Q, d) and its threshold; a single threshold serves all rows.

        `threads` (default: all processors) changes speed only.
        """
        array = as_points(normals, "normals", self.dimension, self._dtype)
        limits = as_thresholds(thresholds, len(array))
        indptr, ids, work = self._core.report(array, limits, as_threads(threads))
        return Reported(indptr, ids, Work(*work), self._next_id)

    def count(self, normal: ArrayLike, threshold: float) -> int:
        """How many ids `report` would give (same inclusive predicate), without collecting them."""
        return int(self.count_batch(self._one(normal), [threshold], threads=1)[0])

    def count_batch(self, normals: ArrayLike, thresholds: ArrayLike, threads: int | None = None) -> NDArray[np.int64]:
        """`count` for each row of `normals`."""
        array = as_points(normals, "normals", self.dimension, self._dtype)
        counts, _ = self._core.count(array, as_thresholds(thresholds, len(array)), as_threads(threads))
        return counts

    def insert(self, points: ArrayLike) -> NDArray[np.int64]:
        """Adds points (k, d); returns their ids."""
        array = as_points(points, "points", self.dimension, self._dtype)
        first = self._core.insert(array)
        self._next_id = first + len(array)
        return np.arange(first, self._next_id)

    def erase(self, ids: ArrayLike) -> None:
        """Removes the points with these distinct ids."""
        self._core.erase(as_ids(ids))

    def move(self, ids: ArrayLike, points: ArrayLike) -> None:
        """Gives the points with these distinct ids new coordinates, one row of `points` for each id."""
        rows, array = as_ids(ids), as_points(points, "points", self.dimension, self._dtype)
        if len(rows) != len(array):
            raise ValueError(f"there are {len(rows)} ids and {len(array)} points; give one point for each id")
        self._core.move(rows, array)

    def __len__(self) -> int:
        return int(self._core.size())

    @property
    def dimension(self) -> int:
        """Number of coordinates of a point."""
        return int(self._core.dimension())

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the points and of the canonical product."""
        return float_dtype(self._dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return int(self._core.bytes())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} points, dimension={self.dimension}, dtype={self.dtype})"

    def _one(self, normal: ArrayLike) -> NDArray[Any]:
        return as_floats(normal, 1, "normal", self._dtype)[None, :]


class BruteForce(HalfSpaceIndex):
    """Looks at every point: the oracle, and the fastest index above about 8 dimensions. Query cost N d."""

    name = "brute-force"


class QuantizedScan(HalfSpaceIndex):
    """Looks at every point in 8 bits and at few exactly: the fastest index in many dimensions. Reports what
    `BruteForce` reports. Query cost N d in integers and d for each point that 8 bits leave open."""

    name = "quantized-scan"


class KDTree(HalfSpaceIndex):
    """A tree of boxes: few inner products up to about 8 dimensions, nearly N above. Build N log N."""

    name = "kd-tree"


class BallTree(HalfSpaceIndex):
    """A tree of balls: as `KDTree`, with one inner product a node instead of a box."""

    name = "ball-tree"


_CLASSES = {each.name: each for each in (BruteForce, QuantizedScan, KDTree, BallTree)}

#: Every index class by name, in the order in which tables show them.
INDEXES: dict[str, type[HalfSpaceIndex]] = {name: _CLASSES[name] for name in _reporting.index_names()}
