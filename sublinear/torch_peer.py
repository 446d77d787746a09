"""Dense adversarial training in PyTorch, as most would write it: what strategies are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.attacks import PGD
from sublinear.network import TwoLayerNetwork

Array = NDArray[Any]


class TorchPeer:
    """The training of `DensePeer` with whole matrices and automatic differentiation, on the processor.

    ImportError where PyTorch is not installed.
    """

    def __init__(self, net: TwoLayerNetwork, attack: PGD, threads: int) -> None:
        self.module = net.to_torch()
        self.net, self.attack = net, attack
        import torch

        self.torch: Any = torch
        torch.set_num_threads(threads)

    def step(self, points: Array, labels: NDArray[np.int64], rate: float) -> float:
        """One step on this batch; returns its mean loss at the attacked inputs."""
        torch, attack = self.torch, self.attack
        x, y = torch.from_numpy(np.ascontiguousarray(points)), torch.from_numpy(labels)
        stride = 2.5 * attack.radius / max(attack.steps, 1) if attack.step_size is None else attack.step_size
        moved = torch.zeros_like(x)
        self.module.weights.requires_grad_(False)
        for _ in range(attack.steps):
            at = (x + moved).requires_grad_(True)
            loss = torch.nn.functional.cross_entropy(self.module(at), y, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, at)
            moved = self._project(moved + stride * self._unit(gradient))
        self.module.weights.requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(self.module(x + moved), y)
        (gradient,) = torch.autograd.grad(loss, self.module.weights)
        with torch.no_grad():
            self.module.weights -= rate * gradient
        return float(loss.detach())

    def network(self) -> TwoLayerNetwork:
        """A network with the weights as they are now."""
        return TwoLayerNetwork.from_torch(self.module)

    def _unit(self, gradient: Any) -> Any:
        if self.attack.norm != 2:
            return gradient.sign()
        length = gradient.norm(dim=1, keepdim=True)
        return self.torch.where(length > 0, gradient / length, 0.0)

    def _project(self, moved: Any) -> Any:
        limit = self.attack.radius
        if self.attack.norm != 2:
            return moved.clamp(-limit, limit)
        length = moved.norm(dim=1, keepdim=True)
        return moved * self.torch.where(length > limit, limit / length, 1.0)
