"""The dense computation in NumPy: what a strategy is compared with in `sublinear scaling`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.attacks import PGD
from sublinear.network import TwoLayerNetwork

Array = NDArray[Any]

#: Scores held at once: tiles of neurons that stay in the cache are faster than whole matrices.
_TILE_SCORES = 1 << 18


class DensePeer:
    """Adversarial training with all neurons for every input, by matrix products: m * n * d for each evaluation.

    The same network, loss (cross-entropy), attack (PGD without random starts) and update as `Trainer`, up to rounding:
    a dense library sums in another order. It knows full batches and minibatches in the order they are given.
    """

    def __init__(self, net: TwoLayerNetwork, attack: PGD) -> None:
        self.weights: Array = np.array(net.weights)
        self.net = net
        self.attack = attack

    def step(self, points: Array, labels: NDArray[np.int64], rate: float) -> float:
        """One step on this batch; returns its mean loss at the attacked inputs."""
        attack, dtype = self.attack, self.weights.dtype.type
        stride = 2.5 * attack.radius / max(attack.steps, 1) if attack.step_size is None else attack.step_size
        moved = np.zeros_like(points)
        for _ in range(attack.steps):
            _, gradient = self._outputs(points + moved, labels)
            direction = self._input_gradient(points + moved, gradient)
            moved = self._project(moved + dtype(stride) * self._unit(direction))
        attacked = points + moved
        losses, gradient = self._outputs(attacked, labels)
        gradient *= dtype(rate * self.net.scale / len(points))
        for tile in self._tiles(len(points)):
            fired, _ = self._scores(attacked, tile)
            self.weights[tile] -= (fired * (gradient @ self.net.output_weights[tile].T)).T @ attacked
        return float(losses.mean())

    def network(self) -> TwoLayerNetwork:
        """A network with the weights as they are now."""
        net = self.net
        return TwoLayerNetwork(
            self.weights, net.output_weights, net.biases, net.threshold, net.scale, net.activation, net.dtype
        )

    def _tiles(self, inputs: int) -> list[slice]:
        size = max(64, _TILE_SCORES // max(inputs, 1))
        return [slice(begin, begin + size) for begin in range(0, len(self.weights), size)]

    def _scores(self, points: Array, tile: slice) -> tuple[NDArray[np.bool_], Array]:
        """Who fires, and what they pass on."""
        z = points @ self.weights[tile].T + self.net.biases[tile]
        threshold = self.weights.dtype.type(self.net.threshold)
        fired = z >= threshold
        return fired, fired * (z - threshold if self.net.activation == "shifted" else z)

    def _outputs(self, points: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
        """The loss of each input, and its gradient in the outputs."""
        dtype = self.weights.dtype.type
        f = sum(self._scores(points, tile)[1] @ self.net.output_weights[tile] for tile in self._tiles(len(points)))
        f = f * dtype(self.net.scale)
        powers = np.exp(f - f.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        losses = -np.log(np.maximum(shares[rows, labels], np.finfo(dtype).tiny))
        shares[rows, labels] -= 1
        return losses, shares

    def _input_gradient(self, points: Array, gradient: Array) -> Array:
        total = np.zeros_like(points)
        for tile in self._tiles(len(points)):
            fired, _ = self._scores(points, tile)
            total += (fired * (gradient @ self.net.output_weights[tile].T)) @ self.weights[tile]
        return total

    def _unit(self, direction: Array) -> Array:
        """The steepest direction of length 1 in the ball's norm; a zero gradient moves nothing."""
        if self.attack.norm != 2:
            signs: Array = np.sign(direction)
            return signs
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        unit: Array = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
        return unit

    def _project(self, moved: Array) -> Array:
        limit = self.weights.dtype.type(self.attack.radius)
        if self.attack.norm != 2:
            return np.clip(moved, -limit, limit)
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        shrink: Array = np.minimum(1, np.divide(limit, length, out=np.ones_like(length), where=length > 0))
        return moved * shrink
