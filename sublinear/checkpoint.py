"""Where a training run stood: enough to go on with the same bits."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.files import write_whole
from sublinear.network import TwoLayerNetwork

_FORMAT = "sublinear-checkpoint-1"
_ARRAYS = ("weights", "biases", "output_weights")


@dataclass
class Checkpoint:
    """A network between two steps of training.

    Trained weights are a function of the data, the settings and the steps taken, not of any structure; so the network
    and the number of steps are all that training needs to go on, bit for bit.

    Attributes
    ----------
    network : TwoLayerNetwork
    steps_done : int
    settings : dict
        What the run was started with: text, numbers, True, False and None.
    history : dict
        Figures of the epochs that ended, as `History.as_dict` gives them.
    best : TwoLayerNetwork or None
        The network of the best epoch so far, where one is sought.
    """

    network: TwoLayerNetwork
    steps_done: int
    settings: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[Any]] = field(default_factory=dict)
    best: TwoLayerNetwork | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file, whole or not at all: a kill or a full disk leaves the one before."""
        from safetensors.numpy import save

        arrays = _arrays(self.network)
        if self.best is not None:
            arrays |= {"best": np.array(self.best.weights), "best_biases": np.array(self.best.biases)}
        state = {
            "steps_done": self.steps_done,
            "threshold": self.network.threshold,
            "scale": self.network.scale,
            "activation": self.network.activation,
            "settings": self.settings,
            "history": self.history,
        }
        write_whole(Path(path), save(arrays, {"format": _FORMAT, "state": json.dumps(state)}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """What `save` wrote. ValueError for a file that is damaged or no checkpoint."""
        from safetensors import SafetensorError, safe_open

        with Path(path).open("rb"):  # a missing file is FileNotFoundError, whatever the parser would make of it
            pass
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise ValueError(f"{path} is no checkpoint: its format is {metadata.get('format')!r}")
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
                best = file.get_tensor("best") if "best" in file.keys() else None  # noqa: SIM118
                best_biases = None if best is None else file.get_tensor("best_biases")
            state = json.loads(metadata["state"])
            options = {name: state[name] for name in ("threshold", "scale", "activation")}
            steps, settings, history = state["steps_done"], state["settings"], state["history"]
            if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
                raise TypeError(f"steps_done is {steps!r}")
            if not isinstance(settings, dict) or not isinstance(history, dict):
                raise TypeError("settings or history is no table")
            network = TwoLayerNetwork(arrays["weights"], arrays["output_weights"], arrays["biases"], **options)
            if best is not None:
                if best.shape != arrays["weights"].shape or best.dtype != arrays["weights"].dtype:
                    raise TypeError("the best weights do not fit the others")
                best = TwoLayerNetwork(best, arrays["output_weights"], best_biases, **options)
            return cls(network, steps, settings, history, best)
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is damaged or no checkpoint: {error}") from error


def _arrays(network: TwoLayerNetwork) -> dict[str, NDArray[Any]]:
    return {name: np.array(getattr(network, name)) for name in _ARRAYS}
