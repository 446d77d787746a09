"""Exact reductions that let an index answer more than it was made for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear._kernels import inner_products
from sublinear.arrays import as_floats, as_ids, as_points, as_thresholds
from sublinear.choosing import make_index
from sublinear.indexes import HalfSpaceIndex


class OffsetIndex:
    """Points with an offset each: reports ids with ``<p, normal> + offset >= threshold`` (inclusive).

    Folds the offset into the point: (p, offset) against (normal, 1) in d + 1 dimensions, where any index serves. The
    predicate is the canonical product of the folded vectors, in which the offset is the last term: decided exactly, and
    the same for every index. Song, Yang and Zhang (2021) and Gao et al. (2022) fold biases in this way.

    Parameters
    ----------
    points : array-like of shape (N, d)
    offsets : array-like of shape (N,)
    index : str, default "auto"
        A key of `INDEXES` or "auto"; changes speed only.
    dtype : float32 or float64, optional
    """

    def __init__(self, points: ArrayLike, offsets: ArrayLike, index: str = "auto", dtype: Any = None) -> None:
        self.index = make_index(_folded(as_points(points, "points", dtype=dtype), offsets), index)

    def report(self, normal: ArrayLike, threshold: float) -> NDArray[np.int64]:
        """The ids, ascending, with ``<p, normal> + offset >= threshold`` (inclusive)."""
        return self.index.report(np.append(as_floats(normal, 1, "normal", self.index.dtype), 1), threshold)

    def insert(self, points: ArrayLike, offsets: ArrayLike) -> NDArray[np.int64]:
        """Adds points (k, d) with their offsets (k,); returns their ids."""
        return self.index.insert(
            _folded(as_points(points, "points", self.index.dimension - 1, self.index.dtype), offsets)
        )

    def move(self, ids: ArrayLike, points: ArrayLike, offsets: ArrayLike) -> None:
        """Gives points new coordinates and offsets."""
        array = as_points(points, "points", self.index.dimension - 1, self.index.dtype)
        self.index.move(ids, _folded(array, offsets))

    def erase(self, ids: ArrayLike) -> None:
        """Removes the points with these distinct ids."""
        self.index.erase(ids)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"OffsetIndex({self.index!r})"


def _folded(points: NDArray[Any], offsets: ArrayLike) -> NDArray[Any]:
    column = as_floats(offsets, 1, "offsets", points.dtype)
    if len(column) != len(points):
        raise ValueError(f"there are {len(column)} offsets and {len(points)} points; give one for each")
    return np.column_stack([points, column])


class ProjectedIndex:
    """Points in many dimensions asked by normals that lie in, or near, a subspace of few.

    Keeps, for an orthonormal basis B of q rows, the point u = (B p, ||p - B^T B p||) in q + 1 dimensions. With v made
    of a normal x in the same way, <p, x> <= <u, v>: so the half-space of v over the u holds all that is wanted, and the
    canonical product of p and x decides. Exact for every normal; fast for those near the subspace.

    Parameters
    ----------
    points : array-like of shape (N, d)
    directions : array-like of shape (k, d)
        Typical normals; the basis spans them.
    index : str, default "auto"
        A key of `INDEXES` or "auto", over the u; changes speed only.
    rank : int, optional
        Directions of the basis, the strongest ones first; default: all of numerical rank.

    Notes
    -----
    The threshold is lowered by a margin for rounding. With B as computed and r, s the computed residuals of p and x,
    <p, x> = <Bp, Bx> + <r, s> + e, where e comes from B B^T being the identity only nearly and from the rounding of the
    residuals; its size is at most 4 (||B B^T - I||_F + (q + 2) (d + 4) 2^-52) ||p|| ||x||. The products of u and v and
    the canonical one of p and x err by gamma_(d + 8) of the index's dtype times ||p|| ||x|| each, likewise their
    rounding to it.
    """

    def __init__(self, points: ArrayLike, directions: ArrayLike, index: str = "auto", rank: int | None = None) -> None:
        self._points = np.copy(as_points(points, "points"))  # decides, so it must stay as what proposes was made of
        spanning = as_points(directions, "directions", self._points.shape[1]).astype(np.float64)
        _, sizes, rows = np.linalg.svd(spanning, full_matrices=False)
        numerical = int(np.sum(sizes > max(spanning.shape) * np.finfo(np.float64).eps * sizes[0])) if len(sizes) else 0
        self._basis = rows[: max(1, numerical if rank is None else min(rank, len(rows)))]
        q, d = self._basis.shape
        error = np.linalg.norm(self._basis @ self._basis.T - np.eye(q)) + (q + 2) * (d + 4) * 2.0**-52
        rounding = (d + q + 16) * float(np.finfo(self._points.dtype).eps)
        self._relative = 4 * (error + rounding)
        self._largest = float(np.linalg.norm(self._points.astype(np.float64), axis=1).max(initial=0)) * (1 + 1e-9)
        self.index = make_index(self._project(self._points), index)

    def _project(self, vectors: NDArray[Any]) -> NDArray[Any]:
        wide = vectors.astype(np.float64)
        along = wide @ self._basis.T
        residual = np.linalg.norm(wide - along @ self._basis, axis=1)
        return np.column_stack([along, residual]).astype(self._points.dtype)

    def report(self, normal: ArrayLike, threshold: float) -> NDArray[np.int64]:
        """The ids, ascending, with ``<p, normal> >= threshold`` (inclusive, the canonical product)."""
        ids, _ = self.report_counted(normal, threshold)
        return ids

    def report_counted(self, normal: ArrayLike, threshold: float) -> tuple[NDArray[np.int64], int]:
        """The same, and how many points were proposed."""
        x = as_floats(normal, 1, "normal", self._points.dtype)
        if len(x) != self._points.shape[1]:
            raise ValueError(f"normal has {len(x)} coordinates; give {self._points.shape[1]}")
        limit = float(as_thresholds([threshold], 1)[0])
        size = self._largest * float(np.linalg.norm(x.astype(np.float64))) * (1 + 1e-9)
        margin = self._relative * size + (len(x) + 16) * float(np.finfo(x.dtype).smallest_subnormal)
        if not size < np.finfo(x.dtype).max / 8:  # products may overflow: nothing is known
            proposed = np.arange(len(self._points), dtype=np.int64)
        else:
            proposed = self.index.report(self._project(x[None, :])[0], limit - margin - 1e-15 * abs(limit))
        if len(proposed) and proposed[-1] >= len(self._points):
            raise ValueError(
                f"the index inside has point {proposed[-1]}, which was inserted there; "
                "make a ProjectedIndex of all points"
            )
        products = inner_products(self._points, proposed.astype(np.int32), x)
        return proposed[products.astype(np.float64) >= limit], len(proposed)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"ProjectedIndex({len(self)} points of {self._points.shape[1]} dimensions over {self.index!r})"


class MaskedIndex:
    """An index with some points hidden, without touching it: several masks can share one index, also while it is read.

    Reports what the index reports, less the hidden ids. Unlike erased points, hidden ones can be shown again. Costs one
    look at a byte for each reported id; ids inserted later are shown.
    """

    def __init__(self, index: HalfSpaceIndex) -> None:
        self.index = index
        self._hidden: NDArray[np.bool_] = np.zeros(0, bool)

    def hide(self, ids: ArrayLike) -> None:
        """Leaves these ids out of what is reported."""
        self._set(as_ids(ids), True)

    def show(self, ids: ArrayLike) -> None:
        """Reports these ids again."""
        self._set(as_ids(ids), False)

    def _set(self, ids: NDArray[np.int64], hidden: bool) -> None:
        if ids.size and (ids.min() < 0 or ids.max() >= self.index.next_id):
            raise ValueError(f"an id is not of this index; its ids are 0 to {self.index.next_id - 1}")
        if ids.size and ids.max() >= len(self._hidden):
            grown = np.zeros(self.index.next_id, bool)
            grown[: len(self._hidden)] = self._hidden
            self._hidden = grown
        self._hidden[ids] = hidden

    def report(self, normal: ArrayLike, threshold: float) -> NDArray[np.int64]:
        """The ids, ascending, with ``<p, normal> >= threshold`` (inclusive) that are not hidden."""
        ids = self.index.report(normal, threshold)
        known = ids < len(self._hidden)
        return ids[~(known & self._hidden[np.where(known, ids, 0)])] if len(self._hidden) else ids

    def count(self, normal: ArrayLike, threshold: float) -> int:
        """How many ids `report` gives."""
        return len(self.report(normal, threshold))

    def __repr__(self) -> str:
        return f"MaskedIndex({self.index!r}, {int(self._hidden.sum())} hidden)"
