"""What travels with a network in its files: what it was trained on, against what, and by which run."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from sublinear.attacks import FGSM, PGD, Attack, NoAttack
from sublinear.datasets.record import DataRecord

#: The key of the record in the metadata of a file.
RECORD = "record"

_ATTACKS: dict[str, type[Attack]] = {"PGD": PGD, "FGSM": FGSM, "none": NoAttack}


@dataclass(frozen=True)
class NetworkRecord:
    """How a network came to be, for those who load it.

    Attributes
    ----------
    data : DataRecord
        What its inputs and outputs mean: labels, fitted normalization, feature names, the hash of the training data.
        `load_dataset(...).record`.
    attack : PGD, FGSM, NoAttack or None
        That it was trained against.
    run : dict
        What `sublinear train` says of the run, as every results file does: date, command, settings, versions, build,
        machine. Any table that is ready for JSON.
    weights_sha256 : str or None
        Of the weights that the run ended with: if the network has others, they were changed since.
    """

    data: DataRecord
    attack: Attack | None = None
    run: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str | None = None

    def check(self, n_features: int, n_outputs: int) -> None:
        """ValueError unless it fits a network of these sizes."""
        classes, width = len(self.data.labels), self.data.normalization.n_outputs
        if classes != n_outputs and not (n_outputs == 1 and classes == 2):
            raise ValueError(f"the record has {classes} labels and the network {n_outputs} outputs")
        if width != n_features:
            raise ValueError(f"the record is of {width} features and the network takes {n_features}")

    def to_json(self) -> str:
        """The text in a file, ASCII."""
        content = {
            "data": self.data.as_dict(),
            "attack": None if self.attack is None else attack_settings(self.attack),
            "run": self.run,
            "weights_sha256": self.weights_sha256,
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> NetworkRecord:
        """What `to_json` gave. ValueError, TypeError or LookupError for anything else: files are not trusted."""
        content = json.loads(text)
        sha256, run = content["weights_sha256"], content["run"]
        if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("weights_sha256 is no hash")
        if not isinstance(run, dict):
            raise TypeError("run is no table")
        attack = None if content["attack"] is None else _attack_of(content["attack"])
        return cls(DataRecord.of(content["data"]), attack, run, sha256)


def attack_settings(attack: Attack) -> dict[str, Any]:
    """The attack's name and every setting, ready for JSON: an infinite norm is "inf"."""
    if not isinstance(attack, (PGD, FGSM, NoAttack)):
        raise TypeError(f"attack is {attack!r}, one of your own, which no file can hold; give a record without attack")
    name = next(name for name, known in _ATTACKS.items() if type(attack) is known)
    settings = {key: "inf" if value == math.inf else value for key, value in asdict(attack).items()}
    return {"name": name, **settings}


def _attack_of(content: dict[str, Any]) -> Attack:
    settings = dict(content)
    return _ATTACKS[settings.pop("name")](**settings)
