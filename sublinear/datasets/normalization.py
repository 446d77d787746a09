"""What is done to inputs before training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Pair = tuple[Matrix, Matrix]

_SHORTEST = 1e-150  # the squares of shorter rows lose digits to underflow


def _standard(train: Matrix, test: Matrix) -> Pair:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _minmax(train: Matrix, test: Matrix) -> Pair:
    from sklearn.preprocessing import MinMaxScaler

    scaler = MinMaxScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _unit(train: Matrix, test: Matrix) -> Pair:
    from sklearn.preprocessing import normalize

    for rows in (train, test):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        if (~np.isfinite(lengths) | ((lengths < _SHORTEST) & rows.any(axis=1))).any():
            raise ValueError("a row is too long or too short for the squares of its values")
    return normalize(train), normalize(test)


def _slice(train: Matrix, test: Matrix) -> Pair:
    from sublinear.datasets.slice import to_slice

    largest = np.abs(train).max() or 1.0
    length = largest * float(np.sqrt(np.mean(np.einsum("ij,ij->i", train / largest, train / largest)))) or 1.0
    return to_slice(train, length), to_slice(test, length)


#: Every step by name: training and test inputs as they become, fitted on the training inputs. Adding one: its line.
STEPS: dict[str, Callable[[Matrix, Matrix], Pair]] = {
    "standard": _standard,
    "minmax": _minmax,
    "unit": _unit,
    "slice": _slice,
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


def normalise(train: Matrix, test: Matrix, text: str, name: str) -> Pair:
    """Both parts after the steps of `text`; ValueError where the values of `name` are too large or small for one."""
    for step in normalization_steps(text):
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                train, test = STEPS[step](train, test)
                if not (np.isfinite(train).all() and np.isfinite(test).all()):
                    raise ValueError("the result is not finite")
        except ValueError as error:
            raise ValueError(f"{name} cannot be normalised by {step!r}: {error}; scale the values first") from error
    return np.ascontiguousarray(train), np.ascontiguousarray(test)
