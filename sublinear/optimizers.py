"""Optimizers: how the gradients of a step move the rows of a network."""

from __future__ import annotations

import copy
import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear import _training
from sublinear.arrays import as_number
from sublinear.training_plugins import OutsideOptimizer

#: The names of the optimizers.
OPTIMIZERS: tuple[str, ...] = tuple(_training.optimizer_names())

_DEFAULTS = _training.optimizer_defaults()


@dataclass(frozen=True)
class Optimizer:
    """How steps follow from gradients. Changes results; the same bits for every strategy and number of threads.

    Parameters
    ----------
    name : str
        One of `OPTIMIZERS`: "gradient" (w -= rate * gradient), "gauss-newton" (loss "squared", one output), "momentum",
        "nesterov", "adam" or "adamw", with the formulas of torch.optim.
    momentum : float in [0, 1), default 0.9
        Share of the momentum that is kept in a step; of Adam's mean of gradients (beta1).
    second_momentum : float in [0, 1), default 0.999
        Of Adam's mean of squares (beta2).
    epsilon : float, default 1e-8
        Added to the root of Adam's mean of squares.
    weight_decay : float >= 0, optional
        Times the weights, added to the gradient; of "adamw" the share of the weights, times the rate, that a step takes
        away. Default 0.01 for "adamw", else 0.
    lazy : bool, default True
        Of momentum and Adam: a row's state advances when an input makes the row fire, or after 1023 steps in which none
        did. What it missed it takes then, in closed form: the way that its momentum went on, decay. Adam's means do not
        change meanwhile (as with torch.optim.SparseAdam). False: every row moves in every step while it remembers
        something, as in torch.optim; nearly all rows move in nearly all steps then, and each costs time.
    clip_norm : float >= 0, default 0
        To what length the gradient of all rows and trained biases is shortened where it is longer; 0: never. Costs
        about an update more. Not of "gauss-newton".
    damping : float > 0, default 1e-6
        Of "gauss-newton": lambda, in units of the mean of J J^T's diagonal.

    Raises ValueError for an unknown name, numbers out of range, and choices that the optimizer does not have.

    Notes
    -----
    An optimizer of your own derives from this class and gives `move`, and `initial_state` where it remembers something.
    Of the choices `lazy` and `clip_norm` are kept for it: lazy, it is given the rows that an input made fire, else all
    rows in every step. The others are there to be used; its name is that of the class. It is called with the GIL, for
    all rows of a step at a time. Every answer is checked; what is wrong is a `PluginError` that names the class, before
    weights change. Where a row goes must not depend on the others: `sl.testing.check_optimizer` tries it.
    """

    name: str = "gradient"
    momentum: float = _DEFAULTS["momentum"]
    second_momentum: float = _DEFAULTS["second_momentum"]
    epsilon: float = _DEFAULTS["epsilon"]
    weight_decay: float | None = None
    lazy: bool = _DEFAULTS["lazy"]
    clip_norm: float = _DEFAULTS["clip_norm"]
    damping: float = _DEFAULTS["damping"]

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__  # also where __init__ is its own

    @property
    def is_own(self) -> bool:
        """Whether it is of a class of your own."""
        return type(self).move is not Optimizer.move

    def initial_state(self, width: int, columns: int, dtype: np.dtype[Any]) -> dict[str, NDArray[Any]]:
        """What an optimizer of your own remembers at first: arrays by name, of any shape (width, ...), a row a neuron.

        `columns` is the number of weights of a neuron, with its bias where biases are trained. Kept in `dtype`.
        """
        return {}

    def move(
        self, weights: NDArray[Any], gradients: NDArray[Any], state: dict[str, NDArray[Any]], rate: float, step: int
    ) -> NDArray[Any]:
        """Where the rows go, (k, columns), in an optimizer of your own.

        `weights` and `gradients` (k, columns) are copies; where biases are trained, they are the last column. `state`
        has what is remembered of these rows, (k, ...), to be changed in place or replaced; it is kept if the step takes
        place. `step` counts from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} has no move(weights, gradients, state, rate, step)")

    def __post_init__(self) -> None:
        if type(self) is not Optimizer:
            if not self.is_own:
                raise TypeError(f"{type(self).__name__} derives from Optimizer and has no method move; give one")
            object.__setattr__(self, "name", type(self).__name__)
            as_number(self.clip_norm, "clip_norm", 0)
            return
        if self.name not in OPTIMIZERS:
            raise ValueError(f"optimizer is {self.name!r}; known are {', '.join(map(repr, OPTIMIZERS))}")
        for name in ("momentum", "second_momentum", "epsilon", "clip_norm"):
            as_number(getattr(self, name), name, 0)
        if self.weight_decay is not None:
            as_number(self.weight_decay, "weight_decay", 0)
        as_number(self.damping, "damping", positive=True)
        if not isinstance(self.lazy, bool):
            raise TypeError(f"lazy is {self.lazy!r}; give True or False")
        _training.check_optimizer(self.name, self.choices())

    def choices(self) -> dict[str, Any]:
        """Its numbers by name, as the core takes them: a negative weight decay is the default one."""
        if self.is_own:
            return {
                "own": functools.partial(OutsideOptimizer, copy.copy(self)),
                "lazy": bool(self.lazy),
                "clip_norm": as_number(self.clip_norm, "clip_norm", 0),
            }
        chosen = dataclasses.asdict(self)
        del chosen["name"]
        if self.weight_decay is None:
            chosen["weight_decay"] = _DEFAULTS["weight_decay"]
        return chosen

    def __str__(self) -> str:
        """As `of` reads it: "adam", or "momentum:momentum=0.8,lazy=False" with what is not at its default.

        Of an optimizer of your own the name of its class, which `of` does not know.
        """
        if self.is_own:
            return type(self).__name__
        changed = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in dataclasses.fields(self)
            if each.name != "name" and getattr(self, each.name) != each.default
        ]
        return f"{self.name}:{','.join(changed)}" if changed else self.name

    @classmethod
    def of(cls, given: str | Optimizer) -> Optimizer:
        """An optimizer from its name, from "name:choice=number,lazy=false", or itself."""
        if isinstance(given, Optimizer):
            return given
        if not isinstance(given, str):
            raise TypeError(f"optimizer is {given!r}; give a name, 'name:choice=number,...' or an Optimizer")
        name, _, options = given.partition(":")
        chosen: dict[str, Any] = {}
        for option in filter(None, options.split(",")):
            key, _, text = option.partition("=")
            if key not in _DEFAULTS:
                known = ", ".join(each.name for each in dataclasses.fields(cls) if each.name != "name")
                raise ValueError(f"optimizer is {given!r}, where {key!r} is no choice; known are {known}")
            try:
                chosen[key] = {"true": True, "false": False}[text.lower()] if key == "lazy" else float(text)
            except (KeyError, ValueError):
                raise ValueError(
                    f"optimizer is {given!r}, where {key!r} is {text!r}; give a number, and true or false for lazy"
                ) from None
        return cls(name, **chosen)
