"""The work every contestant does: one network, one data set, one attack, one loss; the same numbers for all."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples import Floats

SHORTEST = 1e-12  # what lengths are divided by at least


@dataclass
class Problem:
    """f(x) = m^-1/2 sum_r a_r max(<w_r, x> - b, 0) on inputs of length 1; PGD of `steps` steps of 2.5 radius / steps in
    l2 or linf (0 steps: no attack).

    With one output logistic loss on whether the class is even, else cross-entropy on the class, modulo the outputs
    where these are fewer.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    width: int
    outputs: int = 1
    norm: float = 2
    radius: float = 0.05
    steps: int = 10
    seed: int = 7
    targets: Floats = field(init=False)  # +-1, or the class as a number
    weights: Floats = field(init=False)
    signs: Floats = field(init=False)  # (width, outputs)
    threshold: np.float32 = field(init=False)
    scale: np.float32 = field(init=False)

    def __post_init__(self) -> None:
        even = np.where(self.labels % 2 == 0, 1, -1)
        self.targets = (even if self.outputs == 1 else self.labels % self.outputs).astype(np.float32)
        random = np.random.default_rng(self.seed)
        self.weights = random.standard_normal((self.width, self.inputs.shape[1]), dtype=np.float32)
        self.signs = random.choice(np.array([-1, 1], np.float32), (self.width, self.outputs))
        self.threshold = np.float32(np.sqrt(0.4 * np.log(self.width)))
        self.scale = np.float32(self.width**-0.5)

    @property
    def loss(self) -> str:
        return "logistic" if self.outputs == 1 else "cross-entropy"

    @property
    def stride(self) -> float:
        return 2.5 * self.radius / max(self.steps, 1)

    def attack(self) -> Any:
        import sublinear as sl

        return sl.PGD(self.radius, self.steps, norm=self.norm) if self.steps else sl.NoAttack()

    def network(self, weights: Floats | None = None) -> Any:
        """The network as this library has it, by default with its first weights."""
        import sublinear as sl

        rows = (self.weights if weights is None else weights).copy()
        return sl.TwoLayerNetwork(rows, self.signs, threshold=float(self.threshold), scale=float(self.scale))

    def advance(self, moved: Floats, gradient: Floats) -> Floats:
        """One step of the attack for a batch: up the gradient, then back into the ball."""
        if self.norm == math.inf:
            return np.clip(moved + np.float32(self.stride) * np.sign(gradient), -self.radius, self.radius)
        length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), SHORTEST)
        moved = moved + self.stride * gradient / length
        back = np.minimum(1, self.radius / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), SHORTEST))
        return (moved * back).astype(np.float32)

    def output_gradient(self, f: Floats, targets: Floats) -> Floats:
        """d loss / d f of scaled outputs (batch, outputs)."""
        if self.outputs == 1:
            y = targets[:, None]
            return (-y / (1 + np.exp(y * f))).astype(np.float32)
        powers = np.exp(f - f.max(axis=1, keepdims=True))
        gradient = powers / powers.sum(axis=1, keepdims=True)
        gradient[np.arange(len(targets)), targets.astype(int)] -= 1
        return gradient.astype(np.float32)

    def batches(self, size: int | None, epoch: int) -> list[NDArray[np.int64]]:
        """The minibatches of an epoch in the order that `Trainer(seed=self.seed)` has; None: one of all inputs."""
        count = len(self.inputs)
        if size is None:
            return [np.arange(count)]
        order = random_order(count, self.seed, epoch)
        return [order[begin : begin + size] for begin in range(0, count, size)]


def random_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of inputs that docs/determinism.md has; written in Python once, for the tests."""
    tests = str(Path(__file__).resolve().parent.parent / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    from oracle.random_numbers import random_order as written

    return np.asarray(written(count, seed, epoch))
