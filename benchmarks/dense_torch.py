"""Dense training in PyTorch: as most would write it, by hand in tiles that stay in the cache, and compiled."""

from __future__ import annotations

import math
from typing import Any

from examples import Floats
from problem import SHORTEST, Problem


class TorchPeer:
    """`kind`: "eager" (autograd), "tiled" (gradients by hand, tiles of neurons) or "compiled" (by hand, torch.compile).

    @throws ImportError where PyTorch is not installed.
    """

    def __init__(self, problem: Problem, kind: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch: Any = torch
        self.problem, self.kind = problem, kind
        self.matrix = torch.from_numpy(problem.weights.copy())
        self.signs = torch.from_numpy(problem.signs)
        self.zero = torch.zeros(())
        self.tiles = [slice(k, min(k + 1024, problem.width)) for k in range(0, problem.width, 1024)]
        self.gradients: Any = self._input_gradient
        self.updates: Any = self._weight_gradient
        if kind == "compiled":
            self.gradients = torch.compile(self._input_gradient, dynamic=False)
            self.updates = torch.compile(self._weight_gradient, dynamic=False)

    @property
    def weights(self) -> Floats:
        return self.matrix.numpy()

    def _outputs(self, x: Any, weights: Any, signs: Any) -> Any:
        relu = self.torch.nn.functional.relu
        return float(self.problem.scale) * (relu(x @ weights.T - float(self.problem.threshold)) @ signs)

    def _loss(self, f: Any, targets: Any) -> Any:
        functional = self.torch.nn.functional
        if self.problem.outputs == 1:
            return functional.softplus(-targets * f[:, 0]).sum()
        return functional.cross_entropy(f, targets.long(), reduction="sum")

    def _output_gradient(self, f: Any, targets: Any) -> Any:
        if self.problem.outputs == 1:
            return (-targets * self.torch.sigmoid(-targets * f[:, 0]))[:, None]
        return f.softmax(1) - self.torch.nn.functional.one_hot(targets.long(), self.problem.outputs)

    # By whole matrices, for torch.compile.

    def _fired(self, x: Any, g: Any) -> Any:
        scores = x @ self.matrix.T - float(self.problem.threshold)
        return self.torch.where(scores > 0, g @ self.signs.T, self.zero)

    def _input_gradient(self, x: Any, targets: Any) -> Any:
        if self.problem.outputs == 1:  # only the sign of its gradient matters, so there is no need of f
            return -targets[:, None] * (self._fired(x, x.new_ones(1, 1)) @ self.matrix)
        return self._fired(x, self._output_gradient(self._outputs(x, self.matrix, self.signs), targets)) @ self.matrix

    def _weight_gradient(self, x: Any, targets: Any, factor: float) -> Any:
        g = self._output_gradient(self._outputs(x, self.matrix, self.signs), targets) * factor
        if self.problem.outputs == 1:
            return self._fired(x, x.new_ones(1, 1)).T @ (g * x)
        return self._fired(x, g).T @ x

    # By tiles, in place.

    def _score(self, x: Any, tile: slice) -> Any:
        """Scores less the threshold, in the front of one block that all tiles share."""
        scores = self.block[: len(x) * (tile.stop - tile.start)].view(len(x), -1)
        return self.torch.matmul(x, self.matrix[tile].T, out=scores).sub_(float(self.problem.threshold))

    def _tiled_outputs(self, x: Any) -> tuple[Any, list[Any]]:
        f, fired = x.new_zeros(len(x), self.problem.outputs), []
        for tile in self.tiles:
            scores = self._score(x, tile)
            fired.append(scores > 0)
            f.addmm_(scores.relu_(), self.signs[tile])
        return f * float(self.problem.scale), fired

    def _factors(self, fired: Any, g: Any, tile: slice) -> Any:
        """Output weights of the neurons that fired, 0 elsewhere; with several outputs times their gradient."""
        signs = self.signs[tile].T
        return self.torch.where(fired, signs if g is None else g @ signs, self.zero)

    def _tiled_input_gradient(self, x: Any, targets: Any) -> Any:
        gradient, fired, g = self.torch.zeros_like(x), None, None
        if self.problem.outputs > 1:
            f, fired = self._tiled_outputs(x)
            g = self._output_gradient(f, targets)
        for k, tile in enumerate(self.tiles):
            on = self._score(x, tile) > 0 if fired is None else fired[k]
            gradient.addmm_(self._factors(on, g, tile), self.matrix[tile])
        return gradient if g is not None else -targets[:, None] * gradient

    def _tiled_update(self, x: Any, targets: Any, factor: float) -> None:
        f, fired = self._tiled_outputs(x)
        g = self._output_gradient(f, targets) * factor
        rows, g = (g * x, None) if self.problem.outputs == 1 else (x, g)
        for on, tile in zip(fired, self.tiles, strict=True):
            self.matrix[tile].addmm_(self._factors(on, g, tile).T, rows, alpha=-1)

    def _advance(self, moved: Any, gradient: Any) -> Any:
        radius, stride = self.problem.radius, self.problem.stride
        if self.problem.norm == math.inf:
            return (moved + stride * gradient.sign()).clamp(-radius, radius)
        moved = moved + stride * gradient / gradient.norm(dim=1, keepdim=True).clamp_min(SHORTEST)
        return moved * (radius / moved.norm(dim=1, keepdim=True).clamp_min(SHORTEST)).clamp_max(1.0)

    def step(self, inputs: Floats, labels: Floats, rate: float) -> None:
        torch = self.torch
        x, targets = torch.from_numpy(inputs), torch.from_numpy(labels)
        moved = torch.zeros_like(x)
        if self.kind == "eager":
            for _ in range(self.problem.steps):
                z = (x + moved).requires_grad_(True)
                loss = self._loss(self._outputs(z, self.matrix, self.signs), targets)
                moved = self._advance(moved, torch.autograd.grad(loss, z)[0])
            weights = self.matrix.detach().requires_grad_(True)
            loss = self._loss(self._outputs(x + moved, weights, self.signs), targets) / len(x)
            self.matrix.sub_(rate * torch.autograd.grad(loss, weights)[0])
            return
        factor = rate * float(self.problem.scale) / len(x)
        gradient = self._tiled_input_gradient if self.kind == "tiled" else self.gradients
        with torch.no_grad():
            if self.kind == "tiled":
                self.block = torch.empty(len(x) * min(self.problem.width, 1024))
            for _ in range(self.problem.steps):
                moved = self._advance(moved, gradient(x + moved, targets))
            if self.kind == "tiled":
                self._tiled_update(x + moved, targets, factor)
            else:
                self.matrix.sub_(factor * self.updates(x + moved, targets, 1.0))
