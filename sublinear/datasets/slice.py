"""Data on the slice of the unit sphere where the last coordinate is 1/2: the domain of Gao, Qin, Song and Wang."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear.arrays import as_number, as_points

_RADIUS = math.sqrt(0.75)  # of the slice
_TOLERANCE = 1e-3  # rounding of float32 rows of any practical width


def to_slice(X: ArrayLike, length: float = 1.0) -> NDArray[np.float64]:
    """Rows x (n, d) as points v (n, d + 2) of the unit sphere with last coordinate 1/2; `from_slice` takes them back.

    The inverse of the stereographic projection, with rows of `length` at its equator: with q = ||x|| / length and
    R = sqrt(3) / 2, v is ``(2 R x / length / (q^2 + 1), R (q^2 - 1) / (q^2 + 1), 1/2)``. It keeps angles; around a row
    it changes distances by the factor ``2 R / length / (q^2 + 1)``, R for unit rows. Rows of one length, such as
    `length`, keep their distances up to one factor. ValueError for rows whose squares overflow.
    """
    rows = as_points(X, "X", dtype=np.float64)
    scaled = rows / as_number(length, "length", positive=True)
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    if not np.isfinite(norms).all():
        raise ValueError("X has a row that is too long for the squares of its values; scale the values first")
    # Divided by q, so that nothing overflows: 2 / (q + 1/q) and (q - 1/q) / (q + 1/q). A row of zeros goes to the pole.
    safe = np.maximum(norms, 1e-300)
    total = safe + 1 / safe
    points = np.empty((len(rows), rows.shape[1] + 2))
    points[:, :-2] = _RADIUS * 2 / total * (scaled / safe)
    points[:, -2:-1] = _RADIUS * (safe - 1 / safe) / total
    points[:, -1] = 0.5
    return points


def require_on_slice(points: NDArray[Any], name: str) -> None:
    """ValueError unless the rows of `points` lie on the slice, up to rounding."""
    off = np.maximum(np.abs(np.einsum("ij,ij->i", points, points) - 1), np.abs(points[:, -1] - 0.5)) > _TOLERANCE
    if off.any():
        raise ValueError(
            f"row {int(off.argmax())} of {name} is not on the slice; its length must be 1, its last value 1/2: "
            "to_slice puts rows there"
        )


def from_slice(V: ArrayLike, length: float = 1.0) -> NDArray[np.float64]:
    """The rows (n, d) that `to_slice` put at V (n, d + 2), also for points that an attack has moved along the slice.

    ValueError for rows that do not lie on the slice, and for its pole, which is no row's.
    """
    points = as_points(V, "V", dtype=np.float64)
    if points.shape[1] < 3:
        raise ValueError(f"V has {points.shape[1]} columns; a point of the slice has at least 3")
    require_on_slice(points, "V")
    along, height = points[:, :-2] / _RADIUS, points[:, -2] / _RADIUS
    squares = np.einsum("ij,ij->i", along, along)
    pole = (squares == 0) & (height > 0)
    if pole.any():
        raise ValueError(f"row {int(pole.argmax())} of V is the pole of the slice, where no row is")
    # along / (1 - height), without the cancellation near the pole, where 1 - height = squares / (1 + height).
    upper = height > 0
    factors = np.where(upper, (1 + height) / np.where(upper, squares, 1), 1 / np.where(upper, 1, 1 - height))
    rows: NDArray[np.float64] = along * factors[:, None] * as_number(length, "length", positive=True)
    return rows
