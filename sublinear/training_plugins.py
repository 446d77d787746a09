"""Losses, attacks and optimizers written in Python: what the library gives them, what it makes of their answers.

They are called with the GIL, on whichever thread asks, for many rows at a time. What they raise becomes a `PluginError`
that names them and the call; `KeyboardInterrupt` and `MemoryError` pass. What they answer is checked before any weight
changes by it.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sublinear.errors import PluginError
from sublinear.outside import Outside

if TYPE_CHECKING:
    from sublinear.attacks import Attack, AttackStart, Here
    from sublinear.losses import Loss
    from sublinear.optimizers import Optimizer

FloatArray = NDArray[Any]

#: The loss of the library whose labels a loss with such labels has.
LIKE = {"numbers": "squared", "signs": "logistic", "classes": "cross-entropy"}


class TrainingPart(Outside):
    """A part of training from outside, by kind; what it answers."""

    def __init__(self, kind: str, made: object) -> None:
        super().__init__(f"{kind} {type(made).__name__!r}")

    def _array(
        self, call: str, what: str, answer: Any, shape: tuple[int, ...], dtype: Any, allow_nan: bool = False
    ) -> FloatArray:
        """An answer as an array of this shape and dtype, a copy."""
        try:
            array = np.array(answer, order="C")
        except Exception as error:
            raise self._wrong(call, f"{what} are no array: {error}") from error
        if array.dtype.kind not in "fiu":
            raise self._wrong(call, f"{what} have dtype {array.dtype}; give numbers")
        if array.shape != shape:
            raise self._wrong(call, f"{what} have shape {array.shape}; give {shape}")
        if not allow_nan and np.isnan(array).any():
            row = int(np.argwhere(np.isnan(array))[0][0])
            raise self._wrong(call, f"{what} of row {row} are NaN")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(array, dtype)


class OutsideLoss(TrainingPart):
    """A loss from outside, as the core calls it."""

    def __init__(self, loss: Loss) -> None:
        super().__init__("loss", loss)
        self._loss = loss
        self.name, self.like = type(loss).__name__, LIKE[loss.labels]

    def evaluate(self, outputs: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Losses and their derivatives by the outputs, checked."""
        shape = outputs.shape
        answer = self._call("evaluate", self._loss.evaluate, outputs.copy(), labels)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise self._wrong("evaluate", f"it is a {type(answer).__name__}; give (losses, derivatives)")
        losses, derivatives = answer
        diverged = not np.isfinite(outputs).all()  # then NaN is not the loss's fault, and training is refused anyway
        return (
            self._array("evaluate", "losses", losses, shape[:1], np.float64, diverged),
            self._array("evaluate", "derivatives", derivatives, shape, np.float64, diverged),
        )


class OutsideAttack(TrainingPart):
    """An attack from outside, as the core calls it."""

    def __init__(self, attack: Attack) -> None:
        super().__init__("attack", attack)
        self.attack = attack

    def start(self, run: int, inputs: FloatArray, labels: FloatArray, seeds: NDArray[np.uint64]) -> OutsideRun:
        """Begins a run at these inputs."""
        from sublinear.attacks import AttackStart

        return OutsideRun(self, AttackStart(inputs, labels, seeds, run))


class OutsideRun(TrainingPart):
    """A run on its way: `points` are those it wants to look at, or, where it no longer `asks`, where it ended."""

    def __init__(self, attack: OutsideAttack, start: AttackStart) -> None:
        super().__init__("attack", attack.attack)
        self._attack, self._inputs = attack.attack, start.inputs.copy()
        self.points, self.asks = self._inputs, False
        answer = self._call("run", self._attack.run, start)
        self._steps: Generator[Any, Here, Any] | None = answer if isinstance(answer, Generator) else None
        if self._steps is None:
            self._take("run", answer)
        else:
            self._go(None)

    def next(self, values: FloatArray, losses: FloatArray, gradients: FloatArray) -> None:
        """Goes on from what the network has at `points`."""
        from sublinear.attacks import Here

        self._go(Here(values, losses, gradients))

    def _go(self, here: Here | None) -> None:
        assert self._steps is not None
        try:
            answer = self._call("run", self._steps.send, here, passing=(MemoryError, StopIteration))
            self.asks = True
        except StopIteration as end:
            answer, self.asks = end.value, False
        self._take("run", answer)

    def _take(self, call: str, answer: Any) -> None:
        points = self._array(call, "points", answer, self._inputs.shape, self._inputs.dtype)
        if not np.isfinite(points).all():
            raise self._wrong(call, "points are not finite")
        radius, norm = float(self._attack.radius), float(self._attack.norm)
        ways = np.abs(points.astype(np.float64) - self._inputs)
        far = np.linalg.norm(ways, axis=1) if norm == 2 else ways.max(axis=1, initial=0)
        unit = float(np.finfo(points.dtype).eps) / 2
        lengths = np.linalg.norm(self._inputs.astype(np.float64), ord=2 if norm == 2 else np.inf, axis=1)
        allowed = radius * (1 + 64 * unit) + 2 * unit * (lengths + radius)
        if (outside := np.flatnonzero(far > allowed)).size:
            row = int(outside[0])
            raise self._wrong(
                call, f"row {row} is {far[row]:.9g} away from its input, out of its ball of radius {radius:.9g}"
            )
        self.points = points


class OutsideOptimizer(TrainingPart):
    """An optimizer from outside on its way with one network, as the core calls it."""

    def __init__(self, optimizer: Optimizer, width: int, columns: int, dtype: np.dtype[Any]) -> None:
        super().__init__("optimizer", optimizer)
        self._optimizer = optimizer
        self._steps = 0
        made = self._call("initial_state", optimizer.initial_state, width, columns, dtype)
        if not isinstance(made, dict) or not all(isinstance(name, str) and name for name in made):
            raise self._wrong("initial_state", f"it is {type(made).__name__}; give a dictionary of arrays by name")
        self._state: dict[str, FloatArray] = {}
        for name, array in made.items():
            given = np.asarray(array)
            if given.ndim < 1 or len(given) != width:
                raise self._wrong("initial_state", f"{name!r} has shape {given.shape}; give a row for each of {width}")
            self._state[name] = self._array("initial_state", repr(name), given, given.shape, dtype)
        self._pending: tuple[NDArray[np.int64], dict[str, FloatArray]] | None = None

    def propose(self, rows: NDArray[np.int64], weights: FloatArray, gradients: FloatArray, rate: float) -> FloatArray:
        """Where the rows go; what is remembered changes when they have gone there."""
        state = {name: array[rows] for name, array in self._state.items()}
        kept = dict(state)
        answer = self._call("move", self._optimizer.move, weights.copy(), gradients, state, rate, self._steps + 1)
        moved = self._array("move", "weights", answer, weights.shape, weights.dtype)
        if not np.isfinite(moved).all():
            row = int(np.argwhere(~np.isfinite(moved))[0][0])
            raise OverflowError(
                f"step {self._steps} with learning rate {rate:g} would make weights of neuron {rows[row]} overflow; "
                "the network is as it was before the step, train it with a lower learning rate"
            )
        if state.keys() != kept.keys():
            raise self._wrong("move", f"state has {sorted(state)}; leave the names as initial_state gave them")
        for name, array in kept.items():
            state[name] = self._array("move", f"state[{name!r}]", state[name], array.shape, array.dtype)
        self._pending = rows, state
        return moved

    def commit(self) -> None:
        """The rows have gone where it said."""
        assert self._pending is not None
        rows, state = self._pending
        for name, array in state.items():
            self._state[name][rows] = array
        self._steps += 1
        self._pending = None

    def state(self) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """What is remembered, flat: (of the network's dtype, float64)."""
        return {name: array.reshape(-1).copy() for name, array in self._state.items()}, {
            "steps": np.array([self._steps], np.float64)
        }

    def set_state(self, values: dict[str, FloatArray], numbers: dict[str, FloatArray]) -> None:
        """Goes on from there; ValueError for the state of another optimizer or network."""
        sizes = {name: array.size for name, array in self._state.items()}
        given = {name: array.size for name, array in values.items()}
        steps = numbers.get("steps", np.empty(0))
        if given != sizes or len(numbers) != 1 or steps.shape != (1,) or not 0 <= steps[0] < 2**53:
            raise ValueError(
                f"the optimizer's state has {given} numbers by name; {self._title} remembers {sizes}, and its steps"
            )
        for name, array in self._state.items():
            array[...] = values[name].reshape(array.shape)
        self._steps = int(steps[0])


def checked_ball(attack: Attack) -> tuple[float, float]:
    """(radius, norm) of an attack from outside; PluginError for what is none."""
    title = f"attack {type(attack).__name__!r}"
    radius, norm = getattr(attack, "radius", None), getattr(attack, "norm", None)
    if isinstance(radius, bool) or not isinstance(radius, (int, float, np.number)) or not 0 <= radius < math.inf:
        raise PluginError(f"{title}: radius is {radius!r}; give a finite number >= 0")
    if norm not in (2, math.inf):
        raise PluginError(f"{title}: norm is {norm!r}; give 2 or math.inf")
    for name in ("runs", "gradients"):
        value = getattr(attack, name, None)
        if isinstance(value, bool) or not isinstance(value, int) or value < (name == "runs"):
            raise PluginError(f"{title}: {name} is {value!r}; give a whole number >= {int(name == 'runs')}")
    return float(radius), float(norm)
