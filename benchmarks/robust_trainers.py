"""What trains by a recipe, an epoch at a time: this library, and a dense network in PyTorch as most would write it."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np

import sublinear as sl
from examples import Floats, Labels
from problem import SHORTEST
from recipes import OURS, Recipe, Threat


class RobustTrainer(Protocol):
    """Made before the clock runs."""

    def epoch(self) -> float:
        """Trains for one epoch more; its seconds. ArithmeticError or ValueError where training diverged."""

    def network(self) -> sl.TwoLayerNetwork:
        """What is trained, for the judge. ValueError where its numbers are not finite."""


class OurTrainer:
    def __init__(self, recipe: Recipe, threat: Threat, x: Floats, y: Labels, threads: int, seed: int) -> None:
        classes = int(y.max()) + 1
        self._network = sl.TwoLayerNetwork.random(x.shape[1], recipe.width, classes, seed=seed, kappa=recipe.kappa)
        self.data = x, y
        self.trainer = sl.Trainer(
            self._network,
            attack=sl.PGD(threat.radius, recipe.attack_steps, norm=threat.norm),
            loss="cross-entropy",
            learning_rate=sl.LinearRate(recipe.rate, 0, recipe.epochs),
            optimizer=recipe.optimizer,
            batch_size=recipe.batch,
            threads=threads,
            seed=seed,
        )

    def epoch(self) -> float:
        start = time.perf_counter()
        self.trainer.fit(*self.data, epochs=1)
        return time.perf_counter() - start

    def network(self) -> sl.TwoLayerNetwork:
        return self._network


class TorchTrainer:
    """Autograd and torch.optim. ImportError where PyTorch is not installed."""

    def __init__(self, recipe: Recipe, threat: Threat, x: Floats, y: Labels, threads: int, seed: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.torch: Any = torch
        self.recipe, self.threat = recipe, threat
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        d, m, classes = x.shape[1], recipe.width, int(y.max()) + 1
        if recipe.layers == "both":
            first, second = torch.nn.Linear(d, m), torch.nn.Linear(m, classes, bias=False)
            self.first, self.second = first.weight, second.weight
            self.biases = first.bias
        else:
            self.first = torch.randn(m, d, requires_grad=True)
            self.second = (2.0 * torch.randint(0, 2, (classes, m)) - 1) / math.sqrt(m)
            kappa = math.sqrt(0.4 * math.log(m)) if recipe.kappa is None else recipe.kappa
            self.biases = torch.full((m,), -kappa)
        parameters = [each for each in (self.first, self.biases, self.second) if each.requires_grad]
        self.optimizer: Any = (
            torch.optim.Adam(parameters, lr=recipe.rate)
            if recipe.optimizer == "adam"
            else torch.optim.SGD(parameters, lr=recipe.rate, momentum=0.9 if recipe.optimizer == "momentum" else 0)
        )
        steps = recipe.epochs * -(-len(x) // recipe.batch)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: max(0.0, 1 - step / steps))

    def epoch(self) -> float:
        start = time.perf_counter()
        for batch in self.torch.randperm(len(self.x)).split(self.recipe.batch):
            x, y = self.x[batch], self.y[batch]
            attacked = self._attacked(x, y)
            self.optimizer.zero_grad()
            self._loss(attacked, y, "mean").backward()
            self.optimizer.step()
            self.schedule.step()
        return time.perf_counter() - start

    def _loss(self, x: Any, y: Any, reduction: str) -> Any:
        functional = self.torch.nn.functional
        hidden = functional.relu(functional.linear(x, self.first, self.biases))
        return functional.cross_entropy(functional.linear(hidden, self.second), y, reduction=reduction)

    def _attacked(self, x: Any, y: Any) -> Any:
        """PGD without a random start, as this library has it."""
        torch, radius, steps = self.torch, self.threat.radius, self.recipe.attack_steps
        stride, moved = 2.5 * radius / steps, torch.zeros_like(x)
        for _ in range(steps):
            point = (x + moved).requires_grad_(True)
            gradient = torch.autograd.grad(self._loss(point, y, "sum"), point)[0]
            if self.threat.norm == math.inf:
                moved = (moved + stride * gradient.sign()).clamp(-radius, radius)
            else:
                moved = moved + stride * gradient / gradient.norm(dim=1, keepdim=True).clamp_min(SHORTEST)
                moved = moved * (radius / moved.norm(dim=1, keepdim=True).clamp_min(SHORTEST)).clamp_max(1)
        return x + moved

    def network(self) -> sl.TwoLayerNetwork:
        first, second, biases = (each.detach().numpy() for each in (self.first, self.second, self.biases))
        return sl.TwoLayerNetwork(first, np.ascontiguousarray(second.T), biases)


def make_trainer(recipe: Recipe, threat: Threat, x: Floats, y: Labels, threads: int, seed: int) -> RobustTrainer:
    kind = OurTrainer if recipe.side == OURS else TorchTrainer
    return kind(recipe, threat, x, y, threads, seed)
