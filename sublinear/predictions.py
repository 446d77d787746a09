"""What the papers predict of a network at its initialisation and while it trains: formulas, with their sources."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def firing_probability(kappa: float) -> float:
    """Q(kappa) = P(N(0, 1) > kappa): the share of neurons that fire on an input, at Gaussian weights."""
    return 0.5 * math.erfc(kappa / math.sqrt(2))


def firing_bound(kappa: float) -> float:
    """exp(-kappa^2 / 2), the bound of the papers on `firing_probability`; m^(-0.2) for their kappa."""
    return math.exp(-kappa * kappa / 2)


def union_probability(kappa: float, inputs: int) -> float:
    """1 - (1 - Q)^n: the share of neurons that fire on any of n inputs whose products were independent."""
    return -math.expm1(inputs * math.log1p(-firing_probability(kappa)))


def shifted_kernel(X: Array, kappa: float) -> Array:
    """The shifted neural tangent kernel H_ij = <x_i, x_j> P(<w, x_i> >= kappa, <w, x_j> >= kappa), w ~ N(0, I), (n, n).

    For inputs X (n, d) of length 1 (Song, Yang, Zhang, arXiv 2110.04622). Exact up to rounding, by Owen's T function:
    P(both >= k) = Q(k) - 2 T(k, sqrt((1 - r) / (1 + r))) at correlation r. Raises ValueError for other lengths.
    """
    from scipy.special import owens_t

    X = np.asarray(X, np.float64)
    lengths = np.linalg.norm(X, axis=1)
    if not np.allclose(lengths, 1, rtol=0, atol=1e-5):
        row = int(np.argmax(np.abs(lengths - 1)))
        raise ValueError(
            f"input {row} has length {lengths[row]:g}; the kernel is of inputs of length 1, normalise them"
        )
    products = np.clip(X @ X.T, -1, 1)
    with np.errstate(divide="ignore"):
        slopes = np.sqrt((1 - products) / (1 + products))
    kernel: Array = products * (firing_probability(kappa) - 2 * owens_t(kappa, slopes))
    np.fill_diagonal(kernel, firing_probability(kappa))
    return kernel


def separation(X: Array) -> float:
    """delta = min over i != j of min(||x_i - x_j||, ||x_i + x_j||); infinity for one input."""
    X = np.asarray(X, np.float64)
    squares = (X * X).sum(axis=1)
    sums = squares[:, None] + squares[None, :] - 2 * np.abs(X @ X.T)
    np.fill_diagonal(sums, np.inf)
    return float(np.sqrt(max(sums.min(), 0.0)))


def eigenvalue_bound(kappa: float, delta: float, inputs: int) -> float:
    """exp(-kappa^2 / 2) delta / (100 n^2), a lower bound on the smallest eigenvalue of `shifted_kernel`.

    Song, Yang, Zhang, arXiv 2110.04622, for inputs of length 1 no two of which, up to sign, are closer than delta.
    """
    return firing_bound(kappa) * delta / (100 * inputs**2)


def query_exponent(features: int) -> float:
    """1 - 1 / floor(d / 2): how a query of half-space reporting grows with m (Agarwal, Eppstein, Matousek 1992)."""
    return 1 - 1 / max(features // 2, 1)
