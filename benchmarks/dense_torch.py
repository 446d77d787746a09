"""Dense training in PyTorch: as most would write it, by hand in tiles that stay in the cache, and compiled."""

from __future__ import annotations

from typing import Any

from problem import Floats, Problem


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
        tile = min(problem.width, 1024) if kind == "tiled" else problem.width
        self.tiles = [slice(k, k + tile) for k in range(0, problem.width, tile)]
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

    def _output_gradient(self, x: Any, targets: Any) -> Any:
        f = sum(self._outputs(x, self.matrix[tile], self.signs[tile]) for tile in self.tiles)
        if self.problem.outputs == 1:
            return (-targets * self.torch.sigmoid(-targets * f[:, 0]))[:, None]
        return f.softmax(1) - self.torch.nn.functional.one_hot(targets.long(), self.problem.outputs)

    def _fired(self, x: Any, g: Any, tile: slice) -> Any:
        torch = self.torch
        scores = x @ self.matrix[tile].T - float(self.problem.threshold)
        return torch.where(scores > 0, g @ self.signs[tile].T, torch.zeros(()))

    def _input_gradient(self, x: Any, targets: Any) -> Any:
        g = -targets[:, None] if self.problem.outputs == 1 else self._output_gradient(x, targets)
        return sum(self._fired(x, g, tile) @ self.matrix[tile] for tile in self.tiles)

    def _weight_gradient(self, x: Any, targets: Any, factor: float) -> list[Any]:
        g = self._output_gradient(x, targets) * factor
        return [self._fired(x, g, tile).T @ x for tile in self.tiles]

    def _advance(self, moved: Any, gradient: Any) -> Any:
        moved = moved + self.problem.stride * gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return moved * (self.problem.radius / moved.norm(dim=1, keepdim=True).clamp_min(1e-12)).clamp_max(1.0)

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
        with torch.no_grad():
            for _ in range(self.problem.steps):
                moved = self._advance(moved, self.gradients(x + moved, targets))
            updates = self.updates(x + moved, targets, rate * float(self.problem.scale) / len(x))
            for tile, update in zip(self.tiles, updates, strict=True):
                self.matrix[tile] -= update
