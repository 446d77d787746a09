"""Data to train on: bundled sets, generators, OpenML and files, split and normalised in one way."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear.arrays import as_number, as_seed
from sublinear.datasets import bundled, csv_file, generators, idx, libsvm, npz, openml
from sublinear.datasets.normalization import Normalization, normalization_steps
from sublinear.datasets.options import call_with_options, option_names, options_of
from sublinear.datasets.record import DataRecord
from sublinear.datasets.samples import CheckedSamples, Samples, check, split
from sublinear.datasets.slice import from_slice, to_slice

__all__ = [
    "DATASETS",
    "FILES",
    "DataRecord",
    "Dataset",
    "Samples",
    "dataset_name",
    "dataset_of",
    "describe_datasets",
    "from_slice",
    "load_dataset",
    "read_samples",
    "to_slice",
]


_LOG = logging.getLogger("sublinear")


@dataclass(frozen=True)
class Dataset:
    """Training and test inputs (n, d) float64, C-contiguous, and class indices 0 ... classes - 1 as int64.

    `normalization` says what was done to the inputs, such as "standard+unit"; `load_dataset` explains it. `record` says
    what has to travel with a network that is trained on them: labels, statistics, the hash of the content;
    `description` what the reader of a file took for what: header, label, index.
    """

    name: str
    X_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    classes: int
    normalization: str
    record: DataRecord
    description: str = ""

    @property
    def n_features(self) -> int:
        """d."""
        return int(self.X_train.shape[1])

    def as_dict(self) -> dict[str, Any]:
        """What results say of their data, ready for JSON."""
        return {
            "name": self.name,
            "sha256": self.record.sha256,
            "n_train": len(self.X_train),
            "n_test": len(self.X_test),
            "n_features": self.n_features,
            "classes": self.classes,
            "labels": list(self.record.labels),
            "normalization": self.normalization,
            "split_seed": self.record.split_seed,
            "test_share": self.record.test_share,
            "description": self.description,
        }


#: Every data set with a name: a function that gives `Samples`. Its parameters, each with a default that is an integer
#: or a float, are the options of the name ("teacher:n=2000,d=16"); `seed`, if it is one, is that of `load_dataset`
#: unless given. Adding one: its line here.
DATASETS: dict[str, Callable[..., Samples]] = {
    "digits": bundled.digits,
    "wine": bundled.wine,
    "iris": bundled.iris,
    "breast-cancer": bundled.breast_cancer,
    "patches": bundled.patches,
    "sphere": generators.sphere,
    "teacher": generators.teacher,
    "gaussian-mixture": generators.gaussian_mixture,
    "low-dimensional": generators.low_dimensional,
}

#: What reads a file, by the end of its name without ".gz": a function of the path whose other parameters, with defaults
#: as for `DATASETS` or that are text, are the options ("data.csv:label=first"). Adding a format: its line here.
FILES: dict[str, Callable[..., Samples]] = {
    ".npz": npz.read,
    ".csv": csv_file.read,
    ".svm": libsvm.read,
    ".svmlight": libsvm.read,
    ".libsvm": libsvm.read,
    "images-idx3-ubyte": idx.read,
    "images.idx3-ubyte": idx.read,
}


def describe_datasets() -> str:
    """What the name of a data set can be: one paragraph, for help texts."""
    plain = [name for name, loader in DATASETS.items() if not option_names(loader)]
    drawn = [f"{name} ({', '.join(option_names(loader))})" for name, loader in DATASETS.items() if option_names(loader)]
    options = {end: ", ".join(option_names(reader)) for end, reader in FILES.items()}
    files = [f"{end} ({names})" if names else end for end, names in options.items()]
    return (
        f"A bundled set: {', '.join(plain)}; one with options, as in teacher:n=2000,d=16: {', '.join(drawn)}; "
        f"openml:NAME or openml:NAME:VERSION; a file, with options as in data.csv:label=first, whose name ends in "
        f"{', '.join(files)}, or in these and .gz; or a folder with the four files of MNIST."
    )


def load_dataset(
    name: str | os.PathLike[str], seed: int = 0, test_share: float = 0.25, normalization: str | None = None
) -> Dataset:
    """Loads or draws a data set, splits it and normalises the inputs.

    Parameters
    ----------
    name : str or path-like
        A key of `DATASETS`, with options after a colon ("sphere:n=500,delta=0.3"); "openml:NAME" or
        "openml:NAME:VERSION"; or a path: a file that `FILES` knows by the end of its name, ".gz" allowed, with options
        after a colon too ("data.csv:label=first"), or a folder with MNIST's four files. `describe_datasets` lists them.
    seed : int in [0, 2^64)
        Of the split, and of generators that are given no seed of their own.
    test_share : float in (0, 1)
        Of the rows, stratified by class. Of no meaning where the set comes with test rows.
    normalization : str, optional
        "none", or steps joined by "+" that are done in order, fitted on the training rows: "standard" (centred, divided
        by the standard deviation), "minmax" (to [0, 1]), "unit" (rows to length 1; a row of zeros stays), "slice"
        (`to_slice`, with the root mean square of the training rows' lengths; two more features). Default: the
        set's own: "unit" for digits, IDX images and gaussian-mixture, "none" for the other generators, whose rows have
        length 1, "standard+unit" for all else.

    Labels become 0 ... classes - 1 in the order of their values. What a reader took for what (header, label, index) is
    in `Dataset.description` and in the log "sublinear", there with warnings of what it is not sure of. Raises
    ValueError for names, options and files that are wrong, with the place; OSError for what cannot be read or fetched;
    MemoryError for what is too large.
    """
    seed = as_seed(seed)
    share = as_number(test_share, "test_share", positive=True)
    if share >= 1:
        raise ValueError(f"test_share is {share:g}; give a share of the rows between 0 and 1")
    if normalization is not None:
        normalization_steps(normalization)
    samples = read_samples(name, seed)
    return prepared(samples, dataset_name(name), seed, share, normalization)


def dataset_of(
    X: ArrayLike,
    y: ArrayLike,
    name: str = "arrays",
    seed: int = 0,
    test_share: float = 0.25,
    normalization: str = "none",
) -> Dataset:
    """A data set from arrays: inputs (n, d) and labels (n,), numbers or text, split and normalised as `load_dataset`.

    Raises as `load_dataset`.
    """
    samples = check(Samples(np.asarray(X), np.asarray(y), normalization), name)
    return prepared(samples, name, as_seed(seed), as_number(test_share, "test_share", positive=True))


def read_samples(
    name: str | os.PathLike[str], seed: int = 0, options: Mapping[str, Any] | None = None
) -> CheckedSamples:
    """All rows of a data set, neither split nor normalised. Parameters and errors as in `load_dataset`.

    `options` are for readers of files that take them, where `name` does not give them.
    """
    name = dataset_name(name)
    samples = _samples(name, as_seed(seed), options or {})
    for level, texts in ((logging.INFO, [samples.description]), (logging.WARNING, samples.doubts)):
        for text in filter(None, texts):
            _LOG.log(level, "%s: %s", name, text)
    return check(samples, name)


def dataset_name(name: str | os.PathLike[str]) -> str:
    """The text that names a data set; a path that reads like the name of another set is given from its folder on."""
    if isinstance(name, str):
        return name
    if not isinstance(name, os.PathLike):
        raise TypeError(f"dataset is {name!r}; give its name or path")
    text = os.fspath(name)
    head = text.partition(":")[0]
    return os.path.join(os.curdir, text) if head in DATASETS or head == "openml" else text


def prepared(
    samples: CheckedSamples, name: str, seed: int, test_share: float = 0.25, normalization: str | None = None
) -> Dataset:
    """What `load_dataset` makes of the samples that it read."""
    (X_train, y_train), (X_test, y_test) = split(samples, name, test_share, seed)
    done = samples.normalization if normalization is None else normalization
    fitted, X_train = Normalization.fit(done, X_train, name)
    record = DataRecord(
        name, samples.sha256, seed, test_share, samples.labels, samples.feature_names, fitted, len(X_train)
    )
    X_test, classes = fitted(X_test, name), len(samples.labels)
    return Dataset(name, X_train, y_train, X_test, y_test, classes, done, record, samples.description)


def _samples(name: str, seed: int, defaults: Mapping[str, Any]) -> Samples:
    head, colon, rest = name.partition(":")
    if head in DATASETS:
        return call_with_options(head, DATASETS[head], rest if colon else None, seed)
    if head == "openml":
        return openml.fetch(rest)
    path, options = _path_and_options(name)
    reader = _reader(path)
    if Path(path).is_dir():
        return idx.read_folder(Path(path))
    if reader is not None:
        given = options_of(path, reader, options)
        given = {option: value for option, value in defaults.items() if option in option_names(reader)} | given
        if not Path(path).exists():
            raise FileNotFoundError(f"dataset is {path!r}; there is no such file")
        return reader(Path(path), **given)
    if Path(name).exists():
        raise ValueError(f"dataset is {name!r}; files are known by the ends of their names: {', '.join(FILES)}")
    raise ValueError(
        f"dataset is {name!r}; known are {', '.join(map(repr, DATASETS))}, 'openml:NAME', and files that end in "
        f"{', '.join(FILES)}"
    )


def _reader(path: str) -> Callable[..., Samples] | None:
    ending = path.lower().removesuffix(".gz")
    return next((FILES[each] for each in FILES if ending.endswith(each)), None)


def _path_and_options(name: str) -> tuple[str, str | None]:
    """The path and the options after it, or None; paths may have colons themselves."""
    parts = [] if Path(name).exists() else name.split(":")
    for k in range(len(parts) - 1, 0, -1):
        path, options = ":".join(parts[:k]), ":".join(parts[k:])
        if _reader(path) is not None:
            return path, options
    return name, None
