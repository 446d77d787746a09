"""The whole algorithm in plain NumPy float64, as the papers would write it: an oracle, not a library.

Every neuron is looked at, every sum is NumPy's. It shares nothing with the package but the definition of the random
order of inputs, which is written here a second time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MASK = (1 << 64) - 1


def split_mix(state: int) -> tuple[int, int]:
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


class RandomStream:
    """xoshiro256++ seeded by splitmix64 from seed, purpose and keys."""

    ORDER = 4

    def __init__(self, seed: int, purpose: int, keys: tuple[int, ...]) -> None:
        mixed = seed
        for key in (purpose, *keys):
            mixed, value = split_mix(mixed)
            mixed = value ^ key
        self.state = []
        for _ in range(4):
            mixed, value = split_mix(mixed)
            self.state.append(value)

    def next(self) -> int:
        def rotate(x: int, by: int) -> int:
            return ((x << by) | (x >> (64 - by))) & MASK

        s = self.state
        result = (rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def below(self, bound: int) -> int:
        uneven = (1 << 64) % bound
        value = self.next()
        while value < uneven:
            value = self.next()
        return value % bound


def random_order(count: int, seed: int, epoch: int) -> np.ndarray:
    order = list(range(count))
    random = RandomStream(seed, RandomStream.ORDER, (epoch,))
    for k in range(count, 1, -1):
        other = random.below(k)
        order[k - 1], order[other] = order[other], order[k - 1]
    return np.array(order)


@dataclass
class Network:
    weights: np.ndarray
    output_weights: np.ndarray
    biases: np.ndarray
    threshold: float
    scale: float
    activation: str

    @classmethod
    def of(cls, net) -> Network:
        return cls(
            np.array(net.weights, np.float64),
            np.array(net.output_weights, np.float64),
            np.array(net.biases, np.float64),
            float(net.threshold),
            float(net.scale),
            net.activation,
        )

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outputs (n, c) and which neurons fire (n, m)."""
        z = x @ self.weights.T + self.biases
        fired = z >= self.threshold
        passed = z - self.threshold if self.activation == "shifted" else z
        return self.scale * (np.where(fired, passed, 0) @ self.output_weights), fired


def loss_and_gradient(name: str, f: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss (n,) and its derivative with respect to the outputs (n, c)."""
    if name == "cross-entropy":
        shifted = f - f.max(axis=1, keepdims=True)
        probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        target = np.arange(len(y)), y.astype(int)
        gradient = probabilities.copy()
        gradient[target] -= 1
        return -np.log(probabilities[target]), gradient
    difference = f[:, 0] - y
    if name == "squared":
        return 0.5 * difference**2, difference[:, None]
    if name == "absolute":
        return np.abs(difference), np.sign(difference)[:, None]
    margin = y * f[:, 0]
    return np.logaddexp(0, -margin), (-y / (1 + np.exp(margin)))[:, None]


SLICE_RADIUS = np.sqrt(3) / 2

ZERO = 1e-12  # shorter gradients are rounding: those of coupled networks at the start are 0


def project_to_slice(x: np.ndarray, p: np.ndarray, radius: float) -> np.ndarray:
    """The nearest points to p (n, d) of the slice within `radius` of x: along the great circle, by angles."""
    centre, towards = x[:, :-1] / SLICE_RADIUS, p[:, :-1]
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    across = towards - (centre * towards).sum(axis=1, keepdims=True) * centre
    size = np.linalg.norm(across, axis=1, keepdims=True)
    across = np.divide(across, size, out=np.zeros_like(across), where=size > 0)
    angle = 2 * np.arcsin(min(1.0, radius / (2 * SLICE_RADIUS)))
    edge = np.cos(angle) * centre + np.sin(angle) * across
    inside = SLICE_RADIUS * np.linalg.norm(towards - centre, axis=1, keepdims=True) <= radius
    return np.hstack([SLICE_RADIUS * np.where(inside, towards, edge), np.full((len(x), 1), 0.5)])


def pgd_on_slice(
    network: Network, loss: str, x: np.ndarray, y: np.ndarray, radius: float, steps: int, step: float | None = None
) -> np.ndarray:
    radius = min(radius, np.sqrt(3))
    step = 2.5 * radius / steps if step is None else step
    v = x
    for _ in range(steps):
        f, fired = network.forward(v)
        _, g = loss_and_gradient(loss, f, y)
        gradient = network.scale * ((fired * (g @ network.output_weights.T)) @ network.weights)
        gradient[:, -1] = 0
        normal = v[:, :-1] / SLICE_RADIUS
        gradient[:, :-1] -= (gradient[:, :-1] * normal).sum(axis=1, keepdims=True) * normal
        size = np.linalg.norm(gradient, axis=1, keepdims=True)
        moved = v + step * np.divide(gradient, size, out=np.zeros_like(gradient), where=size > ZERO)
        v = np.where(size > ZERO, project_to_slice(x, moved, radius), v)
    return v


def pgd(
    network: Network, loss: str, x: np.ndarray, y: np.ndarray, radius: float, steps: int, norm: float
) -> np.ndarray:
    delta = np.zeros_like(x)
    for _ in range(steps):
        f, fired = network.forward(x + delta)
        _, g = loss_and_gradient(loss, f, y)
        gradient = network.scale * ((fired * (g @ network.output_weights.T)) @ network.weights)
        step = 2.5 * radius / steps
        if norm == 2:
            size = np.linalg.norm(gradient, axis=1, keepdims=True)
            delta = delta + step * np.divide(gradient, size, out=np.zeros_like(gradient), where=size > ZERO)
            size = np.linalg.norm(delta, axis=1, keepdims=True)
            delta = delta * np.minimum(1, np.divide(radius, size, out=np.ones_like(size), where=size > 0))
        else:
            delta = np.clip(delta + step * np.sign(gradient), -radius, radius)
    return x + delta


def train(
    network: Network,
    x: np.ndarray,
    y: np.ndarray,
    *,
    loss: str,
    rate: float,
    epochs: int,
    batch_size: int | None = None,
    seed: int = 0,
    radius: float = 0.0,
    steps: int = 0,
    norm: float = 2,
    domain: str | None = None,
    train_biases: bool = False,
) -> list[float]:
    """Trains in place; the mean robust loss of each epoch."""
    n = len(x)
    x = x.astype(np.float64)
    history = []
    for epoch in range(epochs):
        order = np.arange(n) if batch_size is None or batch_size >= n else random_order(n, seed, epoch)
        size = batch_size or n
        total = 0.0
        for begin in range(0, n, size):
            batch = order[begin : begin + size]
            if domain == "slice":
                attacked = pgd_on_slice(network, loss, x[batch], y[batch], radius, steps)
            else:
                attacked = pgd(network, loss, x[batch], y[batch], radius, steps, norm) if steps else x[batch]
            f, fired = network.forward(attacked)
            losses, g = loss_and_gradient(loss, f, y[batch])
            total += losses.sum()
            coefficients = fired * (g @ network.output_weights.T)
            network.weights -= rate * network.scale / len(batch) * (coefficients.T @ attacked)
            if train_biases:
                network.biases -= rate * network.scale / len(batch) * coefficients.sum(axis=0)
        history.append(total / n)
    return history
