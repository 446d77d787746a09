"""Indexes and strategies from outside: what the library gives them, and what it makes of their answers.

They are called with the GIL, on whichever thread asks. What they raise becomes a `PluginError` that names them and the
call; `KeyboardInterrupt` and `MemoryError` pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import as_ids, as_number, as_points
from sublinear.errors import PluginError
from sublinear.outside import Outside

FloatArray = NDArray[Any]
IdArray = NDArray[np.int64]

#: Of the displacements that `moved` is given, each at most so much: in l2, in the norm dual to the ball's, of the bias.
DISPLACEMENTS = np.dtype([("euclidean", np.float64), ("dual", np.float64), ("bias", np.float64)])


@dataclass(frozen=True, eq=False)
class FindingProblem:
    """What a strategy is made for: which of these neurons can fire somewhere in the ball around each of these inputs?

    Neuron r fires at x iff ``weights[r] @ x + biases[r] >= threshold``. The arrays are read-only copies of the
    trainer's; before each call of `moved` the rows that moved have their new values. The ball has this `radius` in
    `norm` (2 or inf).

    weights : (width, d), float32 or float64. biases : (width,). threshold : float. inputs : (n, d). max_bytes : int,
    the most that lists over pairs may take. threads : int.
    """

    weights: FloatArray
    biases: FloatArray
    threshold: float
    inputs: FloatArray
    radius: float
    norm: float
    max_bytes: int
    threads: int

    def limits(
        self, rows: ArrayLike | None = None, points: ArrayLike | None = None, radius: float | None = None
    ) -> FloatArray:
        """For each of the rows (default: all) what its product must reach for it to be able to fire in an input's ball.

        ``inputs @ weights.T >= limits()`` misses nobody: all rounding is accounted for, whatever the order in which
        products are summed in this precision. With `points` (k, d) and `radius` for balls around those.
        """
        chosen = slice(None) if rows is None else as_ids(rows, "rows")
        where = self.inputs if points is None else as_points(points, "points", self.inputs.shape[1], self.inputs.dtype)
        far = self.radius if radius is None else as_number(radius, "radius", 0)
        weights, biases = np.ascontiguousarray(self.weights[chosen]), np.ascontiguousarray(self.biases[chosen])
        return _training.firing_limits(weights, biases, self.threshold, where, far, self.norm)


class Plugin(Outside):
    """Something from outside that a factory makes; its calls."""

    def __init__(self, kind: str, name: str, columns: int) -> None:
        super().__init__(f"{kind} {name!r}")
        self._columns = columns
        self._made: Any = None

    def _make(self, methods: tuple[str, ...], factory: Callable[..., Any], *arguments: Any) -> None:
        self._made = self._call("the factory", factory, *arguments)
        for method in methods:
            if not callable(getattr(self._made, method, None)):
                raise PluginError(f"{self._title}: what the factory made, {self._made!r}, has no method {method!r}")

    def _offers(self, method: str) -> bool:
        return callable(getattr(self._made, method, None))

    @property
    def nbytes(self) -> int:
        """Bytes of memory held, as far as it tells."""
        try:
            return max(0, int(getattr(self._made, "nbytes", 0)))
        except Exception:
            return 0

    def _lists(self, call: str, queries: int, *arguments: Any) -> tuple[IdArray, IdArray]:
        """Offsets and ids of what a call answers, whichever form it has."""
        answer = self._call(call, getattr(self._made, call), *arguments)
        try:
            return _as_lists(answer, queries, self._columns)
        except Exception as error:  # whatever it is that was answered
            raise self._wrong(call, error) from error


class OutsideIndex(Plugin):
    """An index from outside, as the core calls it; `factory` is called with the points."""

    def __init__(self, name: str, factory: Callable[..., Any], points: FloatArray) -> None:
        super().__init__("index", name, len(points))
        self._make(("report_batch",), factory, points)

    def report_batch(self, normals: FloatArray, thresholds: FloatArray) -> tuple[IdArray, IdArray]:
        """Offsets and ids."""
        return self._lists("report_batch", len(normals), normals, thresholds)

    def insert(self, points: FloatArray) -> bool:
        """Whether it takes new points itself."""
        if not self._offers("insert"):
            return False
        self._call("insert", self._made.insert, points)
        self._columns += len(points)
        return True

    def move(self, ids: IdArray, points: FloatArray) -> bool:
        """Whether it moves points itself."""
        if not self._offers("move"):
            return False
        self._call("move", self._made.move, ids, points)
        return True

    def erase(self, ids: IdArray) -> bool:
        """True: whoever is erased need not be forgotten."""
        if self._offers("erase"):
            self._call("erase", self._made.erase, ids)
        return True


class OutsideStrategy(Plugin):
    """A strategy from outside, as the core calls it; `factory` is called with a `FindingProblem`."""

    def __init__(
        self,
        name: str,
        factory: Callable[..., Any],
        weights: FloatArray,
        biases: FloatArray,
        threshold: float,
        inputs: FloatArray,
        radius: float,
        norm: float,
        max_bytes: int,
        threads: int,
    ) -> None:
        super().__init__("strategy", name, len(weights))
        self._weights, self._biases = weights, biases
        views = [array.view() for array in (weights, biases, inputs)]
        for view in views:
            view.flags.writeable = False
        problem = FindingProblem(views[0], views[1], threshold, views[2], radius, norm, max_bytes, threads)
        self._make(("candidates", "moved"), factory, problem)
        self.serves_any_point = self._offers("candidates_at")

    def candidates(self, ids: IdArray) -> tuple[IdArray, IdArray]:
        """Offsets and ids of neurons."""
        return self._lists("candidates", len(ids), ids)

    def candidates_at(self, points: FloatArray, radius: float) -> tuple[IdArray, IdArray]:
        """Offsets and ids of neurons."""
        return self._lists("candidates_at", len(points), points, radius)

    def moved(self, rows: IdArray, weights: FloatArray, biases: FloatArray, displacements: FloatArray) -> None:
        """Tells it which rows have new values."""
        self._weights[rows], self._biases[rows] = weights, biases
        self._call("moved", self._made.moved, rows, displacements.view(DISPLACEMENTS)[:, 0])


def _as_lists(answer: Any, queries: int, columns: int) -> tuple[IdArray, IdArray]:
    if isinstance(answer, tuple) and len(answer) == 2:
        return _checked(*answer, queries)
    indptr, ids = getattr(answer, "indptr", None), getattr(answer, "ids", getattr(answer, "indices", None))
    if indptr is not None and ids is not None:
        return _checked(indptr, ids, queries)
    if isinstance(answer, np.ndarray) and answer.dtype == bool:
        if answer.shape != (queries, columns):
            raise ValueError(f"a boolean array of shape {answer.shape}; give {(queries, columns)}, a row a query")
        return _checked(np.append(0, answer.sum(axis=1).cumsum()), np.nonzero(answer)[1], queries)
    if isinstance(answer, (list, np.ndarray)):
        lists = [as_ids(each, f"the list of query {q}") for q, each in enumerate(answer)]
        ids = np.concatenate(lists) if lists else np.empty(0, np.int64)
        return _checked(np.append(0, np.cumsum([len(each) for each in lists], dtype=np.int64)), ids, queries)
    raise TypeError(
        f"it is a {type(answer).__name__}; give (indptr, ids), a CSR matrix, a boolean array with a row a query, or a "
        "list with an array of ids for each query"
    )


def _checked(indptr: Any, ids: Any, queries: int) -> tuple[IdArray, IdArray]:
    offsets, all_ids = as_ids(indptr, "indptr"), as_ids(ids, "ids")
    if len(offsets) != queries + 1:
        raise ValueError(f"there are {max(0, len(offsets) - 1)} lists for {queries} queries; give one for each")
    if offsets[0] != 0 or offsets[-1] != len(all_ids) or (np.diff(offsets) < 0).any():
        raise ValueError(f"indptr has to ascend from 0 to {len(all_ids)}, the number of ids; it is {indptr!r}")
    return np.ascontiguousarray(offsets, np.int64), np.ascontiguousarray(all_ids, np.int64)
