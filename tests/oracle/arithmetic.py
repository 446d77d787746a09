"""Sums in their written order, and the elementary functions."""

from __future__ import annotations

import math

import numpy as np

LANE_BYTES = 64


def in_turn(terms: np.ndarray, axis: int, start: np.ndarray | float = 0.0) -> np.ndarray:
    """The sum of `terms` along `axis`, from `start`, one after the other, each addition rounded to their dtype."""
    terms = np.moveaxis(terms, axis, 0)
    first = np.broadcast_to(np.asarray(start, terms.dtype), terms.shape[1:])
    return np.add.accumulate(np.concatenate([first[None], terms]))[-1]


def inner_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """<a, b> along the last axis: 64 bytes of lanes, then the upper half added to the lower until one is left."""
    products = a * b
    lanes = LANE_BYTES // products.itemsize
    groups = -(-products.shape[-1] // lanes)
    padded = np.zeros((*products.shape[:-1], groups * lanes), products.dtype)
    padded[..., : products.shape[-1]] = products
    sums = in_turn(padded.reshape(*products.shape[:-1], groups, lanes), -2)
    while sums.shape[-1] > 1:
        half = sums.shape[-1] // 2
        sums = sums[..., :half] + sums[..., half:]
    return sums[..., 0]


def length(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The l2 length of each row of v as (size, norm): size times norm. Both are 0 where it has none."""
    exponent = 80 if v.dtype == np.float32 else 900
    squares = inner_product(v, v)
    plain = (squares >= 2.0**-exponent) & (squares <= 2.0**exponent)
    largest = np.abs(v).max(axis=-1)
    scaled = ~plain & (largest > 0) & np.isfinite(largest)
    size = np.where(plain, 1, np.where(scaled, largest, 0)).astype(v.dtype)
    unit = v / np.where(size > 0, size, 1)[..., None]
    norm = np.sqrt(inner_product(unit, unit))
    return size, np.where(size > 0, norm, 0).astype(v.dtype)


LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10


def exponential(x: np.ndarray) -> np.ndarray:
    """e^x = 2^k e^r, from the Taylor series of e^r to r^13."""
    x = np.asarray(x, np.float64)
    inside = np.clip(x, -745.2, 709.782712893384)
    k = np.floor(inside * 1.44269504088896340736 + 0.5)
    r = (inside - k * LN2_HIGH) - k * LN2_LOW
    total = np.full_like(r, 1.0 / math.factorial(13))
    for power in range(12, -1, -1):
        total = total * r + 1.0 / math.factorial(power)
    half = np.trunc(k / 2)
    value = total * np.ldexp(1.0, half.astype(int)) * np.ldexp(1.0, (k - half).astype(int))
    return np.where(x > 709.782712893384, np.inf, np.where(x < -745.2, 0.0, value))


def logarithm(x: np.ndarray) -> np.ndarray:
    """log x = k log 2 + 2 atanh((m - 1) / (m + 1)) for x = m 2^k, from the series to the power 23; finite x > 0."""
    m, k = np.frexp(np.asarray(x, np.float64))
    small = m < 0.70710678118654752440
    m, k = np.where(small, m * 2, m), np.where(small, k - 1, k).astype(np.float64)
    f = m - 1
    s = f / (m + 1)
    z = s * s
    tail = np.zeros_like(s)
    for power in range(23, 1, -2):
        tail = (tail + 1.0 / power) * z
    return k * LN2_HIGH + (2 * s + (2 * s * tail + k * LN2_LOW))


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x), without losing a small e^-|x|."""
    e = exponential(-np.abs(x))
    one_plus = 1 + e
    rounded = one_plus - 1
    lost = rounded == 0
    tail = np.where(lost, e, logarithm(one_plus) * (e / np.where(lost, 1, rounded)))
    return np.where(x > 0, x, 0.0) + tail


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x)."""
    e = exponential(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1 + e)
