"""The recipes that `time_to_robust_accuracy.py` chooses from, for MNIST with inputs of length 1."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

OURS, RIVAL = "sublinear", "pytorch"


@dataclass(frozen=True)
class Threat:
    """An adversary, and the robust accuracy that is to be reached."""

    norm: float
    radius: float
    target: float


THREATS = {"l2": Threat(2, 0.1, 0.86), "linf": Threat(math.inf, 0.011, 0.80)}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the rate falls linearly to 0.

    `kappa` is the threshold in standard deviations of a first pre-activation: 0 is ReLU, None the library's default.
    "first": only the first layer is trained, the other holds signs. "both": both, and biases, from PyTorch's own
    start; then there is no threshold.
    """

    side: str
    width: int
    rate: float
    epochs: int
    batch: int = 128
    attack_steps: int = 10
    kappa: float | None = None
    optimizer: str = "gradient"  # "momentum" is 0.9
    layers: str = "first"

    def __post_init__(self) -> None:
        if self.side == OURS and self.layers != "first":
            raise ValueError("this library trains the first layer")
        if self.layers == "both" and self.kappa:
            raise ValueError("there is no threshold where both layers are trained")

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def text(self) -> str:
        """In short; batches of 128 and PGD-10 are not mentioned."""
        parts = [f"width {self.width}", f"rate {self.rate:g}", f"{self.epochs} epochs"]
        parts += [f"batch {self.batch}"] if self.batch != 128 else []
        parts += ["ReLU" if self.kappa == 0 else f"kappa {self.kappa:g}"] if self.kappa is not None else []
        parts += [self.optimizer] if self.optimizer != "gradient" else []
        parts += ["both layers"] if self.layers == "both" else []
        parts += [f"PGD-{self.attack_steps}"] if self.attack_steps != 10 else []
        return ", ".join(parts)


def ours(width: int, rate: float, epochs: int, **others: Any) -> Recipe:
    return Recipe(OURS, width, rate, epochs, **others)


def rival(width: int, rate: float, epochs: int, optimizer: str, **others: Any) -> Recipe:
    first = others.get("layers", "first") == "first"
    return Recipe(RIVAL, width, rate, epochs, optimizer=optimizer, kappa=0.0 if first else None, **others)


# Of both sides: the recipes that a search of other widths, rates, thresholds, batches and steps on MNIST left.
RECIPES: dict[str, list[Recipe]] = {
    "l2": [
        ours(2048, 1000, 1, batch=32, attack_steps=3),
        ours(1024, 1000, 1, batch=32, attack_steps=3),
        ours(1024, 1000, 2, batch=32, attack_steps=3),
        ours(1024, 60, 1, batch=64, attack_steps=3, kappa=0.5, optimizer="momentum"),
        rival(512, 60, 2, "momentum", batch=64, attack_steps=3),
        rival(256, 60, 2, "momentum", batch=64, attack_steps=3),
        rival(256, 60, 3, "momentum", batch=64, attack_steps=3),
        rival(256, 0.005, 2, "adam", batch=64, attack_steps=3, layers="both"),
        rival(512, 60, 3, "momentum", attack_steps=5),
    ],
    "linf": [
        ours(1024, 60, 3, batch=64, attack_steps=3, kappa=0.5, optimizer="momentum"),
        ours(1024, 60, 2, batch=64, attack_steps=5, kappa=0.5, optimizer="momentum"),
        ours(2048, 60, 2, batch=64, attack_steps=3, kappa=0.5, optimizer="momentum"),
        ours(1024, 60, 3, batch=64, attack_steps=5, kappa=0, optimizer="momentum"),
        rival(256, 0.005, 2, "adam", batch=64, attack_steps=5, layers="both"),
        rival(512, 0.005, 1, "adam", batch=64, attack_steps=5, layers="both"),
        rival(256, 0.005, 3, "adam", batch=64, attack_steps=3, layers="both"),
        rival(512, 60, 3, "momentum", batch=64, attack_steps=5),
        rival(512, 0.005, 3, "adam", batch=128, attack_steps=5, layers="both"),
    ],
}
