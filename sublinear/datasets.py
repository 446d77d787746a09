"""Data to train on: scikit-learn's bundled classification sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dataset:
    """Training and test inputs (n, d) float64 with rows of unit length, and class indices 0 ... classes - 1."""

    name: str
    X_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    classes: int

    @property
    def n_features(self) -> int:
        """d."""
        return int(self.X_train.shape[1])


def _bundled(loader: str) -> Callable[[], tuple[NDArray[Any], NDArray[Any]]]:
    def load() -> tuple[NDArray[Any], NDArray[Any]]:
        import sklearn.datasets

        return getattr(sklearn.datasets, loader)(return_X_y=True)  # type: ignore[no-any-return]

    return load


#: Every data set by name: a function that gives inputs and labels. Adding one: its line here.
DATASETS: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
    "digits": _bundled("load_digits"),
    "wine": _bundled("load_wine"),
    "iris": _bundled("load_iris"),
    "breast-cancer": _bundled("load_breast_cancer"),
}


def load_dataset(name: str, seed: int = 0, test_share: float = 0.25) -> Dataset:
    """Loads a set, standardises features that have different units, scales rows to unit length and splits it.

    The split is stratified and a function of `seed`. "digits" (pixels of one unit) is taken as it is; the features of
    the other sets are centred and divided by their standard deviation over the training rows. Raises ValueError for a
    name that is not in `DATASETS`.
    """
    if name not in DATASETS:
        raise ValueError(f"dataset is {name!r}; known are {', '.join(map(repr, DATASETS))}")
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler, normalize

    X, y = DATASETS[name]()
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_share, stratify=y, random_state=seed % 2**32
    )
    if name != "digits":
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    return Dataset(name, normalize(X_train), y_train, normalize(X_test), y_test, len(np.unique(y)))
