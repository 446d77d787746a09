"""The slice of the unit sphere where the last coordinate is 1/2: tangents and nearest points, in double."""

from __future__ import annotations

import numpy as np

from oracle.arithmetic import in_turn

SLICE_RADIUS = 0.86602540378443865
PARTS = 8
PARALLEL = 2.0**-40


def sum_in_parts(terms: np.ndarray) -> np.ndarray:
    """Along the last axis: eight parts, what is left over goes to the first."""
    whole = terms.shape[-1] // PARTS * PARTS
    p = in_turn(terms[..., :whole].reshape(*terms.shape[:-1], -1, PARTS), -2)
    first = in_turn(terms[..., whole:], -1, p[..., 0])
    return ((first + p[..., 1]) + (p[..., 2] + p[..., 3])) + ((p[..., 4] + p[..., 5]) + (p[..., 6] + p[..., 7]))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each row, as a column."""
    return sum_in_parts(a * b)[..., None]


def project_to_tangent(v: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The part of each gradient (n, d) along the slice at v (n, d)."""
    where, g = v[:, :-1].astype(np.float64), gradient[:, :-1].astype(np.float64)
    along = g - (product(where, g) / product(where, where)) * where
    return np.hstack([along, np.zeros((len(v), 1))]).astype(v.dtype)


def remove_along(x: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row of v without its part along x, taken away twice, and the length of what is left."""
    for _ in range(2):
        v = v - (product(v, x) / product(x, x)) * x
    return v, np.sqrt(product(v, v))


def edge_of_cap(x: np.ndarray, delta: np.ndarray, radius: float) -> np.ndarray:
    """From x to the point at distance `radius` of it towards x + delta, along the sphere."""
    length = np.sqrt(product(delta, delta))
    across, size = remove_along(x, delta)
    axis = np.eye(x.shape[1])[np.abs(x).argmin(axis=1)]
    beside, beside_size = remove_along(x, axis) if x.shape[1] > 1 else (axis, np.zeros_like(size))
    parallel = ~(size > PARALLEL * length)
    across, size = np.where(parallel, beside, across), np.where(parallel, beside_size, size)
    R = np.sqrt(product(x, x))
    s = np.minimum(1.0, radius / (2 * R))
    c = np.sqrt((1 - s) * (1 + s))
    some = size > 0
    back = np.where(some, -2 * s * s, 0)
    aside = np.where(some, 2 * R * s * c / np.where(some, size, 1), 0)
    return back * x + aside * across


def project_to_slice(x: np.ndarray, delta: np.ndarray, radius: float) -> np.ndarray:
    """From each x (n, d) of the slice to the nearest point to x + delta of the slice within `radius` of x."""
    T, x, delta = x.dtype, x[:, :-1].astype(np.float64), delta[:, :-1].astype(np.float64)
    squares = product(x, x)
    grown = (2 * product(x, delta) + product(delta, delta)) / squares
    q = x + delta
    height = np.sqrt(product(q, q)) / np.sqrt(squares)
    lost = ~(height > 0)
    h = np.where(lost, 1, height)
    moved = delta / h + (-grown / (h * (1 + h))) * x
    outside = product(moved, moved) > radius * radius
    moved = np.where(outside, edge_of_cap(x, delta, radius), moved)
    return np.hstack([np.where(lost, 0, moved), np.zeros((len(x), 1))]).astype(T)
