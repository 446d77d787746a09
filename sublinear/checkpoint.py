"""Where a training run stood: enough to go on with the same bits."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer
from sublinear.files import reading_tensors, write_whole
from sublinear.network import TwoLayerNetwork
from sublinear.network_record import RECORD, NetworkRecord

_FORMAT = "sublinear-checkpoint-1"
_ARRAYS = ("weights", "biases", "output_weights")
_OPTIMIZER = "optimizer."  # before the names of its arrays


@dataclass
class Checkpoint:
    """A network between two steps of training.

    Trained weights are a function of the data, the settings and the steps taken, not of any structure; so the network,
    the number of steps and what the optimizer remembers are all that training needs to go on, bit for bit.

    Attributes
    ----------
    network : TwoLayerNetwork
        With its record, if it has one.
    steps_done : int
    settings : dict
        What the run was started with: text, numbers, True, False and None.
    history : dict
        Figures of the epochs that ended, as `History.as_dict` gives them.
    epoch : dict
        Sums over the steps of the epoch that has not ended, as `train` keeps them.
    best : TwoLayerNetwork or None
        The network of the best epoch so far, where one is sought.
    optimizer : dict
        What the optimizer remembers, as `Trainer.optimizer_state` gives it.
    """

    network: TwoLayerNetwork
    steps_done: int
    settings: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[Any]] = field(default_factory=dict)
    best: TwoLayerNetwork | None = None
    epoch: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, NDArray[Any]] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file, whole or not at all: a kill or a full disk leaves the one before."""
        from safetensors.numpy import save

        arrays = self.network.copied_arrays()
        if self.best is not None:
            arrays |= {"best": np.array(self.best.weights), "best_biases": np.array(self.best.biases)}
        arrays |= {_OPTIMIZER + name: array for name, array in self.optimizer.items()}
        state = {
            "steps_done": self.steps_done,
            "threshold": self.network.threshold,
            "scale": self.network.scale,
            "activation": self.network.activation,
            "settings": self.settings,
            "history": self.history,
            "epoch": self.epoch,
        }
        metadata = {"format": _FORMAT, "state": json.dumps(state)}
        if self.network.record is not None:
            metadata[RECORD] = self.network.record.to_json()
        write_whole(Path(path), save(arrays, metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """What `save` wrote. ValueError for a file that is damaged or no checkpoint."""
        with reading_tensors(path, "checkpoint", _FORMAT) as (file, metadata):
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            best = file.get_tensor("best") if "best" in file.keys() else None  # noqa: SIM118
            best_biases = None if best is None else file.get_tensor("best_biases")
            remembered = {
                name.removeprefix(_OPTIMIZER): file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118
                if name.startswith(_OPTIMIZER)
            }
            state = json.loads(metadata["state"])
            options = {name: state[name] for name in ("threshold", "scale", "activation")}
            steps, settings, history = state["steps_done"], state["settings"], state["history"]
            if as_integer(steps, "steps_done") >= 1 << 63:
                raise ValueError(f"steps_done is {steps}")
            epoch = state.get("epoch", {})
            _check_tables(settings, history, epoch)
            network = TwoLayerNetwork(arrays["weights"], arrays["output_weights"], arrays["biases"], **options)
            if best is not None:
                if best.shape != arrays["weights"].shape or best.dtype != arrays["weights"].dtype:
                    raise TypeError("the best weights do not fit the others")
                best = TwoLayerNetwork(best, arrays["output_weights"], best_biases, **options)
            if RECORD in metadata:  # checkpoints of earlier versions have none
                record = NetworkRecord.from_json(metadata[RECORD])
                for each in (network, best):
                    if each is not None:
                        each.record = record
            return cls(network, steps, settings, history, best, epoch, remembered)


def _check_tables(settings: Any, history: Any, epoch: Any) -> None:
    """Holds them to what `Checkpoint` says of them."""
    if not (isinstance(settings, dict) and isinstance(history, dict) and isinstance(epoch, dict)):
        raise TypeError("settings, history or epoch is no table")
    for name, value in settings.items():
        if not isinstance(value, (str, int, float, NoneType)):
            raise TypeError(f"setting {name!r} is {value!r}")
    for name, column in history.items():
        if not isinstance(column, list):
            raise TypeError(f"{name!r} of the history is no list")
