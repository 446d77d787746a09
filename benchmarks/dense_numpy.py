"""Dense training in NumPy: by whole matrices, and by tiles of neurons that stay in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples import Floats
from problem import Problem


class NumpyPeer:
    """`tile` neurons at a time; `tile` = width is what one writes first. Nothing of that size is allocated in a step:
    the pages of fresh arrays would cost as much as the arithmetic.
    """

    def __init__(self, problem: Problem, tile: int) -> None:
        self.problem = problem
        self.weights = problem.weights.copy()
        self.tiles = [slice(k, min(k + tile, problem.width)) for k in range(0, problem.width, tile)]
        self.scores, self.factors, self.fired = self._buffers(0)

    def _buffers(self, inputs: int) -> tuple[list[Floats], list[Floats], list[NDArray[Any]]]:
        """Scores and factors share one block between tiles; who fired is kept for each."""
        widths = [tile.stop - tile.start for tile in self.tiles]
        scores, factors = (np.empty(inputs * max(widths), np.float32) for _ in range(2))
        views = [[block[: inputs * w].reshape(inputs, w) for w in widths] for block in (scores, factors)]
        return views[0], views[1], [np.empty((inputs, w), bool) for w in widths]

    def _score(self, x: Floats, k: int) -> Floats:
        return np.matmul(x, self.weights[self.tiles[k]].T, out=self.scores[k])

    def _outputs(self, x: Floats) -> Floats:
        """f at x; keeps who fired."""
        problem = self.problem
        f = np.zeros((len(x), problem.outputs), np.float32)
        for k, tile in enumerate(self.tiles):
            scores = self._score(x, k)
            np.subtract(scores, problem.threshold, out=scores)
            np.greater(scores, 0, out=self.fired[k])
            np.maximum(scores, 0, out=scores)
            f += scores @ problem.signs[tile]
        return f * problem.scale

    def _factors(self, g: Floats | None, k: int) -> Floats:
        """Output weights of the neurons that fired, 0 elsewhere; with several outputs times their gradient `g`."""
        signs = self.problem.signs[self.tiles[k]]
        if g is None:
            return np.multiply(self.fired[k], signs[:, 0], out=self.factors[k])
        np.matmul(g, signs.T, out=self.factors[k])
        return np.multiply(self.factors[k], self.fired[k], out=self.factors[k])

    def _input_gradient(self, x: Floats, targets: Floats) -> Floats:
        problem = self.problem
        g = None if problem.outputs == 1 else problem.output_gradient(self._outputs(x), targets)
        gradient = np.zeros_like(x)
        for k, tile in enumerate(self.tiles):
            if g is None:  # with one output only the sign of its gradient matters, so there is no need of f
                np.greater(self._score(x, k), problem.threshold, out=self.fired[k])
            gradient += self._factors(g, k) @ self.weights[tile]
        return -targets[:, None] * gradient if g is None else gradient

    def step(self, x: Floats, targets: Floats, rate: float) -> None:
        problem = self.problem
        if len(x) != len(self.fired[0]):
            self.scores, self.factors, self.fired = self._buffers(len(x))
        moved = np.zeros_like(x)
        for _ in range(problem.steps):
            moved = problem.advance(moved, self._input_gradient(x + moved, targets))
        attacked = x + moved
        g = problem.output_gradient(self._outputs(attacked), targets)
        g *= np.float32(rate) * problem.scale / np.float32(len(x))
        rows = g * attacked if problem.outputs == 1 else attacked
        for k, tile in enumerate(self.tiles):
            self.weights[tile] -= self._factors(None if problem.outputs == 1 else g, k).T @ rows
