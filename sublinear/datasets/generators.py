"""Data that are drawn: functions of their options and the seed. Rows have length 1, but for gaussian_mixture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer, as_number, as_seed
from sublinear.datasets.memory import require_memory
from sublinear.datasets.samples import Samples

_CANDIDATES = 50  # tried for each point that is to be placed
_BATCH = 256
_ROUNDING = 1e-12  # more than squared distances of unit vectors are rounded by


def sphere(n: int = 1000, d: int = 16, delta: float = 0.3, seed: int = 0) -> Samples:
    """Points of the unit sphere, no two closer than `delta`, half of them, chosen at random, of each class.

    The separable data of Song, Yang and Zhang (2021). Points are uniform, one by one, those too close to an earlier one
    are drawn again; ValueError if `n` cannot be placed so.
    """
    _check(n, d)
    rng = np.random.default_rng(as_seed(seed))
    if not 0 <= as_number(delta, "delta") < 2:
        raise ValueError(f"delta is {delta:g}; give a distance in [0, 2)")
    largest_product = 1 - (delta**2 + _ROUNDING) / 2
    points = np.empty((n, d))
    placed = 0
    for _ in range(-(-n * _CANDIDATES // _BATCH)):
        candidates = _uniform(rng, _BATCH, d)
        candidates = candidates[(candidates @ points[:placed].T <= largest_product).all(axis=1)]
        near = np.tril(candidates @ candidates.T > largest_product, -1)
        keep = np.zeros(len(candidates), dtype=bool)
        for k in range(len(candidates)):
            keep[k] = not (near[k] & keep).any()
        chosen = candidates[keep][: n - placed]
        points[placed : placed + len(chosen)] = chosen
        placed += len(chosen)
        if placed == n:
            return Samples(points, rng.permutation(np.arange(n) % 2), "none")
    raise ValueError(
        f"{placed} of n={n} points found a place at distance delta={delta:g} in d={d} dimensions, and {_CANDIDATES} "
        "candidates a point gave no more; give a smaller n or delta, or a larger d"
    )


def teacher(n: int = 2000, d: int = 16, hidden: int = 32, classes: int = 2, seed: int = 0) -> Samples:
    """Uniform points of the unit sphere, labelled by a random two-layer ReLU network: the class of its largest output.

    The teacher's weights are Gaussian; its outputs are centred over the points, so that no class takes all.
    """
    _check(n, d)
    as_integer(hidden, "hidden", 1)
    as_integer(classes, "classes", 2)
    require_memory(n, hidden + classes, "the teacher's outputs")
    rng = np.random.default_rng(as_seed(seed))
    points = _uniform(rng, n, d)
    outputs = np.maximum(points @ rng.standard_normal((d, hidden)), 0) @ rng.standard_normal((hidden, classes))
    y = np.argmax(outputs - outputs.mean(axis=0), axis=1)
    counts = np.bincount(y, minlength=classes)
    if counts.min() < 2:
        raise ValueError(
            f"the teacher puts {counts.min()} of n={n} points in class {counts.argmin()}; give more points, fewer "
            "classes, more hidden units or another seed"
        )
    return Samples(points, y, "none")


def gaussian_mixture(n: int = 2000, d: int = 16, classes: int = 4, separation: float = 4.0, seed: int = 0) -> Samples:
    """Classes of equal size, each a Gaussian of standard deviation 1 around its centre.

    Centres lie in random directions; the two nearest are `separation` apart.
    """
    _check(n, d)
    as_integer(classes, "classes", 2)
    as_number(separation, "separation", 0)
    if classes > n // 2:
        raise ValueError(f"classes is {classes}; give at most n / 2 = {n // 2}, two points for each")
    require_memory(classes, classes, "the distances of the centres")
    from scipy.spatial.distance import pdist

    rng = np.random.default_rng(as_seed(seed))
    centres = rng.standard_normal((classes, d))
    y = rng.permutation(np.arange(n) % classes)
    return Samples(centres[y] * (separation / pdist(centres).min()) + rng.standard_normal((n, d)), y, "unit")


def low_dimensional(n: int = 2000, d: int = 3, intrinsic: int = 0, noise: float = 0.0, seed: int = 0) -> Samples:
    """Points of a sphere of `intrinsic` dimensions (0: d - 1, the whole sphere) that lies turned in R^d.

    Each coordinate is moved by Gaussian `noise`, then rows are scaled to length 1. Two classes with a boundary that no
    hyperplane is: the sign of the product of two coordinates of the smaller sphere.
    """
    _check(n, d)
    as_integer(intrinsic, "intrinsic")
    as_number(noise, "noise", 0)
    if intrinsic > d - 1:
        raise ValueError(f"intrinsic is {intrinsic}; give at most d - 1 = {d - 1}, or 0 for that")
    rng = np.random.default_rng(as_seed(seed))
    inner = (intrinsic or d - 1) + 1
    require_memory(d, inner, "the rotation")
    frame, _ = np.linalg.qr(rng.standard_normal((d, inner)))
    points = _uniform(rng, n, inner)
    moved = points @ frame.T + noise * rng.standard_normal((n, d))
    return Samples(_to_length_1(moved), (points[:, 0] * points[:, 1] > 0).astype(np.int64), "none")


def _check(n: int, d: int) -> None:
    as_integer(n, "n", 4)
    as_integer(d, "d", 2)
    require_memory(n, d, "the points")


def _uniform(rng: np.random.Generator, n: int, d: int) -> NDArray[np.float64]:
    return _to_length_1(rng.standard_normal((n, d)))


def _to_length_1(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
