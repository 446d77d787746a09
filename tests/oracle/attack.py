"""FGSM and PGD, all inputs of a batch side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from oracle.arithmetic import exponential, in_turn, length, logarithm
from oracle.losses import classified_rightly, loss_and_derivative
from oracle.network import FreshSums, LinearForm, Network, visit
from oracle.random_numbers import Purpose, RandomStream
from oracle.slice_domain import SLICE_RADIUS, project_to_slice, project_to_tangent


@dataclass(frozen=True)
class Attack:
    """PGD; without steps it leaves inputs where they are."""

    radius: float = 0.0
    steps: int = 0
    step_size: float | None = None
    norm: float = 2
    random_start: bool = False
    restarts: int = 1
    clip: tuple[float, float] | None = None
    domain: str | None = None

    @classmethod
    def of(cls, attack) -> Attack:
        """The same attack as one of the library's, of whatever kind."""
        options = dict(attack.options())
        options["step_size"] = None if options["step_size"] < 0 else options["step_size"]
        return cls(**options)

    @property
    def gradients(self) -> int:
        """How many a run asks for."""
        return self.steps

    @property
    def longest(self) -> float:
        """The radius; that of the slice ends at its diameter."""
        return min(self.radius, 2 * SLICE_RADIUS) if self.domain == "slice" else self.radius


def place(attack: Attack, x: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The displacement inside the ball and the box, and the attacked point."""
    radius = x.dtype.type(attack.longest)
    if attack.domain == "slice":
        delta = project_to_slice(x, delta, float(radius))
        return delta, x + delta
    if attack.norm == 2:
        size, norm = length(delta)
        has_length = norm > 0
        size, norm = np.where(has_length, size, 1), np.where(has_length, norm, 1)
        outside = has_length & (norm > radius / size)
        back = (radius / norm)[:, None] * (delta / size[:, None])
        delta = np.where(outside[:, None], back, delta)
    else:
        delta = np.where(delta < -radius, -radius, delta)
        delta = np.where(delta > radius, radius, delta)
    moved = x + delta
    if attack.clip is None:
        return delta, moved
    low, high = map(x.dtype.type, attack.clip)
    out = np.where(moved < low, low, moved)
    out = np.where(out > high, high, out)
    return np.where(out != moved, out - x, delta), out


def advance(attack: Attack, gradient: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The displacement one step along the gradient, and which inputs have a gradient to follow."""
    T = gradient.dtype.type
    step = T(2.5 * attack.longest / max(attack.steps, 1) if attack.step_size is None else attack.step_size)
    size, norm = length(gradient)
    moving = norm != 0
    if attack.norm == 2:
        size, norm = np.where(moving, size, 1), np.where(moving, norm, 1)
        return delta + (step / norm)[:, None] * (gradient / size[:, None]), moving
    return delta + np.where(gradient > 0, step, np.where(gradient < 0, -step, T(0))), moving


def draw_start(attack: Attack, random: RandomStream, d: int, dtype: np.dtype) -> np.ndarray:
    """A displacement that is uniform in the ball, from one input's stream."""
    radius = float(dtype.type(attack.longest))
    if attack.norm != 2:
        return np.array([radius * (2 * random.uniform() - 1) for _ in range(d)]).astype(dtype)
    normal = random.normals(d)
    squares = float(in_turn(normal * normal, 0))
    reach = radius * float(exponential(logarithm(1 - random.uniform()) / d))
    return (normal * (reach / math.sqrt(squares) if squares > 0 else 0.0)).astype(dtype)


class Run:
    """An attack on a batch: x (n, d), labels (n,), and the stream of each input."""

    def __init__(
        self,
        attack: Attack,
        network: Network,
        loss: str,
        x: np.ndarray,
        labels: np.ndarray,
        streams: list[RandomStream],
    ) -> None:
        self.attack, self.network, self.loss, self.x, self.labels = attack, network, loss, x, labels
        self.streams = streams
        self.visited: list[np.ndarray] = []
        self.begin()

    def begin(self) -> None:
        """As if nothing had been summed yet."""
        self.sums: FreshSums | LinearForm = visit(self.network, self.attack.gradients)

    def loss_at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Goes to the points; the loss there and its derivative by the outputs."""
        self.visited.append(points)
        return loss_and_derivative(self.loss, self.sums.outputs(points), self.labels)

    def attacked(self) -> np.ndarray:
        """Where the attack of a training step ends: of its runs the first with the highest loss."""
        best = self.once(0)
        if self.attack.restarts == 1:
            return best
        highest, _ = self.loss_at(best)
        for k in range(1, self.attack.restarts):
            out = self.once(k)
            reached, _ = self.loss_at(out)
            wins = reached > highest
            best, highest = np.where(wins[:, None], out, best), np.where(wins, reached, highest)
        return best

    def once(self, k: int) -> np.ndarray:
        """Run k from its start; the second starts without noise."""
        delta, out = np.zeros_like(self.x), self.x
        if self.attack.random_start and k != 1:
            d = self.x.shape[1]
            drawn = [draw_start(self.attack, random, d, self.x.dtype) for random in self.streams]
            delta, out = place(self.attack, self.x, np.array(drawn))
        moving = np.ones(len(self.x), bool)
        for _ in range(self.attack.steps):
            _, derivative = self.loss_at(out)
            by_outputs = (derivative * np.float64(self.network.scale)).astype(self.x.dtype)
            gradient = self.sums.gradient(by_outputs)
            if self.attack.domain == "slice":
                gradient = project_to_tangent(out, gradient)
            further, has_gradient = advance(self.attack, gradient, delta)
            moving &= has_gradient
            further, there = place(self.attack, self.x, further)
            delta, out = np.where(moving[:, None], further, delta), np.where(moving[:, None], there, out)
        return out


def attacked_inputs(
    attack: Attack, network: Network, loss: str, x: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Where the attack of an evaluation moves inputs: the worst of the ends of its runs and the inputs themselves.

    A point that is classified wrongly is worse than all that are not, then one with a higher loss; the first of equal
    ones counts. Each run begins anew, and points are judged by the outputs of a prediction.
    """
    streams = [RandomStream(seed, Purpose.ATTACK, 0, position) for position in range(len(x))]
    run = Run(attack, network, loss, x, labels, streams)
    worst, worst_right, worst_loss = x, np.ones(len(x), bool), np.full(len(x), -np.inf)
    for k in range(attack.restarts + 1):
        run.begin()
        out = run.once(k) if k < attack.restarts else x
        outputs = network.outputs(out)
        reached, _ = loss_and_derivative(loss, outputs, labels)
        right = classified_rightly(loss, outputs, labels)
        worse = np.where(right == worst_right, reached > worst_loss, worst_right) | (k == 0)
        worst = np.where(worse[:, None], out, worst)
        worst_right, worst_loss = np.where(worse, right, worst_right), np.where(worse, reached, worst_loss)
    return worst
