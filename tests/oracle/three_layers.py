"""Three-layer networks whose hidden layer is W0 and pairs of low rank that wait to be folded into it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from oracle.arithmetic import exponential, in_turn, inner_product, logarithm
from oracle.losses import loss_and_derivative
from oracle.random_numbers import Purpose, RandomStream, random_order


@dataclass
class ThreeLayers:
    """first (m_in, d), hidden (m_out, m_in), output_weights (m_out,), all in one dtype."""

    first: np.ndarray
    hidden: np.ndarray
    output_weights: np.ndarray
    first_threshold: np.floating
    hidden_threshold: np.floating
    scale: np.floating
    rank_limit: int | None = None
    pairs: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    entries: int = 0  # of the first halves of the pairs
    touched: np.ndarray | None = None  # which components second halves have
    extra: int = 0
    flushes: int = 0

    def below(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the first layer passes on (n, m_in), and which of its neurons fire."""
        z = inner_product(x[:, None, :], self.first)
        fired = z >= self.first_threshold
        return np.where(fired, z - self.first_threshold, 0), fired

    def products(self, h: np.ndarray) -> np.ndarray:
        """The hidden layer's products with the rows of h (n, m_out)."""
        sums = in_turn(h[:, None, :] * self.hidden, 2)
        for u, v in self.pairs:
            sums = sums + in_turn(v * h, 1)[:, None] * u
        return sums

    def above(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the hidden layer passes on (n, m_out), and which of its neurons fire."""
        z = self.products(h)
        fired = z >= self.hidden_threshold
        return np.where(fired, z - self.hidden_threshold, 0), fired

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """(n,)."""
        return self.outputs_above(self.above(self.below(x)[0])[0])

    def outputs_above(self, passed: np.ndarray) -> np.ndarray:
        return in_turn(passed * self.output_weights, 1) * self.scale

    def dense(self) -> np.ndarray:
        """The hidden weights with all pairs folded in."""
        weights = self.hidden
        for u, v in self.pairs:
            weights = weights + u[:, None] * v
        return weights

    def add_pairs(self, us: np.ndarray, vs: np.ndarray, in_us: np.ndarray, in_vs: np.ndarray) -> None:
        """Adds the pairs of rows, which have the components that the last two say; folds them in when that is due."""
        self.extra += len(us) * self.entries
        touched = np.zeros(vs.shape[1], bool) if self.touched is None else self.touched
        for u, v, in_u, in_v in zip(us, vs, in_us, in_vs, strict=True):
            if in_u.any() and in_v.any():
                self.pairs.append((u, v))
                self.entries += int(in_u.sum())
                touched = touched | in_v
        self.touched = touched
        limit = self.rank_limit
        due = len(self.pairs) >= limit if limit else self.extra >= touched.sum() * len(self.output_weights)
        if self.pairs and due:
            self.hidden, self.pairs, self.entries, self.touched, self.extra = self.dense(), [], 0, None, 0
            self.flushes += 1


def second_moment_above(b: float) -> float:
    """E[max(g - b, 0)^2], by Simpson's rule."""
    steps, width = 4096, 12.0
    k = np.arange(steps + 1)
    over = (width / steps) * k
    g = b + over
    weights = np.where((k == 0) | (k == steps), 1.0, np.where(k % 2 == 1, 4.0, 2.0))
    total = in_turn(weights * (over * over * exponential(-0.5 * (g * g))), 0)
    return float(total * (width / steps / 3) * 0.3989422804014327)


def draw_three_layers(
    d: int, m: int, seed: int, dtype: str, kappa: float | None, coupled: bool, rank_limit: int | None
) -> ThreeLayers:
    """The random network."""
    T = np.dtype(dtype).type
    kappa = math.sqrt(0.4 * float(logarithm(np.float64(m)))) if kappa is None else kappa
    rows = m // 2 if coupled else m
    first = RandomStream(seed, Purpose.WEIGHTS, 1).normals(m * d).reshape(m, d)
    hidden = math.sqrt(2 / m) * RandomStream(seed, Purpose.WEIGHTS, 2).normals(m * rows).reshape(m, rows).T
    signs = RandomStream(seed, Purpose.OUTPUT_WEIGHTS, 2)
    a = np.array([1.0 if signs.next() >> 63 else -1.0 for _ in range(rows)])
    if coupled:
        hidden, a = np.repeat(hidden, 2, axis=0), np.repeat(a, 2)
        a[1::2] *= -1
    above = T(kappa * math.sqrt(2 * second_moment_above(kappa)))
    return ThreeLayers(first.astype(T), hidden.astype(T), a.astype(T), T(kappa), above, T(1 / math.sqrt(m)), rank_limit)


def train_three_layers(
    net: ThreeLayers, x: np.ndarray, y: np.ndarray, rate: float, epochs: int, batch_size: int | None, seed: int
) -> list[float]:
    """Trains in place; the loss of each epoch."""
    n = len(x)
    size = min(batch_size or n, n)
    (below, fired_below), losses = net.below(x), []
    for epoch in range(epochs):
        order = np.arange(n) if size == n else random_order(n, seed, epoch)
        total = 0.0
        for begin in range(0, n, size):
            batch = order[begin : begin + size]
            h = below[batch]
            passed, fired = net.above(h)
            values, derivative = loss_and_derivative("squared", net.outputs_above(passed)[:, None], y[batch])
            factor = rate * float(net.scale) / len(batch)
            g = (derivative * factor).astype(x.dtype)
            u = np.where(fired, -(g * net.output_weights), 0)
            net.add_pairs(u, h, fired & (g != 0), fired_below[batch])
            total += len(batch) * (float(in_turn(values, 0)) / len(batch))
        losses.append(total / n)
    return losses
