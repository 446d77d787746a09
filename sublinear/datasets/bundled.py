"""The classification sets that come with scikit-learn."""

from __future__ import annotations

from sublinear.datasets.samples import Samples


def digits() -> Samples:
    """1797 handwritten digits, 64 pixels of one unit, 10 classes."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Samples(X, y, normalization="unit")


def wine() -> Samples:
    """178 wines, 13 measurements, 3 cultivars."""
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True)
    return Samples(X, y)


def iris() -> Samples:
    """150 irises, 4 measurements, 3 species."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return Samples(X, y)


def breast_cancer() -> Samples:
    """569 tumours, 30 measurements, 2 classes."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return Samples(X, y)
