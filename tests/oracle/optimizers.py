"""Momentum and Adam: what is remembered of each row, and how it moves rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from oracle.network import Network

MOST_MISSED = 1024


class Optimizer(Protocol):
    def step(
        self, network: Network, biases: bool, fired: np.ndarray, gradient: np.ndarray, bias_gradient: np.ndarray,
        rate: float,
    ) -> None: ...  # fmt: skip


class _Remembering:
    """Which rows move in a step, and what they missed before it. A bias is one more column of its row."""

    def __init__(self, lazy: bool, shrinks: bool) -> None:
        self.lazy, self.shrinks = lazy, shrinks
        self.rates: list[float] = []
        self.moved_at: np.ndarray | None = None

    def start(self, m: int, d: int, dtype: np.dtype) -> None:
        self.moved_at, self.alive = np.zeros(m, int), np.full(m, self.shrinks)

    def free_step(self, rate: float) -> np.ndarray:
        """Of a step without a gradient: what (weight, momentum) is multiplied by."""
        raise NotImplementedError

    def missed(self, count: int) -> np.ndarray:
        """The product for the last `count` steps: from the latest to the earliest."""
        product = np.eye(2)
        for rate in self.rates[::-1][:count]:
            a, b = product, self.free_step(rate)
            product = np.array([[a[i, 0] * b[0, j] + a[i, 1] * b[1, j] for j in range(2)] for i in range(2)])
        return product

    def step(self, network, biases, fired, gradient, bias_gradient, rate):
        rows = np.hstack([network.weights, network.biases[:, None]]) if biases else network.weights.copy()
        g = np.hstack([gradient, bias_gradient[:, None]]) if biases else gradient
        if self.moved_at is None:
            self.start(*rows.shape, rows.dtype)
        done = len(self.rates)
        moves = fired | (self.alive & (not self.lazy or done - self.moved_at >= MOST_MISSED - 1))
        self.prepare(rate)
        for r in np.flatnonzero(moves):
            if self.alive[r] and self.lazy and self.moved_at[r] < done:
                self.catch_up(rows, r, self.missed(done - self.moved_at[r]).astype(rows.dtype))
            self.alive[r] = self.descend(rows, r, g[r], rows.dtype.type(rate))
            self.moved_at[r] = done + 1
        self.rates.append(rate)
        network.weights[:] = rows[:, : network.weights.shape[1]]
        if biases:
            network.biases[:] = rows[:, -1]


class Momentum(_Remembering):
    def __init__(self, momentum=0.9, weight_decay=0.0, nesterov=False, lazy=True) -> None:
        super().__init__(lazy, weight_decay > 0)
        self.momentum, self.weight_decay, self.nesterov = momentum, weight_decay, nesterov

    def start(self, m, d, dtype):
        super().start(m, d, dtype)
        self.momenta = np.zeros((m, d), dtype)

    def free_step(self, rate):
        mu, decay = self.momentum, self.weight_decay
        if self.nesterov:
            return np.array([[1 - rate * (decay + mu * decay), -rate * mu * mu], [decay, mu]])
        return np.array([[1 - rate * decay, -rate * mu], [decay, mu]])

    def prepare(self, rate):
        pass

    def catch_up(self, rows, r, by):
        w, b = rows[r].copy(), self.momenta[r].copy()
        rows[r] = by[0, 0] * w + by[0, 1] * b
        self.momenta[r] = by[1, 0] * w + by[1, 1] * b

    def descend(self, rows, r, g, rate):
        mu, decay = rows.dtype.type(self.momentum), rows.dtype.type(self.weight_decay)
        pull = g + decay * rows[r]
        self.momenta[r] = mu * self.momenta[r] + pull
        rows[r] -= rate * (pull + mu * self.momenta[r] if self.nesterov else self.momenta[r])
        return self.shrinks or bool((self.momenta[r] != 0).any())


class Adam(_Remembering):
    def __init__(
        self, momentum=0.9, second_momentum=0.999, epsilon=1e-8, weight_decay=0.0, decoupled=False, lazy=True
    ) -> None:
        super().__init__(lazy, weight_decay > 0 and (decoupled or not lazy))
        self.betas, self.epsilon = (momentum, second_momentum), epsilon
        self.weight_decay, self.decoupled = weight_decay, decoupled
        self.powers = [1.0, 1.0]

    def start(self, m, d, dtype):
        super().start(m, d, dtype)
        self.first, self.second = np.zeros((m, d), dtype), np.zeros((m, d), dtype)

    def free_step(self, rate):
        return np.diag([1 - rate * (self.weight_decay if self.decoupled else 0), 1.0])

    def prepare(self, rate):
        self.powers = [power * beta for power, beta in zip(self.powers, self.betas, strict=True)]
        self.length = rate / (1 - self.powers[0])
        self.unbias = 1 / np.sqrt(1 - self.powers[1])
        self.shrink = 1 - rate * (self.weight_decay if self.decoupled else 0)

    def catch_up(self, rows, r, by):
        rows[r] *= by[0, 0]

    def descend(self, rows, r, g, rate):
        T = rows.dtype.type
        b1, b2 = self.betas
        pull = g + T(0 if self.decoupled else self.weight_decay) * rows[r]
        self.first[r] = T(b1) * self.first[r] + T(1 - b1) * pull
        self.second[r] = T(b2) * self.second[r] + T(1 - b2) * (pull * pull)
        size = np.sqrt(self.second[r]) * T(self.unbias) + T(self.epsilon)
        rows[r] = T(self.shrink) * rows[r] - T(self.length) * self.first[r] / size
        return self.shrinks or not self.lazy
