"""What every source of data gives, and the one way it is checked, identified and split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_points
from sublinear.identity import content_hash

#: The value of a label as files have it.
Label = str | int | float | bool

Rows = tuple[NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True)
class Samples:
    """Inputs (n, d) and labels (n,) of any kind as a source gives them, its test rows if it has any, the normalization
    that suits it, and the names of the d features where the source has them.

    `description` says what a reader took for what, `doubts` in which of that it may be wrong, and how to say it.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    normalization: str = "standard+unit"
    X_test: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None
    feature_names: tuple[str, ...] | None = None
    description: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedSamples:
    """The same with float64 inputs and class indices: `labels` are the values that stand for 0, 1, ...

    `sha256` identifies the content: inputs, labels and their values, test rows; not names, paths or formats.
    """

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    labels: tuple[Label, ...]
    test: Rows | None
    normalization: str
    feature_names: tuple[str, ...] | None
    sha256: str
    description: str = ""


def label_text(label: Label) -> str:
    """The name of a class: its text; of a whole number its digits, whether it was written 3 or 3.0."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def check(samples: Samples, name: str) -> CheckedSamples:
    """ValueError for inputs that are not finite or differ in number from the labels, and unknown test labels."""
    X = as_points(samples.X, f"{name}: inputs", dtype=np.float64)
    values, y = _class_indices(samples.y, len(X), f"{name}: labels")
    test: Rows | None = None
    if samples.X_test is not None and samples.y_test is not None:
        X_test = as_points(samples.X_test, f"{name}: test inputs", X.shape[1], np.float64)
        test_values, test_indices = _class_indices(samples.y_test, len(X_test), f"{name}: test labels")
        unknown = np.flatnonzero(~np.isin(test_values, values))
        if unknown.size:
            row = int(np.flatnonzero(np.isin(test_indices, unknown))[0])
            raise ValueError(f"{name}: test label {samples.y_test[row]} in row {row} is not among the training labels")
        test = X_test, np.searchsorted(values, test_values)[test_indices]
    labels: tuple[Label, ...] = tuple(map(float, values) if values.dtype.kind == "f" else values.tolist())
    sha256 = content_hash(X, y, *(test or (None, None)), np.array([label_text(label) for label in labels], np.str_))
    names = samples.feature_names
    if names is not None and len(names) != X.shape[1]:
        raise ValueError(f"{name} has {X.shape[1]} features and names for {len(names)}; give one for each")
    return CheckedSamples(X, y, labels, test, samples.normalization, names, sha256, samples.description)


def split(samples: CheckedSamples, name: str, test_share: float, seed: int) -> tuple[Rows, Rows]:
    """Training and test rows.

    Without test rows of its own a set is split by scikit-learn, stratified, a function of `seed`. ValueError for fewer
    than two classes, and for classes too small.
    """
    X, y, labels = samples.X, samples.y, samples.labels
    if len(labels) < 2:
        raise ValueError(f"{name} has {_classes(labels)}; give at least two classes")
    if samples.test is not None:
        return (X, y), samples.test
    counts = np.bincount(y)
    if counts.min() < 2:
        small = int(counts.argmin())
        row = int(np.flatnonzero(y == small)[0])
        raise ValueError(f"{name}: class {labels[small]} has 1 row, row {row}; a split into training and test needs 2")
    n_test = math.ceil(test_share * len(X))
    if min(n_test, len(X) - n_test) < len(labels):
        raise ValueError(
            f"{name}: test_share {test_share:g} leaves {len(X) - n_test} training and {n_test} test rows for "
            f"{len(labels)} classes; give one that leaves as many rows as classes to both"
        )
    from sklearn.model_selection import train_test_split

    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_share, stratify=y, random_state=seed % 2**32
    )
    return (X_train, y_train), (X_test, y_test)


def _class_indices(labels: NDArray[Any], count: int, what: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values there are, sorted, and the position of each label among them."""
    given = np.asarray(labels)
    if given.dtype.kind == "O":
        strange = next((row for row, value in enumerate(given.flat) if not isinstance(value, str)), None)
        if strange is not None:
            raise ValueError(f"{what}: the label in row {strange} is {given.flat[strange]!r}; give text or numbers")
        given = given.astype(str)
    if given.dtype.kind == "S":
        given = np.char.decode(given, "utf-8", "backslashreplace")
    if given.dtype.kind not in "fiubU":
        raise TypeError(f"{what} have dtype {given.dtype}; give text or numbers")
    if given.shape == (count, 1):
        given = given[:, 0]
    if given.shape != (count,):
        raise ValueError(f"{what} have shape {given.shape}; give one for each of the {count} inputs")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        row = int(np.flatnonzero(~np.isfinite(given))[0])
        raise ValueError(f"{what}: the label in row {row} is {given[row]}; give finite labels")
    values, indices = np.unique(given, return_inverse=True)
    return values, indices.astype(np.int64)


def _classes(labels: tuple[Label, ...]) -> str:
    return f"one class only, {labels[0]}" if labels else "no rows"
