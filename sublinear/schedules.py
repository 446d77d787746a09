"""Learning rates as functions of the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sublinear.arrays import as_integer, as_number
from sublinear.errors import PluginError

#: (step from 0, steps an epoch) -> rate
LearningRate = Callable[[int, int], float]


class Schedule:
    """A learning rate that changes: derive from it and give `__call__`. Any callable of these arguments is one, too."""

    def __call__(self, step: int, steps_per_epoch: int) -> float:
        """The rate, finite and >= 0, of the step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step, steps_per_epoch)")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The same rate always."""

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", as_number(self.rate, "learning_rate", 0))

    def __call__(self, step: int, steps_per_epoch: int) -> float:
        return self.rate


@dataclass(frozen=True)
class LinearRate(Schedule):
    """Falls (or rises) linearly from `first` to `last` over `epochs` epochs, then stays."""

    first: float
    last: float
    epochs: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", as_number(self.first, "first", 0))
        object.__setattr__(self, "last", as_number(self.last, "last", 0))
        object.__setattr__(self, "epochs", as_integer(self.epochs, "epochs", 1))

    def __call__(self, step: int, steps_per_epoch: int) -> float:
        share = step / (self.epochs * steps_per_epoch)
        return self.last if share >= 1 else self.first + (self.last - self.first) * share


def as_schedule(given: Any) -> LearningRate:
    """A schedule from a number or a callable (step, steps_per_epoch) -> rate."""
    return given if callable(given) else ConstantRate(given)


def rate_at(schedule: LearningRate, step: int, steps_per_epoch: int) -> float:
    """What the schedule says of a step; PluginError, naming it, for what is no rate. What it raises is raised."""
    rate = schedule(step, steps_per_epoch)
    try:
        return as_number(rate, "the rate", 0)
    except (TypeError, ValueError):
        name = getattr(schedule, "__qualname__", type(schedule).__name__)
        raise PluginError(
            f"schedule {name!r}, answer for step {step} with {steps_per_epoch} an epoch: it is {rate!r}; give a finite "
            "number >= 0"
        ) from None
