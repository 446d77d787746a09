"""Steps and epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from oracle.arithmetic import in_turn, inner_product
from oracle.attack import Attack, Run
from oracle.network import Network
from oracle.optimizers import Optimizer
from oracle.random_numbers import Purpose, RandomStream, random_order


@dataclass
class History:
    """Figures of each epoch, and of each step the neurons that fired on the attacked inputs, (batch, m)."""

    loss: list[float] = field(default_factory=list)
    robust_loss: list[float] = field(default_factory=list)
    fired_share: list[float] = field(default_factory=list)
    fired: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Settings:
    """How a network is trained."""

    loss: str
    rate: Callable[[int, int], float]
    attack: Attack
    seed: int
    train_biases: bool
    damping: float | None  # of Gauss-Newton steps; None: gradient steps
    optimizer: Optimizer | None = None  # None: gradient descent or Gauss-Newton


def batch_losses(losses: np.ndarray, weights: np.ndarray) -> float:
    return float(in_turn(weights * losses, 0)) / len(losses)


def gauss_newton(
    network: Network, x: np.ndarray, fired: np.ndarray, residuals: np.ndarray, biases: bool, damping: float
) -> np.ndarray:
    """What stands for the loss's derivatives (n, 1) in a Gauss-Newton step."""
    n, wide = len(x), x.astype(np.float64)
    squares = network.output_weights[:, 0].astype(np.float64) ** 2
    both = fired[:, None, :] & fired[None, :, :]
    scale = np.float64(network.scale)
    products = inner_product(wide[:, None, :], wide[None, :, :])
    A = in_turn(np.where(both, squares, 0), 2) * (scale * scale * (products + (1.0 if biases else 0.0)))
    trace = in_turn(np.diag(A), 0)
    if trace == 0:
        return residuals * n
    A = A + np.diag(np.full(n, damping * trace / n))
    L = np.zeros_like(A)
    for j in range(n):
        L[j, j] = np.sqrt(A[j, j] - inner_product(L[j, :j], L[j, :j]))
        for i in range(j + 1, n):
            L[i, j] = (A[i, j] - inner_product(L[i, :j], L[j, :j])) / L[j, j]
    b = residuals[:, 0].copy()
    for i in range(n):
        b[i] = (b[i] - inner_product(L[i, :i], b[:i])) / L[i, i]
    for i in range(n - 1, -1, -1):
        b[i] = b[i] / L[i, i]
        b[:i] -= L[i, :i] * b[i]
    return (b * n)[:, None]


def step(
    network: Network,
    settings: Settings,
    rate: float,
    x: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    streams: list[RandomStream],
) -> tuple[float, float, np.ndarray]:
    """One step on a batch, in place: clean loss, robust loss and which neurons fired on the attacked inputs."""
    run = Run(settings.attack, network, settings.loss, x, labels, streams)
    clean, _ = run.loss_at(x)
    attacked = run.attacked()
    robust, derivative = run.loss_at(attacked)
    fired = network.fired(attacked)
    if settings.damping is not None:
        derivative = gauss_newton(network, attacked, fired, derivative, settings.train_biases, settings.damping)
    ahead = rate if settings.optimizer is None else 1.0
    factor = ahead * float(network.scale) / len(x) * weights
    G = (derivative * factor[:, None]).astype(network.dtype)
    coefficients = np.where(fired, inner_product(G[:, None, :], network.output_weights), 0)
    if G.shape[1] == 1:
        coefficients = np.where(fired, G * network.output_weights[:, 0], 0)
    gradient = in_turn(coefficients[:, :, None] * attacked[:, None, :], 0)
    bias_gradient = in_turn(coefficients, 0)
    if settings.optimizer is not None:
        settings.optimizer.step(network, settings.train_biases, fired.any(0), gradient, bias_gradient, rate)
        return batch_losses(clean, weights), batch_losses(robust, weights), fired
    network.weights -= gradient
    if settings.train_biases:
        network.biases -= bias_gradient
    return batch_losses(clean, weights), batch_losses(robust, weights), fired


def train(
    network: Network,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    loss: str,
    rate: float | Callable[[int, int], float],
    epochs: int,
    attack: Attack | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    train_biases: bool = False,
    sample_weight: np.ndarray | None = None,
    damping: float | None = None,
    optimizer: Optimizer | None = None,
) -> History:
    """Trains in place. `rate` is a number or a function of the step and the steps per epoch."""
    n, m = len(x), len(network.weights)
    labels = np.asarray(labels, np.float64)
    given = rate if callable(rate) else lambda *_: rate
    settings = Settings(loss, given, attack or Attack(), seed, train_biases, damping, optimizer)
    weights = np.ones(n)
    if sample_weight is not None:
        weights = sample_weight * (n / float(in_turn(np.asarray(sample_weight, np.float64), 0)))
    size = min(batch_size or n, n)
    per_epoch, history = -(-n // size), History()
    for epoch in range(epochs):
        order = np.arange(n) if size == n else random_order(n, seed, epoch)
        sums, pairs = [0.0, 0.0], 0
        for position in range(per_epoch):
            batch = order[position * size : (position + 1) * size]
            streams = [RandomStream(seed, Purpose.ATTACK, epoch, int(i)) for i in batch]
            now = settings.rate(epoch * per_epoch + position, per_epoch)
            *means, fired = step(network, settings, now, x[batch], labels[batch], weights[batch], streams)
            sums = [total + len(batch) * mean for total, mean in zip(sums, means, strict=True)]
            pairs += int(fired.sum())
            history.fired.append(fired)
        history.loss.append(sums[0] / n)
        history.robust_loss.append(sums[1] / n)
        history.fired_share.append(pairs / (n * m))
    return history


def linear_rate(first: float, last: float, epochs: int) -> Callable[[int, int], float]:
    """A rate that goes from `first` to `last` over the epochs, in equal steps."""

    def rate(step: int, per_epoch: int) -> float:
        share = step / (epochs * per_epoch)
        return last if share >= 1 else first + (last - first) * share

    return rate
