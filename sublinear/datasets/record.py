"""What a network's inputs and outputs mean: of the data it was trained on, what has to travel with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer, as_number, as_seed
from sublinear.datasets.normalization import Normalization
from sublinear.datasets.samples import CheckedSamples, Label, label_text
from sublinear.files import shortened

_SHOWN = 8  # names in a message


@dataclass(frozen=True)
class DataRecord:
    """The data a network was trained on: enough to read other data as those were read, and to know them again.

    Attributes
    ----------
    name : str
        As `load_dataset` was given it.
    sha256 : str
        Of the content before normalization and split: inputs, labels, test rows. Paths and formats do not matter.
    split_seed, test_share : int, float
        The arguments `seed` and `test_share` of `load_dataset`.
    labels : tuple of str, int, float or bool
        The label that stands for class 0, 1, ...
    feature_names : tuple of str, or None
        Where the data had names for their columns.
    normalization : Normalization
        With the statistics that it was fitted with.
    n_train : int
        Training inputs.
    """

    name: str
    sha256: str
    split_seed: int
    test_share: float
    labels: tuple[Label, ...]
    feature_names: tuple[str, ...] | None
    normalization: Normalization
    n_train: int

    def reading(self) -> dict[str, Any]:
        """Options for readers of files that say only what is not zero: these features, though the last may be zero."""
        options: dict[str, Any] = {"features": self.normalization.n_features}
        if self.feature_names is not None and self.feature_names[0] in ("0", "1"):
            options["base"] = self.feature_names[0]
        return options

    def inputs(self, samples: CheckedSamples, rows: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Rows of `samples` as the network takes them: columns by their names, normalised as the training inputs were.

        ValueError that names the columns if they are others; without names on one side their number has to fit. Of
        equal content the columns are the same, whatever they are called.
        """
        same = samples.sha256 == self.sha256
        columns = self._columns(None if same else samples.feature_names, rows.shape[1], name)
        return self.normalization(rows if columns is None else rows[:, columns], name)

    def _columns(self, names: tuple[str, ...] | None, count: int, name: str) -> NDArray[np.int64] | None:
        wanted, expected = self.feature_names, self.normalization.n_features
        if names is not None and wanted is not None and names != wanted:
            missing = [each for each in wanted if each not in names]
            strange = [each for each in names if each not in wanted]
            if missing or strange or len(set(names)) < len(names):
                told = [f"{what} {listed(each)}" for what, each in (("lacks", missing), ("has", strange)) if each]
                raise ValueError(
                    f"{name} {' and '.join(told) or 'has columns of one name'}; the network was trained on the columns "
                    f"{listed(wanted)} of {self.name}: give each of them once and no others, in any order"
                )
            return np.array([names.index(each) for each in wanted])
        if count != expected:
            raise ValueError(
                f"{name} has {count} features and the network was trained on {expected}, those of {self.name}; give "
                "data with the same columns"
            )
        return None

    def classes(self, samples: CheckedSamples, y: NDArray[np.int64]) -> NDArray[np.int64]:
        """Class indices y of `samples` as those of the network, by the names of the labels; -1 for unknown ones."""
        known = {label_text(label): index for index, label in enumerate(self.labels)}
        translation = np.array([known.get(label_text(label), -1) for label in samples.labels], np.int64)
        return translation[y]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        names = None if self.feature_names is None else list(self.feature_names)
        content = {**vars(self), "labels": list(self.labels), "feature_names": names}
        return content | {"normalization": self.normalization.as_dict()}

    @classmethod
    def of(cls, content: dict[str, Any]) -> DataRecord:
        """What `as_dict` gave. ValueError, TypeError or KeyError for anything else: it may come from anybody's file."""
        labels, names = content["labels"], content["feature_names"]
        if not isinstance(labels, list) or not all(isinstance(each, (str, int, float)) for each in labels):
            raise TypeError("labels are not texts and numbers")
        if len({label_text(each) for each in labels}) < len(labels):
            raise ValueError("a label is there twice")
        normalization = Normalization.of(content["normalization"])
        if names is not None and not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
            raise TypeError("feature_names are not texts")
        if names is not None and len(names) != normalization.n_features:
            raise ValueError("feature_names are not one for each feature")
        if not isinstance(content["name"], str) or not re.fullmatch("[0-9a-f]{64}", content["sha256"]):
            raise ValueError("the name or hash of the data is none")
        return cls(
            content["name"],
            content["sha256"],
            as_seed(content["split_seed"]),
            as_number(content["test_share"], "test_share", positive=True),
            tuple(labels),
            None if names is None else tuple(names),
            normalization,
            as_integer(content["n_train"], "n_train", 1),
        )


def listed(names: tuple[str, ...] | list[str]) -> str:
    """The first names, for messages."""
    shown = ", ".join(repr(shortened(each)) for each in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
