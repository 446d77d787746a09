"""The classification sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from sublinear.arrays import as_integer
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


def patches(size: int = 32) -> Samples:
    """Squares of the two photographs of scikit-learn, which do not overlap; size * size * 3 colours, 2 classes: which
    photograph it is from. Needs Pillow."""
    as_integer(size, "size", 2)
    try:
        from sklearn.datasets import load_sample_images

        images = load_sample_images().images
    except ImportError as error:
        raise ImportError("the photographs need Pillow; pip install pillow") from error
    rows = [
        image[top : top + size, left : left + size].reshape(-1)
        for image in images
        for top in range(0, image.shape[0] - size + 1, size)
        for left in range(0, image.shape[1] - size + 1, size)
    ]
    if not rows:
        raise ValueError(f"size is {size}; the photographs are {' x '.join(map(str, images[0].shape[:2]))} points")
    photographs = np.repeat(np.arange(len(images)), len(rows) // len(images))
    return Samples(np.array(rows, float) / 255, photographs, "unit")


def _samples(bunch: Any, normalization: str = "standard+unit") -> Samples:
    return Samples(bunch.data, bunch.target, normalization, feature_names=tuple(map(str, bunch.feature_names)))
