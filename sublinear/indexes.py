"""Half-space reporting: which points lie on the far side of a hyperplane, while points come, go and move."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _reporting, _training
from sublinear.arrays import as_floats, as_ids, as_integer, as_points, as_threads, as_thresholds, float_dtype
from sublinear.files import write_whole
from sublinear.registry import Registry
from sublinear.reported import Reported, Top
from sublinear.work import Work

_NO_LIMIT = np.iinfo(np.int64).max
_Self = TypeVar("_Self", bound="HalfSpaceIndex")


class HalfSpaceIndex:
    """A dynamic set of points that answers half-space queries exactly.

    Point p is reported iff ``<p, normal> >= threshold``, inclusive, where the inner product is the library's canonical
    one in the index's dtype and the threshold is compared in double, without rounding. Every index class reports the
    same ids; they differ in speed and memory.

    Parameters
    ----------
    points : array-like of shape (N, d), d >= 1
        Copied, so read-only and memory-mapped arrays serve. float32 and float64 are kept; integers and lists become
        float64. N may be 0. The points get the ids 0 ... N - 1; inserted ones go on from there, and ids are never used
        again.
    dtype : float32 or float64, optional
        Precision of the points; wider data is rounded to nearest.
    progress : bool or callable, default False
        True shows a bar on stderr while the points are arranged; a callable is given the share done, in [0, 1]. What it
        raises, and Ctrl-C, ends the construction.

    Raises
    ------
    ValueError
        For values that are not finite, another shape or dimension, unknown or repeated ids, or a NaN threshold.
    TypeError
        For what are not real numbers.

    Notes
    -----
    Thread safety: any thread may call anything. Queries run at the same time and release the GIL; `insert`, `erase` and
    `move` wait for the queries that began before them, and later ones wait for them. Streams raise RuntimeError once
    the index has changed. A call that raises has changed nothing. Indexes can be pickled and copied.
    """

    name: ClassVar[str]
    #: Whether it never misses a point; `register_index` may add one that does.
    exact: ClassVar[bool] = True

    def __init__(
        self, points: ArrayLike, dtype: Any = None, *, progress: bool | Callable[[float], object] = False
    ) -> None:
        self._build(points, dtype, 0, progress)

    def _build(self, points: ArrayLike, dtype: Any, leaf_size: int, progress: bool | Callable[[float], object]) -> None:
        array = as_points(points, "points", dtype=dtype)
        with _told(progress, f"{type(self).__name__} of {len(array)} points") as callback:
            core = _reporting.make_index(self.name, array, leaf_size, callback)
        self._adopt(core, array.dtype, leaf_size)

    def _adopt(self, core: _reporting.Index, dtype: np.dtype[Any], leaf_size: int) -> None:
        self._core, self._dtype, self._leaf_size = core, dtype, leaf_size

    def report(
        self, normal: ArrayLike, threshold: float, *, sort: bool = True, limit: int | None = None
    ) -> NDArray[np.int64]:
        """The ids of all points with ``<p, normal> >= threshold`` (inclusive).

        Ascending; with ``sort=False`` in the order in which the index finds them, which is faster where many are. With
        `limit` the query stops once it has so many: the first that the index comes upon, min(limit, count) of them.
        """
        return self.report_batch(self._one(normal), [threshold], threads=1, sort=sort, limit=limit).ids

    def report_batch(
        self,
        normals: ArrayLike,
        thresholds: ArrayLike,
        threads: int | None = None,
        *,
        sort: bool = True,
        limit: int | None = None,
    ) -> Reported:
        """One list of ids, as `report` gives it, for each row of `normals` (Q, d) and its threshold.

        A single threshold serves all rows; the predicate is inclusive. `threads` (default: `default_threads()`) changes
        speed only.
        """
        array = as_points(normals, "normals", self.dimension, self._dtype)
        limits = as_thresholds(thresholds, len(array))
        most = _NO_LIMIT if limit is None else as_integer(limit, "limit")
        indptr, ids, work, below = self._core.report(array, limits, as_threads(threads), bool(sort), most)
        return Reported(indptr, ids, Work(*work), below)

    def count(self, normal: ArrayLike, threshold: float) -> int:
        """How many ids `report` would give (same inclusive predicate), without collecting them."""
        return int(self.count_batch(self._one(normal), [threshold], threads=1)[0])

    @overload
    def count_batch(
        self,
        normals: ArrayLike,
        thresholds: ArrayLike,
        threads: int | None = None,
        *,
        return_work: Literal[False] = ...,
    ) -> NDArray[np.int64]: ...
    @overload
    def count_batch(
        self, normals: ArrayLike, thresholds: ArrayLike, threads: int | None = None, *, return_work: Literal[True]
    ) -> tuple[NDArray[np.int64], Work]: ...
    def count_batch(
        self, normals: ArrayLike, thresholds: ArrayLike, threads: int | None = None, *, return_work: bool = False
    ) -> NDArray[np.int64] | tuple[NDArray[np.int64], Work]:
        """`count` for each row of `normals`; with ``return_work=True`` the counted work too."""
        array = as_points(normals, "normals", self.dimension, self._dtype)
        counts, work = self._core.count(array, as_thresholds(thresholds, len(array)), as_threads(threads))
        return (counts, Work(*work)) if return_work else counts

    def top(self, normal: ArrayLike, k: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The ids and inner products of the k points farthest along the normal, by falling product, then by id.

        Exact maximum inner product search. Fewer than k if there are fewer points whose product is a number.
        """
        top = self.top_batch(self._one(normal), k, threads=1)
        found = top.ids[0] >= 0
        return top.ids[0][found], top.products[0][found]

    def top_batch(self, normals: ArrayLike, k: int, threads: int | None = None) -> Top:
        """`top` for each row of `normals` (Q, d), as arrays of shape (Q, k)."""
        array = as_points(normals, "normals", self.dimension, self._dtype)
        most = as_integer(k, "k")
        indptr, ids, products, work = self._core.top(array, most, as_threads(threads))
        shape = len(array), most
        all_ids, all_products = np.full(shape, -1, np.int64), np.full(shape, np.nan, self._dtype)
        for q in range(len(array)):
            begin, end = indptr[q], indptr[q + 1]
            all_ids[q, : end - begin], all_products[q, : end - begin] = ids[begin:end], products[begin:end]
        return Top(all_ids, all_products, Work(*work))

    def stream(self, normal: ArrayLike, threshold: float) -> Iterator[NDArray[np.int64]]:
        """The ids of `report` piece by piece, in no particular order: arrays of at most 65 536 ids.

        For results too large to hold. Same inclusive predicate. RuntimeError if the index is changed meanwhile.
        """
        array, limit = self._one(normal), float(as_thresholds([threshold], 1)[0])
        as_points(array, "normal", self.dimension, self._dtype)
        return self._pages(array, limit, *self._core.pages())

    def _pages(self, normal: NDArray[Any], threshold: float, pages: int, state: int) -> Iterator[NDArray[np.int64]]:
        for page in range(pages):
            ids = self._core.report_page(normal, threshold, page, state)
            if len(ids):
                yield ids

    def insert(self, points: ArrayLike) -> NDArray[np.int64]:
        """Adds points (k, d); returns their ids."""
        array = as_points(points, "points", self.dimension, self._dtype)
        first = self._core.insert(array)
        return np.arange(first, first + len(array))

    def erase(self, ids: ArrayLike) -> None:
        """Removes the points with these distinct ids."""
        self._core.erase(as_ids(ids))

    def move(self, ids: ArrayLike, points: ArrayLike) -> None:
        """Gives the points with these distinct ids new coordinates, one row of `points` for each id."""
        rows, array = as_ids(ids), as_points(points, "points", self.dimension, self._dtype)
        if len(rows) != len(array):
            raise ValueError(f"there are {len(rows)} ids and {len(array)} points; give one point for each id")
        self._core.move(rows, array)

    def copy(self: _Self) -> _Self:
        """An index of its own with the same points, ids and ids to come."""
        index = type(self).__new__(type(self))
        index._adopt(self._core.copy(), self._dtype, self._leaf_size)
        return index

    def __copy__(self: _Self) -> _Self:
        return self.copy()

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        return self.copy()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index, whole or not at all, as flat arrays with a version and a checksum; no pickle."""
        write_whole(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """The bytes that `save` writes."""
        return self._core.to_bytes()

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """The index that `save` wrote: same answers, ids and parameters.

        Called on `HalfSpaceIndex` it gives whatever index the file holds, on a class only one of that. Costs one pass
        over the points, for `ConvexLayers` a build. ValueError for a file that is foreign, cut short, damaged, of
        another version or another class; no memory is taken that the file's size does not justify.
        """
        content = Path(path).read_bytes()
        try:
            return cls.from_bytes(content)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def from_bytes(cls: type[_Self], content: bytes) -> _Self:
        """The index that `to_bytes` gave; see `load`."""
        view = memoryview(content)
        name, dtype, leaf_size = _reporting.describe_bytes(view)
        found = INDEXES.get(name)
        if found is None or not issubclass(found, cls):
            raise ValueError(
                f"the file holds an index called {name!r}; load it with {(found or HalfSpaceIndex).__name__}"
            )
        index = found.__new__(found)
        core = _reporting.from_bytes(view, dtype == "float32")
        core.insert(np.empty((0, core.dimension()), dtype))  # nothing: so it knows which id comes next
        index._adopt(core, np.dtype(dtype), leaf_size)
        return index

    def __reduce__(self) -> tuple[Any, ...]:
        return HalfSpaceIndex.from_bytes, (self.to_bytes(),)

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
    def next_id(self) -> int:
        """The id that the next inserted point gets; all ids there ever were are below."""
        return int(self._core.next_id())

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return int(self._core.bytes())

    def _parameters(self) -> str:
        return ""

    def __repr__(self) -> str:
        own = self._parameters()
        return f"{type(self).__name__}({len(self)} points, dimension={self.dimension}, dtype={self.dtype}{own})"

    def _one(self, normal: ArrayLike) -> NDArray[Any]:
        return as_floats(normal, 1, "normal", self._dtype)[None, :]


class BruteForce(HalfSpaceIndex):
    """Looks at every point: the oracle, and the fastest index between about 8 and 12 dimensions. Query cost N d."""

    name = "brute-force"


class QuantizedScan(HalfSpaceIndex):
    """Looks at every point in 8 bits and at few exactly: the fastest index in many dimensions. Reports what
    `BruteForce` reports. Query cost N d in integers and d for each point that 8 bits leave open."""

    name = "quantized-scan"


class _Tree(HalfSpaceIndex):
    def __init__(
        self,
        points: ArrayLike,
        dtype: Any = None,
        *,
        leaf_size: int = 16,
        progress: bool | Callable[[float], object] = False,
    ) -> None:
        self._build(points, dtype, as_integer(leaf_size, "leaf_size", 1), progress)

    def _parameters(self) -> str:
        return f", leaf_size={self._leaf_size}"


class KDTree(_Tree):
    """A tree of boxes: few inner products up to about 8 dimensions, nearly N above. Build N log N.

    `leaf_size`, rounded up to a multiple of 16, changes speed only. Other parameters as `HalfSpaceIndex` has them.
    """

    name = "kd-tree"


class BallTree(_Tree):
    """A tree of balls: as `KDTree`, with one inner product a node instead of a box."""

    name = "ball-tree"


class PartitionTree(_Tree):
    """A simplicial partition tree in the manner of Matousek and Chan, the theory's own structure, for comparison.

    Serves up to 16 dimensions. Build N log N times d^2. Hyperplanes cross about N^(1 - 1/d) of its leaves, up to a
    factor that docs/reporting.md shows; the trees of boxes and balls are faster. Points that move are built in anew.
    """

    name = "partition-tree"

    @staticmethod
    def crossing_numbers(
        points: ArrayLike, normals: ArrayLike, thresholds: ArrayLike, *, leaf_size: int = 16
    ) -> tuple[NDArray[np.int64], int]:
        """How many leaves' simplices each hyperplane ``<p, normal> = threshold`` meets, and how many leaves there are.

        Builds a tree over the points and counts, for comparison with the theory's leaves^(1 - 1/d). Leaves that
        rounding leaves in doubt are counted.
        """
        array = as_points(points, "points")
        directions = as_points(normals, "normals", array.shape[1], array.dtype)
        limits = as_thresholds(thresholds, len(directions))
        size = as_integer(leaf_size, "leaf_size", 1)
        numbers = _reporting.crossing_numbers(array, size, directions, limits)
        return np.array([crossed for crossed, _ in numbers], np.int64), numbers[0][1] if numbers else 0


class ConvexLayers(HalfSpaceIndex):
    """The convex layers of points in the plane: queries in O(log N + k) for k points reported, whatever the points.

    Two dimensions only. Chazelle, Guibas and Lee 1985, with fractional cascading. Build O(N log N). On clouds of points
    `KDTree` is faster; this one has the guarantee.
    """

    name = "convex-layers"


@contextmanager
def _told(progress: bool | Callable[[float], object], what: str) -> Iterator[Callable[[float], object] | None]:
    """The callable to tell how far a build is, with a bar around it if one was asked for."""
    if callable(progress):
        yield progress
        return
    if not isinstance(progress, bool):
        raise TypeError(f"progress is {progress!r}; give True, False or a callable")
    if not progress:
        yield None
        return
    from sublinear.progress import progress as shown

    with shown(what) as tell:
        yield lambda done: tell(what, done, 1.0)


def register_index(
    name: str,
    factory: Callable[[NDArray[Any]], Any],
    *,
    exact: bool | None = None,
    dimensions: tuple[int, int | None] | None = None,
    replace: bool = False,
) -> type[HalfSpaceIndex]:
    """Adds an index of your own to `INDEXES`; returns its class. docs/extending.md has examples.

    Parameters
    ----------
    name : str
        Small letters, digits, "-", "_" and ".".
    factory : callable (points) -> object
        Makes the index over points (N, d), float32 or float64, N >= 1, which are its own; their ids are 0 ... N - 1.
        The object has ``report_batch(normals, thresholds)``, which gives for each row of `normals` (Q, d) the ids of at
        least those points whose product with it is above its threshold: as ``(indptr, ids)``, a CSR matrix, a boolean
        array (Q, N), or a list with an array of ids for each query; each id once, in any order. Rounding is taken off
        before: thresholds, float64 (Q,), are so low that products summed in any order in the points' precision serve.
        Where it has them, ``insert(points)`` (new ids go on from N), ``move(ids, points)`` and ``erase(ids)`` are
        called when points change; else it is made anew, and erased ones are left out of its answers. ``nbytes`` counts
        its memory.
    exact : bool, optional
        Whether it never misses a point. Default: the factory's attribute `exact`, else True. An approximate one makes
        the strategies approximate that have it inside.
    dimensions : (least, most), optional
        Of the points it serves; most None is any. Default: the factory's attribute `dimensions`, else (1, None).
    replace : bool, default False
        Whether an index that was registered under the name is replaced.

    Raises
    ------
    ValueError
        For a name that is taken, or not of those letters.
    TypeError
        If the factory cannot be called.

    Notes
    -----
    The core keeps the points, judges every proposal by the canonical product and checks every answer; of an exact index
    it looks one query in 64 up by a scan, the first among them. What is wrong is a `PluginError` that names the index.
    Calls come with the GIL, maybe from several threads.
    """
    if not callable(factory):
        raise TypeError(f"the factory of index {name!r} is {factory!r}; give a callable that is given the points")
    claims = bool(getattr(factory, "exact", True) if exact is None else exact)
    least, most = dimensions or getattr(factory, "dimensions", None) or (1, None)
    bounds = as_integer(least, "dimensions[0]", 1), _NO_LIMIT if most is None else as_integer(most, "dimensions[1]", 1)
    if replace and name in INDEXES.registered():
        unregister_index(name)

    def make(points: NDArray[Any]) -> object:
        from sublinear.plugins import OutsideIndex

        return OutsideIndex(name, factory, points)

    for module in (_reporting, _training):  # each contains the C++ library
        module.register_index(name, claims, *bounds, make)
    return add_registered_class(name, claims, getattr(factory, "__doc__", None) or "")


def add_registered_class(name: str, exact: bool, text: str) -> type[HalfSpaceIndex]:
    """The class of an index that the core knows by this name. For the library's own modules."""
    about = f"The registered index {name!r}. {text}"
    own = type(_class_name(name), (HalfSpaceIndex,), {"name": name, "exact": exact, "__doc__": about})
    INDEXES.add(name, own)
    return own


def unregister_index(name: str) -> None:
    """Forgets an index that `register_index` added; those that were made live on. ValueError for any other."""
    INDEXES.remove(name)
    for module in (_reporting, _training):
        module.unregister_index(name)


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[-_.]", name)) or "Index"


_CLASSES = {each.name: each for each in (BruteForce, QuantizedScan, KDTree, BallTree, PartitionTree, ConvexLayers)}

#: Every index class by name, in the order in which tables show them; `register_index` and the entry points
#: "sublinear.indexes" of installed packages add to them.
INDEXES: Registry[type[HalfSpaceIndex]] = Registry(
    {name: _CLASSES[name] for name in _reporting.index_names()}, "sublinear.indexes", register_index
)


def index_serves(name: str, dimension: int) -> bool:
    """Whether there is an index called `name` and it serves points of this many dimensions."""
    size = as_integer(dimension, "dimension", 1)
    return name in INDEXES and bool(_reporting.index_serves(INDEXES[name].name, size))
