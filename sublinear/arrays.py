"""Conversion and checks of what callers give: the one place where arrays become the library's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear.threads import default_threads

FloatArray = NDArray[Any]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def float_dtype(dtype: Any, what: str = "dtype") -> np.dtype[Any]:
    """float32 or float64; TypeError for anything else."""
    for known in _FLOATS:
        try:
            if known == dtype:
                return known
        except TypeError:  # not a dtype at all
            break
    raise TypeError(f"{what} is {dtype!r}; give float32 or float64")


def as_floats(values: ArrayLike, ndim: int, what: str, dtype: Any = None) -> FloatArray:
    """A C-contiguous float32 or float64 array of `ndim` dimensions, copied only where it has to be.

    Without `dtype` float32 and float64 are kept, and lists, integers and half floats become float64. With `dtype`
    wider floating-point data is rounded to nearest; integers have to be exact in it.

    Raises TypeError for what are not real numbers or integers that the type cannot hold, ValueError for another number
    of dimensions and for values that are not finite, with their place.
    """
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} is not an array: rows differ in length or are not numbers") from error
    if given.dtype.kind not in "fiu" or given.dtype.itemsize > 8:
        raise TypeError(f"{what} has dtype {given.dtype}; give real numbers (float32, float64 or integers)")
    if given.ndim != ndim:
        raise ValueError(f"{what} has {given.ndim} dimensions and shape {given.shape}; give {ndim} dimensions")
    target = (
        float_dtype(dtype) if dtype is not None else given.dtype if given.dtype in _FLOATS else np.dtype(np.float64)
    )
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(given, dtype=target)
    if given.dtype.kind in "iu" and not np.array_equal(array.astype(given.dtype), given):
        raise TypeError(f"{what} has integers that {target} cannot hold exactly; give floating-point numbers")
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(k) for k in np.argwhere(~finite)[0])
        where = f"row {place[0]}, column {place[1]}" if ndim == 2 else f"position {place[0]}"
        raise ValueError(f"{what}: the value in {where} is {given[place]}; every value must be finite in {target}")
    return array


def as_points(values: ArrayLike, what: str, dimension: int | None = None, dtype: Any = None) -> FloatArray:
    """A matrix with one point a row; ValueError if it has another number of columns than `dimension`."""
    array = as_floats(values, 2, what, dtype)
    if dimension is not None and array.shape[1] != dimension:
        raise ValueError(f"{what} has {array.shape[1]} columns; give {dimension}, one for each dimension")
    if array.shape[1] == 0:
        raise ValueError(f"{what} has no columns; points have at least one dimension")
    return array


def as_ids(values: ArrayLike, what: str = "ids") -> NDArray[np.int64]:
    """A vector of int64; TypeError for anything but integers."""
    given = np.asarray(values)
    if given.size == 0 and given.dtype.kind == "f":
        given = given.astype(np.int64)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{what} has dtype {given.dtype}; give integers")
    if given.ndim != 1:
        raise ValueError(f"{what} has {given.ndim} dimensions; give one, a list of ids")
    if given.dtype == np.uint64 and given.size and int(given.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{what} has a number above 2^63 - 1; give ids of this index")
    return np.array(given, dtype=np.int64)


def as_thresholds(values: ArrayLike, count: int) -> NDArray[np.float64]:
    """One threshold a query, in double; infinities are allowed, NaN is a ValueError. A single number serves all."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiu" or given.dtype.itemsize > 8:
        raise TypeError(f"thresholds have dtype {given.dtype}; give real numbers")
    if given.ndim == 0:
        given = np.full(count, given)
    if given.shape != (count,):
        raise ValueError(f"thresholds have shape {given.shape}; give one for each of the {count} queries")
    array = np.ascontiguousarray(given, dtype=np.float64)
    if np.isnan(array).any():
        place = int(np.flatnonzero(np.isnan(array))[0])
        raise ValueError(f"threshold {place} is nan; give a number, -inf for all points or inf for none")
    return array


def as_number(value: Any, what: str, low: float = -math.inf, positive: bool = False) -> float:
    """A finite number >= low (> 0 with `positive`); TypeError for what is no real number, ValueError for its value."""
    if isinstance(value, (bool, str, bytes)) or not np.isscalar(value) or isinstance(value, complex):
        raise TypeError(f"{what} is {value!r}; give a number")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf if int(value) > 0 else -math.inf
    if not math.isfinite(number) or number < low or (positive and number <= 0):
        bound = " > 0" if positive else "" if low == -math.inf else f" >= {low:g}"
        raise ValueError(f"{what} is {number:g}; give a finite number{bound}")
    return number


def as_integer(value: Any, what: str, low: int = 0) -> int:
    """An integer >= low; TypeError for what is none, ValueError for its value."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} is {value!r}; give an integer")
    if value < low:
        raise ValueError(f"{what} is {value}; give an integer >= {low}")
    return int(value)


def as_threads(threads: int | None) -> int:
    """`default_threads()` for None, else an integer >= 1."""
    return default_threads() if threads is None else as_integer(threads, "threads", 1)


def as_seed(seed: int) -> int:
    """An integer in [0, 2^64)."""
    number = as_integer(seed, "seed")
    if number >= 1 << 64:
        raise ValueError(f"seed is {seed}; give an integer below 2^64")
    return number


def as_labels(values: ArrayLike, count: int, loss: object) -> NDArray[np.float64]:
    """Labels as doubles, one for each of `count` inputs; which values a loss knows is the loss's own check."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"labels have dtype {given.dtype}; loss {loss!r} takes numbers")
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.shape != (count,):
        raise ValueError(f"labels have shape {given.shape}; give one for each of the {count} inputs")
    labels = np.ascontiguousarray(given, dtype=np.float64)
    if not np.isfinite(labels).all():
        place = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(f"the label in row {place} is {labels[place]}; give finite labels")
    return labels
