"""The rows on which `sublinear evaluate` judges a network: read as its training data were, and not trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.checkpoint import Checkpoint
from sublinear.datasets import DataRecord, load_dataset, read_samples
from sublinear.datasets.record import listed
from sublinear.datasets.samples import CheckedSamples, label_text, split
from sublinear.identity import short_hash, weights_hash
from sublinear.network import TwoLayerNetwork
from sublinear.training_run import CHECKPOINT, NETWORK


@dataclass(frozen=True)
class JudgedData:
    """Inputs as the network takes them, and its class indices.

    `part` says which rows of the set they are; `left_out` counts rows whose label the network does not know; `notices`
    are what the reader of a figure has to know.
    """

    name: str
    sha256: str
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    part: str
    left_out: int = 0
    notices: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """What results say of it."""
        told = {"name": self.name, "sha256": self.sha256, "part": self.part, "rows": len(self.X)}
        return {**told, "left_out": self.left_out, "notices": self.notices}


def find_network(path: Path) -> tuple[TwoLayerNetwork, Path]:
    """The network in a file, or in the folder of a training run, and the file it is in.

    Of a run that has not ended, or was resumed since it did, and of a checkpoint, the best network so far where one was
    sought, else the last.
    """
    files = [path]
    if path.is_dir():
        files = [path / name for name in (NETWORK, CHECKPOINT) if (path / name).is_file()]
        if not files:
            raise FileNotFoundError(
                f"{path} holds no training run; give a folder that sublinear train wrote, or a file"
            )
    networks = [_network_in(file) for file in files]
    latest = max(range(len(files)), key=lambda k: _sessions_before(networks[k]))  # the first of equal ones
    return networks[latest], files[latest]


def _network_in(file: Path) -> TwoLayerNetwork:
    if file.name != CHECKPOINT:
        return TwoLayerNetwork.load(file)
    state = Checkpoint.load(file)
    return state.best or state.network


def _sessions_before(net: TwoLayerNetwork) -> int:
    """How often the run of the network had been resumed when it was written."""
    sessions = None if net.record is None else net.record.run.get("sessions")
    return len(sessions) if isinstance(sessions, list) else 0


def judged_data(
    net: TwoLayerNetwork,
    file: Path,
    dataset: str | None = None,
    seed: int | None = None,
    normalization: str | None = None,
    skip_unknown: bool = False,
) -> JudgedData:
    """The rows to judge `net`, of `file`, on.

    The network's record says how they are read: labels and columns are matched by name, inputs normalised with the
    statistics of training. Of the data it was trained on, by whatever path, the rows that were held out then; of other
    data their test rows if they come with some, else all rows. `dataset` is that of training unless given; `seed` draws
    generators anew. Rows with labels that the network does not know are refused, or left out with `skip_unknown`.

    A network without a record was trained by hand or by an earlier version: `dataset`, `seed` and `normalization` are
    those of `load_dataset` then, its test rows are judged, and a notice says so.

    ValueError for what does not fit, by name; OSError for what cannot be read.
    """
    if net.record is None:
        return _without_record(net, file, dataset, seed or 0, normalization)
    record = net.record.data
    if normalization not in (None, record.normalization.text):
        raise ValueError(
            f"normalization is {normalization!r} and {file} brings its own, {record.normalization.text}, with the "
            "statistics of its training data; leave it out"
        )
    name = record.name if dataset is None else dataset
    samples = _read(name, record, dataset is None, seed)
    rows, y, part = _part(samples, record, name, file, dataset is None, seed)
    classes = record.classes(samples, y)
    known = classes >= 0
    if not known.all() and not skip_unknown:
        raise ValueError(_unknown(samples, y[~known], record, name))
    X = record.inputs(samples, rows[known], name)
    data = JudgedData(name, samples.sha256, X, classes[known], part, int((~known).sum()))
    data.notices.extend(_notices(net, samples, name, data.left_out))
    return data


def _read(name: str, record: DataRecord, as_trained: bool, seed: int | None) -> CheckedSamples:
    try:
        return read_samples(name, record.split_seed if seed is None else seed, record.reading())
    except FileNotFoundError as error:
        if not as_trained:
            raise
        raise FileNotFoundError(f"{error}, which the network was trained on; say where it is with --dataset") from error


def _part(
    samples: CheckedSamples, record: DataRecord, name: str, file: Path, as_trained: bool, seed: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], str]:
    """Rows, labels and a name for them."""
    if samples.sha256 == record.sha256:
        if seed is not None and seed != record.split_seed:
            raise ValueError(
                f"seed is {seed} and {file} was trained on the split of seed {record.split_seed}: rows that it was "
                "trained on would be judged; leave the seed out"
            )
        _, (rows, y) = split(samples, name, record.test_share, record.split_seed)
        return rows, y, "test rows" if samples.test else f"rows held out by the split of seed {record.split_seed}"
    if as_trained and seed is None:
        raise ValueError(
            f"{name} has other content than {file} was trained on: sha256 {short_hash(samples.sha256)}, there "
            f"{short_hash(record.sha256)}; rows that were held out cannot be told from others. Put the data back, or "
            "name data with --dataset, all of whose rows are then judged"
        )
    if samples.test is not None:
        return (*samples.test, "test rows")
    return samples.X, samples.y, "all rows"


def _unknown(samples: CheckedSamples, y: NDArray[np.int64], record: DataRecord, name: str) -> str:
    strange = listed([label_text(samples.labels[index]) for index in np.unique(y)])
    known = listed([label_text(label) for label in record.labels])
    return (
        f"{name} has {len(y)} rows of the labels {strange}, which the network does not know: it knows {known}, those "
        f"of {record.name}; give rows of these, or leave the others out with --skip-unknown"
    )


def _notices(net: TwoLayerNetwork, samples: CheckedSamples, name: str, left_out: int) -> list[str]:
    assert net.record is not None
    record, told = net.record.data, []
    if left_out:
        told.append(f"{left_out} rows of {name} with labels that the network does not know are left out")
    if samples.sha256 != record.sha256 and (samples.feature_names is None) != (record.feature_names is None):
        without = name if samples.feature_names is None else record.name
        told.append(f"{without} has no names for its columns: columns are taken in their order")
    if net.record.weights_sha256 not in (None, weights_hash(net)):
        told.append("the weights are not those that the network's record is of: they were changed since")
    return told


def _without_record(
    net: TwoLayerNetwork, file: Path, dataset: str | None, seed: int, normalization: str | None
) -> JudgedData:
    if dataset is None:
        raise ValueError(f"{file} does not say what it was trained on; name the data with --dataset")
    data = load_dataset(dataset, seed, normalization=normalization)
    if (net.n_features, net.n_outputs) != (data.n_features, data.classes):
        raise ValueError(
            f"{file} takes {net.n_features} features and has {net.n_outputs} outputs; {dataset} has "
            f"{data.n_features} features and {data.classes} classes"
        )
    notice = (
        f"{file} does not say what it was trained on: labels are taken in their order, inputs are normalised by "
        f"statistics of {dataset}, and rows may be judged that it was trained on"
    )
    return JudgedData(
        dataset, data.record.sha256, data.X_test, data.y_test, f"test rows of the split of seed {seed}", 0, [notice]
    )
