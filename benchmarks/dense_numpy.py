"""Dense training in NumPy: by whole matrices, and by tiles of neurons that stay in the cache."""

from __future__ import annotations

import numpy as np

from problem import Floats, Problem


class NumpyPeer:
    """`tile` neurons at a time; `tile` = width is what one writes first."""

    def __init__(self, problem: Problem, tile: int) -> None:
        self.problem = problem
        self.weights = problem.weights.copy()
        self.tiles = [slice(k, min(k + tile, problem.width)) for k in range(0, problem.width, tile)]

    def _scores(self, x: Floats, tile: slice) -> Floats:
        return x @ self.weights[tile].T - self.problem.threshold

    def _outputs(self, x: Floats) -> Floats:
        f = sum(np.maximum(self._scores(x, tile), 0) @ self.problem.signs[tile] for tile in self.tiles)
        return np.asarray(f * self.problem.scale)

    def _input_gradient(self, x: Floats, targets: Floats) -> Floats:
        problem = self.problem
        # With one output only the sign matters, so there is no need of f.
        g = -targets[:, None] if problem.outputs == 1 else problem.output_gradient(self._outputs(x), targets)
        gradient = np.zeros_like(x)
        for tile in self.tiles:
            gradient += np.where(self._scores(x, tile) > 0, g @ problem.signs[tile].T, 0) @ self.weights[tile]
        return gradient

    def step(self, x: Floats, targets: Floats, rate: float) -> None:
        problem = self.problem
        moved = np.zeros_like(x)
        for _ in range(problem.steps):
            moved = problem.advance(moved, self._input_gradient(x + moved, targets))
        attacked = x + moved
        g = problem.output_gradient(self._outputs(attacked), targets)
        g *= np.float32(rate) * problem.scale / len(x)
        for tile in self.tiles:
            fired = self._scores(attacked, tile) > 0
            self.weights[tile] -= np.where(fired, g @ problem.signs[tile].T, 0).T @ attacked
