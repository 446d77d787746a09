"""The data sets of the benchmarks: inputs of length 1 with their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

HELP = (
    'digits, a folder with the four files of MNIST, "patches" (of photographs, 3072 features, two classes), '
    "or whatever else sublinear.load_dataset takes"
)


@dataclass(frozen=True)
class Examples:
    """Inputs (n, d), classes (n,) and how many classes; test rows where the set has its own.

    `about` is what results say of them: never a path.
    """

    inputs: Floats
    labels: Labels
    classes: int
    test: tuple[Floats, Labels] | None
    about: dict[str, Any]


def load(name: str, rows: int | None = None) -> Examples:
    """The first `rows` rows of a set, all by default; they are not split. ValueError for what is no set."""
    if name == "patches":
        inputs, labels, test = *patches(), None
        classes, about = 2, {"name": name}
    else:
        from sublinear.datasets import read_samples
        from sublinear.datasets.normalization import Normalization

        samples = read_samples(name)
        fitted, unit = Normalization.fit(samples.normalization, samples.X, name)
        inputs, labels, classes = unit.astype(np.float32), samples.y, len(samples.labels)
        test = None if samples.test is None else (fitted(samples.test[0]).astype(np.float32), samples.test[1])
        # A folder is known by its last name and by its content.
        about = {"name": name.rstrip("/").rpartition("/")[2], "sha256": samples.sha256}
    if rows is not None:
        inputs, labels = inputs[:rows], labels[:rows]
    about |= {"rows": len(inputs), "features": inputs.shape[1], "classes": classes}
    return Examples(np.ascontiguousarray(inputs), labels, classes, test, about)


def patches(count: int = 20_000, size: int = 32, seed: int = 7) -> tuple[Floats, Labels]:
    """Natural data with many features: random square patches of scikit-learn's two photographs, which are the classes.

    In random order; three colours make 3 * size * size features.
    """
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = load_sample_images().images
    inputs = np.empty((count, 3 * size * size), np.float32)
    for row, label in enumerate(labels):
        image = images[label]
        top, left = (random.integers(0, extent - size + 1) for extent in image.shape[:2])
        inputs[row] = image[top : top + size, left : left + size].ravel()
    return inputs / np.linalg.norm(inputs, axis=1, keepdims=True), labels
