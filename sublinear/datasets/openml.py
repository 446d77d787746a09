"""Data sets of openml.org, by scikit-learn."""

from __future__ import annotations

from http.client import HTTPException

import numpy as np

from sublinear.datasets.memory import require_memory
from sublinear.datasets.samples import Samples


def fetch(text: str) -> Samples:
    """The set "NAME" or "NAME:VERSION" (an integer; without it the oldest that is active), from the network or
    scikit-learn's cache.

    ConnectionError if it cannot be fetched; ValueError for an unknown name, missing values, columns that are no
    numbers, and a set without one target.
    """
    name, colon, version = text.partition(":")
    what = f"openml:{text}"
    if not name or (colon and not (version.isascii() and version.isdigit())):
        raise ValueError(f"dataset is {what!r}; give openml:NAME or openml:NAME:VERSION, the version an integer")
    from sklearn.datasets import fetch_openml

    try:
        # Not the parser of pandas: it need not be installed, and may round numbers otherwise.
        fetched = fetch_openml(
            name=name, version=int(version) if colon else "active", as_frame=False, parser="liac-arff"
        )
    except (OSError, HTTPException) as error:
        raise ConnectionError(
            f"{what} could not be fetched from openml.org: {error}; check the network, or give a file"
        ) from error
    except (ValueError, IndexError) as error:
        raise ValueError(f"{what} could not be loaded: {error}") from error
    X, y, names = fetched.data, fetched.target, list(fetched.feature_names)
    categorical = [each for each in names if each in (fetched.categories or {})]
    if categorical:
        raise ValueError(
            f"{what} has columns that are categories: {', '.join(categorical)}; give a set of numbers, or a file in "
            "which they are encoded"
        )
    if y is None or np.ndim(y) != 1:
        raise ValueError(f"{what} has no single target column; give a classification set")
    if hasattr(X, "toarray"):
        require_memory(X.shape[0], X.shape[1], what)
        X = X.toarray()
    missing = np.argwhere(np.isnan(X))
    if missing.size:
        row, column = missing[0]
        raise ValueError(
            f"{what} has {len(missing)} missing values, the first in row {row}, column {names[column]!r}; give a set "
            "without, or a file in which they are filled"
        )
    return Samples(X, y, feature_names=tuple(map(str, names)))
