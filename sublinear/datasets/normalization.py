"""What is done to inputs before training: fitted on the training inputs, and done to all others in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear.arrays import as_number, as_points

Matrix = NDArray[np.float64]
Statistics = dict[str, Any]

_SHORTEST = 1e-150  # the squares of shorter rows lose digits to underflow


@dataclass(frozen=True)
class Step:
    """One step: `fit` takes the training inputs and gives its statistics, `apply` takes inputs and statistics.

    `columns` and `numbers` name the statistics that are an array with one number a feature, and those that are one
    number; those in `positive` are above 0. The step adds `more` features.
    """

    fit: Callable[[Matrix], Statistics]
    apply: Callable[[Matrix, Statistics], Matrix]
    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    more: int = 0


def _fit_standard(train: Matrix) -> Statistics:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    return {"mean": scaler.mean_, "deviation": scaler.scale_}


def _fit_minmax(train: Matrix) -> Statistics:
    from sklearn.preprocessing import MinMaxScaler

    scaler = MinMaxScaler().fit(train)
    return {"factor": scaler.scale_, "offset": scaler.min_}


def _unit(rows: Matrix, _: Statistics) -> Matrix:
    from sklearn.preprocessing import normalize

    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if (~np.isfinite(lengths) | ((lengths < _SHORTEST) & rows.any(axis=1))).any():
        raise ValueError("a row is too long or too short for the squares of its values")
    unit: Matrix = normalize(rows) if len(rows) else rows
    return unit


def _fit_slice(train: Matrix) -> Statistics:
    largest = np.abs(train).max() or 1.0
    return {"length": largest * float(np.sqrt(np.mean(np.einsum("ij,ij->i", train / largest, train / largest)))) or 1.0}


def _slice(rows: Matrix, statistics: Statistics) -> Matrix:
    from sublinear.datasets.slice import to_slice

    return to_slice(rows, statistics["length"])


#: Every step by name. Adding one: its line.
STEPS: dict[str, Step] = {
    "standard": Step(
        _fit_standard,
        lambda rows, fitted: (rows - fitted["mean"]) / fitted["deviation"],
        columns=("mean", "deviation"),
        positive=("deviation",),
    ),
    "minmax": Step(
        _fit_minmax,
        lambda rows, fitted: rows * fitted["factor"] + fitted["offset"],
        columns=("factor", "offset"),
        positive=("factor",),
    ),
    "unit": Step(lambda _: {}, _unit),
    "slice": Step(_fit_slice, _slice, numbers=("length",), positive=("length",), more=2),
}


def normalization_steps(text: str) -> tuple[str, ...]:
    """The steps of "standard+unit", in order; none for "none". ValueError for unknown and repeated ones."""
    if not isinstance(text, str):
        raise TypeError(f"normalization is {text!r}; give a string, such as 'standard+unit' or 'none'")
    if text == "none":
        return ()
    steps = tuple(text.split("+"))
    if len(set(steps)) < len(steps) or not set(steps) <= set(STEPS):
        raise ValueError(
            f"normalization is {text!r}; give 'none', or some of {', '.join(map(repr, STEPS))} joined by '+', each once"
        )
    return steps


class Normalization:
    """Steps with the statistics they were fitted with, for inputs of `n_features` features.

    Calling it gives normalised inputs: a function of each row and of the statistics alone, whatever other rows there
    are. `text` names the steps, such as "standard+unit"; "none" leaves inputs as they are.
    """

    def __init__(self, text: str, n_features: int, statistics: list[Statistics]) -> None:
        self.text, self.n_features, self.statistics = text, n_features, statistics
        self._steps = normalization_steps(text)

    @classmethod
    def fit(cls, text: str, train: Matrix, name: str) -> tuple[Normalization, Matrix]:
        """Fitted on these inputs of the set `name`, which come back normalised. ValueError as `__call__`."""
        statistics: list[Statistics] = []
        rows = train
        for step in normalization_steps(text):
            statistics.append(_guarded(step, name, lambda step=step, rows=rows: STEPS[step].fit(rows)))  # type: ignore[misc]
            rows = _applied(step, rows, statistics[-1], name)
        return cls(text, train.shape[1], statistics), np.ascontiguousarray(rows)

    def __call__(self, rows: ArrayLike, name: str = "X") -> Matrix:
        """The rows (n, d) after all steps, float64; `name` is what messages call them.

        ValueError for another number of features than `n_features`, and for values that are too large or too small for
        a step; TypeError for what are no numbers.
        """
        rows = as_points(rows, name, self.n_features, np.float64)
        for step, statistics in zip(self._steps, self.statistics, strict=True):
            rows = _applied(step, rows, statistics, name)
        return np.ascontiguousarray(rows)

    @property
    def n_outputs(self) -> int:
        """Features after all steps."""
        return self.n_features + sum(STEPS[step].more for step in self._steps)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; every number exactly."""
        statistics = [{name: np.asarray(each).tolist() for name, each in step.items()} for step in self.statistics]
        return {"text": self.text, "n_features": self.n_features, "statistics": statistics}

    @classmethod
    def of(cls, content: dict[str, Any]) -> Normalization:
        """What `as_dict` gave. ValueError or TypeError for anything else: it may come from anybody's file."""
        steps, width, given = normalization_steps(content["text"]), content["n_features"], content["statistics"]
        if not isinstance(width, int) or width < 1 or not isinstance(given, list) or len(given) != len(steps):
            raise ValueError("the normalization has other statistics than its steps need")
        statistics: list[Statistics] = []
        for name, table in zip(steps, given, strict=True):
            statistics.append(_checked(name, table, width))
            width += STEPS[name].more
        return cls(content["text"], content["n_features"], statistics)


def _checked(name: str, table: Any, width: int) -> Statistics:
    step = STEPS[name]
    if not isinstance(table, dict) or table.keys() != {*step.columns, *step.numbers}:
        raise ValueError(f"the normalization has other statistics than {name!r} needs")
    checked: Statistics = {each: as_number(table[each], f"{each} of {name!r}") for each in step.numbers}
    for each in step.columns:
        if not isinstance(table[each], list) or len(table[each]) != width:
            raise ValueError(f"{each} of {name!r} is not one number for each of {width} features")
        checked[each] = np.array([as_number(value, f"{each} of {name!r}") for value in table[each]])
    for each in step.positive:
        if not np.all(np.greater(checked[each], 0)):
            raise ValueError(f"{each} of {name!r} has numbers that are not above 0")
    return checked


def _applied(step: str, rows: Matrix, statistics: Statistics, name: str) -> Matrix:
    def apply() -> Matrix:
        done = STEPS[step].apply(rows, statistics)
        if not np.isfinite(done).all():
            raise ValueError("the result is not finite")
        return done

    done: Matrix = _guarded(step, name, apply)
    return done


def _guarded(step: str, name: str, work: Callable[[], Any]) -> Any:
    """What a step does; what it refuses is a ValueError that names the step and the set."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return work()
    except ValueError as error:
        raise ValueError(f"{name} cannot be normalised by {step!r}: {error}; scale the values first") from error
