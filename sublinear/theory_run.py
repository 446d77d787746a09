"""One network of `sublinear theory`: drawn, attacked and trained on data of its own, with what is measured of it."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sublinear.attacks import PGD, NoAttack
from sublinear.datasets import Dataset
from sublinear.evaluation import attack_inputs
from sublinear.history import History
from sublinear.network import TwoLayerNetwork
from sublinear.predictions import firing_probability, shifted_kernel
from sublinear.reported import Reported
from sublinear.trainer import Trainer

if TYPE_CHECKING:
    from sublinear.theory import TheorySettings


@dataclass(frozen=True)
class Setup:
    """What belongs to an initialisation: its loss, its data and adversary, and the scale of its weights."""

    loss: str
    normalization: str
    domain: str | None
    shrinks: bool  # the weights' standard deviation falls like 1 / sqrt(m)


SETUPS = {
    "ntk": Setup("squared", "unit", None, shrinks=False),
    "hu": Setup("squared", "unit", None, shrinks=False),
    "gao": Setup("absolute", "unit+slice", "slice", shrinks=True),
}

_GAUSS_NEWTON_STEPS = 8
_AT_ROUNDING = 1e-8  # of the first loss: below it float32 decides how the residual goes on


class TheoryRun:
    """One network, trained; with what it was before. Everything random follows from the seed, the data's too."""

    def __init__(self, settings: TheorySettings, data: Dataset, m: int, radius: float, seed: int) -> None:
        self.settings, self.seed, self.setup = settings, seed, SETUPS[settings.init]
        self.dataset = data.as_dict()
        self.start = self._drawn(data.n_features, m, settings.coupled)
        biased = bool(self.start.biases.any())
        deviation = math.sqrt((2 if biased else 1) / (m if self.setup.shrinks else 1))
        self.kappa = self.start.threshold / deviation
        self.X = np.asarray(data.X_train, self.start.dtype)
        self.y = np.where(data.y_train == 1, 1.0, -1.0)
        self.attack = PGD(radius, settings.steps, domain=self.setup.domain)
        self.fired_before = self.start.fired(self.X)
        self.rate = self._rate()
        self.net, self.trainer, self.history = self._train("margin")
        self.attacked = self._attacked(self.net)

    def _drawn(self, features: int, m: int, coupled: bool) -> TwoLayerNetwork:
        settings = self.settings
        return TwoLayerNetwork.random(
            features, m, 1, init=settings.init, seed=self.seed, coupled=coupled, kappa=settings.kappa
        )

    def _rate(self) -> float:
        n, m = len(self.X), self.start.width
        if self.settings.init == "gao":
            return float(n / (150 * m**0.6 * firing_probability(self.kappa)))
        largest = float(np.linalg.eigvalsh(self.kernel())[-1])
        return n / largest

    def kernel(self) -> NDArray[Any]:
        """The kernel of the drawn neurons, (1/m) <x_i, x_j> sum_r 1[r fires on i and on j]; a_r^2 = 1."""
        fired = self.fired_before.to_scipy().astype(np.float64)
        together = (fired @ fired.T).toarray() / self.start.width
        gram: NDArray[Any] = np.asarray(self.X, np.float64) @ np.asarray(self.X, np.float64).T
        kernel: NDArray[Any] = gram * together
        return kernel

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Of the shifted kernel of these inputs, in the limit of wide networks."""
        return float(np.linalg.eigvalsh(shifted_kernel(self.X, self.kappa))[0])

    def _train(self, strategy: str) -> tuple[TwoLayerNetwork, Trainer, History]:
        net = self.start.copy()
        trainer = Trainer(
            net, strategy, self.attack, self.setup.loss, self.rate, threads=self.settings.threads, seed=self.seed
        )
        return net, trainer, trainer.fit(self.X, self.y, self.settings.iterations)

    def _attacked(self, net: TwoLayerNetwork) -> NDArray[Any]:
        return attack_inputs(net, self.X, self.y, self.attack, self.setup.loss, self.seed)

    def drift(self) -> float:
        """The largest ||w_r(T) - w_r(0)||."""
        moved = np.asarray(self.net.weights, np.float64) - np.asarray(self.start.weights, np.float64)
        return float(np.linalg.norm(moved, axis=1).max())

    def flips(self, net: TwoLayerNetwork, attacked: NDArray[Any]) -> float:
        """Neurons that change sides between x and x~, by those that fire on x."""
        before, after = net.fired(self.X), net.fired(attacked)
        changed = sum(len(np.setxor1d(ours, theirs)) for ours, theirs in zip(before, after, strict=True))
        return changed / max(len(before.ids), 1)

    def flips_at_start(self) -> float:
        """The same before training, of neurons that are not in pairs: those of pairs cancel, so that f = 0 everywhere
        and the attack finds no direction."""
        net = (
            self._drawn(self.start.n_features, self.start.width, coupled=False) if self.settings.coupled else self.start
        )
        return self.flips(net, self._attacked(net))

    def flips_at_end(self) -> float:
        """The same of the trained network."""
        return self.flips(self.net, self.attacked)

    def changed_since_start(self) -> float:
        """Of the pairs of input and neuron that fire before or after training, the share that does at one time only."""
        before, after = self.fired_before, self.net.fired(self.X)
        changed = sum(len(np.setxor1d(ours, theirs)) for ours, theirs in zip(before, after, strict=True))
        return 2 * changed / max(len(before.ids) + len(after.ids) + changed, 1)

    def union(self) -> float:
        """The share of neurons that fire on any input, at the start."""
        return len(np.unique(self.fired_before.ids)) / self.start.width

    def share(self, fired: Reported) -> float:
        """Fired pairs of all pairs."""
        return len(fired.ids) / (len(self.X) * self.start.width)

    def share_at_start(self) -> float:
        """Fired pairs of all pairs, before training."""
        return self.share(self.fired_before)

    def largest_share_at_start(self) -> float:
        """The share of the neurons that fire on the input on which most do, before training."""
        return float(np.diff(self.fired_before.indptr).max()) / self.start.width

    def largest_output_at_start(self) -> float:
        """The largest |f(x; W(0))| over the inputs."""
        return float(np.abs(self.start.decision_function(self.X)).max())

    def pseudo_gap(self) -> float:
        """The largest |f(x; W) - f(x; W(0)) - g(x)| over the inputs and where the attack moved them.

        g(x) = sum_r a_r <w_r - w_r(0), x> 1[r fires on x at the start] says how f changes; f(x; W(0)) is 0 for pairs.
        """
        a = np.asarray(self.start.output_weights[:, 0], np.float64)
        moved = np.asarray(self.net.weights, np.float64) - np.asarray(self.start.weights, np.float64)
        gap = 0.0
        for points in (self.X, self.attacked):
            ended, began = (np.asarray(net.decision_function(points), np.float64) for net in (self.net, self.start))
            fires = self.start.fired(points).to_scipy().astype(np.float64)
            changes = np.asarray(points, np.float64) @ moved.T
            g = self.start.scale * np.asarray(fires.multiply(changes) @ a).ravel()
            gap = max(gap, float(np.abs(g - (ended - began)).max()))
        return gap

    def contraction(self) -> float:
        """(1 - eta lambda / 2)^T for this network's own rate and its inputs' kernel."""
        return float((1 - self.rate / len(self.X) * self.smallest_eigenvalue / 2) ** (self.settings.iterations - 1))

    def drift_bound(self) -> float:
        """4 sqrt(n) ||f(0) - y|| / (sqrt(m) lambda): of the convergence proof for clean gradient flow, at its width."""
        residual = float(np.linalg.norm(self.start.decision_function(self.X) - self.y))
        return 4 * math.sqrt(len(self.X)) * residual / (math.sqrt(self.start.width) * self.smallest_eigenvalue)

    def gauss_newton_ratio(self) -> float:
        """The largest ||f(t+1) - y|| / ||f(t) - y|| of Gauss-Newton steps on the clean inputs, down to rounding."""
        net = self.start.copy()
        trainer = Trainer(
            net, "margin", NoAttack(), "squared", 1.0, threads=self.settings.threads, optimizer="gauss-newton"
        )
        losses = trainer.fit(self.X, self.y, _GAUSS_NEWTON_STEPS).loss
        pairs = [(now, after) for now, after in itertools.pairwise(losses) if now > _AT_ROUNDING * losses[0]]
        return max(math.sqrt(after / now) for now, after in pairs)

    def costs(self) -> dict[str, dict[str, float]]:
        """Of each strategy: seconds and inner products an iteration, seconds and bytes of its structure."""
        found = {}
        for name in self.settings.strategies:
            net, trainer, history = self._train(name)
            if not np.array_equal(net.weights, self.net.weights):
                raise RuntimeError(f"{name} ended with other weights than margin: this is a bug, please report it")
            found[name] = {
                "seconds": statistics.median(history.seconds[1:]),
                "inner_products": statistics.fmean(work.inner_products for work in history.work[1:]),
                "build_seconds": trainer.build_seconds,
                "bytes": float(trainer.nbytes),
            }
        return found
