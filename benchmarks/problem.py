"""The work every contestant does: one network, one data set, one attack, one loss; the same numbers for all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Floats = NDArray[np.float32]


@dataclass
class Problem:
    """f(x) = m^-1/2 sum_r a_r max(<w_r, x> - b, 0) on digits scaled to the unit sphere; l2 PGD of `steps` normalised
    steps of 2.5 radius / steps; logistic loss on the parity of the digit (1 output) or cross-entropy on the digit (10).
    """

    width: int
    outputs: int = 1
    radius: float = 0.05
    steps: int = 10
    seed: int = 7
    inputs: Floats = field(init=False)
    targets: Floats = field(init=False)  # +-1, or the class as a number
    weights: Floats = field(init=False)
    signs: Floats = field(init=False)  # (width, outputs)
    threshold: np.float32 = field(init=False)
    scale: np.float32 = field(init=False)

    def __post_init__(self) -> None:
        pixels, digit = load_digits(return_X_y=True)
        self.inputs = (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32)
        self.targets = (digit if self.outputs > 1 else np.where(digit % 2 == 0, 1, -1)).astype(np.float32)
        random = np.random.default_rng(self.seed)
        self.weights = random.standard_normal((self.width, self.inputs.shape[1]), dtype=np.float32)
        self.signs = random.choice(np.array([-1, 1], np.float32), (self.width, self.outputs))
        self.threshold = np.float32(np.sqrt(0.4 * np.log(self.width)))
        self.scale = np.float32(self.width**-0.5)

    @property
    def stride(self) -> float:
        return 2.5 * self.radius / self.steps

    def advance(self, moved: Floats, gradient: Floats) -> Floats:
        """One step of the attack for a batch: along the normalised gradient, then back into the ball."""
        length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12)
        moved = moved + self.stride * gradient / length
        back = np.minimum(1, self.radius / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12))
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
        """The minibatches of an epoch, or all inputs in their order."""
        count = len(self.inputs)
        if size is None:
            return [np.arange(count)]
        order = np.random.default_rng([self.seed, epoch]).permutation(count)
        return [order[begin : begin + size] for begin in range(0, count, size)]
