"""The classification sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

from sublinear.datasets.samples import Samples


def digits() -> Samples:
    """1797 handwritten digits, 64 pixels of one unit, 10 classes."""
    from sklearn.datasets import load_digits

    return _samples(load_digits(), "unit")


def wine() -> Samples:
    """178 wines, 13 measurements, 3 cultivars."""
    from sklearn.datasets import load_wine

    return _samples(load_wine())


def iris() -> Samples:
    """150 irises, 4 measurements, 3 species."""
    from sklearn.datasets import load_iris

    return _samples(load_iris())


def breast_cancer() -> Samples:
    """569 tumours, 30 measurements, 2 classes."""
    from sklearn.datasets import load_breast_cancer

    return _samples(load_breast_cancer())


def _samples(bunch: Any, normalization: str = "standard+unit") -> Samples:
    return Samples(bunch.data, bunch.target, normalization, feature_names=tuple(map(str, bunch.feature_names)))
