"""Data sets with as many training inputs and features as asked for: what sweeps take."""

from __future__ import annotations

import dataclasses
import math

from sublinear.datasets import DATASETS, Dataset, load_dataset, read_samples
from sublinear.datasets.options import option_names
from sublinear.datasets.samples import CheckedSamples


def takes_option(name: str, option: str) -> bool:
    """Whether the data set is a generator with this option."""
    loader = DATASETS.get(name.partition(":")[0])
    return loader is not None and option in option_names(loader)


def load_sized(
    name: str, inputs: int = 0, features: int = 0, seed: int = 0, normalization: str | None = None
) -> Dataset:
    """The data set with its first `inputs` training inputs and with `features` features; 0 for as many as it has.

    Generators draw as many as needed. Raises ValueError for more inputs than there are, and for features of a set that
    has its own; otherwise as `load_dataset`.
    """
    name = _sized_name(name, inputs, features)
    data = load_dataset(name, seed, normalization=normalization)
    count = inputs or len(data.X_train)
    if count > len(data.X_train):
        raise ValueError(f"inputs is {count} and {data.name} has {len(data.X_train)} training inputs; give fewer")
    record = dataclasses.replace(data.record, n_train=count)
    return dataclasses.replace(data, X_train=data.X_train[:count], y_train=data.y_train[:count], record=record)


def read_sized(name: str, inputs: int = 0, features: int = 0, seed: int = 0) -> CheckedSamples:
    """What `load_sized` takes its rows from. Raises as `read_samples`."""
    return read_samples(_sized_name(name, inputs, features), seed)


def _sized_name(name: str, inputs: int, features: int) -> str:
    if features:
        if not takes_option(name, "d"):
            raise ValueError(f"features is {features} and dataset {name!r} has its own; give a generator")
        name += f"{',' if ':' in name else ':'}d={features}"
    if inputs and takes_option(name, "n"):
        # A quarter becomes test inputs; a few more than needed, because splits are rounded.
        name += f"{',' if ':' in name else ':'}n={math.ceil(inputs / 0.75) + 4}"
    return name
