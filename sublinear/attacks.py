"""Attacks: where the adversary moves an input inside its ball."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sublinear.arrays import as_integer, as_number

Norm = float | str


def _norm(norm: Any) -> float:
    if norm in (2, math.inf, "inf"):
        return 2.0 if norm == 2 else math.inf
    raise ValueError(f"norm is {norm!r}; give 2 or inf")


def _clip(clip: Any) -> tuple[float, float] | None:
    if clip is None:
        return None
    try:
        low, high = clip
    except (TypeError, ValueError):
        raise TypeError(f"clip is {clip!r}; give a pair (low, high) or None") from None
    low, high = as_number(low, "clip[0]"), as_number(high, "clip[1]")
    if low > high:
        raise ValueError(f"clip is ({low}, {high}), an empty box; give low <= high")
    return low, high


@dataclass(frozen=True)
class PGD:
    """Projected gradient ascent on the loss (Madry et al. 2018).

    Starts at the input, goes `steps` times by `step_size` along the gradient divided by its l2 norm (norm inf: along
    its sign, sign(0) = 0), and projects onto the ball, then onto the box, after every step. A zero gradient moves
    nothing.

    Parameters
    ----------
    radius : float >= 0
        Of the ball, in `norm`.
    steps : int >= 0, default 10
    step_size : float >= 0, default 2.5 * radius / steps
    norm : 2 or inf
    random_start : bool
        Start uniformly in the ball, at a point that is a function of the seed, the epoch and the input.
    restarts : int >= 1
        Runs from different random starts; the highest loss wins. More than 1 needs `random_start`.
    clip : (low, high), optional
        A box for attacked inputs. Inputs outside it are refused.
    """

    radius: float
    steps: int = 10
    step_size: float | None = None
    norm: Norm = 2
    random_start: bool = False
    restarts: int = 1
    clip: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        checked = {
            "radius": as_number(self.radius, "radius", 0),
            "steps": as_integer(self.steps, "steps"),
            "step_size": None if self.step_size is None else as_number(self.step_size, "step_size", 0),
            "norm": _norm(self.norm),
            "random_start": bool(self.random_start),
            "restarts": as_integer(self.restarts, "restarts", 1),
            "clip": _clip(self.clip),
        }
        if self.restarts > 1 and not self.random_start:
            raise ValueError("restarts is above 1 without random_start; every run would be the same")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        return {
            "radius": self.radius,
            "steps": self.steps,
            "step_size": -1.0 if self.step_size is None else self.step_size,
            "norm": self.norm,
            "random_start": self.random_start,
            "restarts": self.restarts,
            "clip": self.clip or (-math.inf, math.inf),
        }


@dataclass(frozen=True)
class FGSM:
    """The fast gradient method (Goodfellow et al. 2015): one step of the whole radius. Parameters as in `PGD`."""

    radius: float
    norm: Norm = 2
    random_start: bool = False
    clip: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        pgd = self._pgd()
        for name in ("radius", "norm", "random_start", "clip"):
            object.__setattr__(self, name, getattr(pgd, name))

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        return self._pgd().options()

    def _pgd(self) -> PGD:
        radius = as_number(self.radius, "radius", 0)
        return PGD(radius, 1, radius, self.norm, self.random_start, 1, self.clip)


@dataclass(frozen=True)
class NoAttack:
    """Leaves inputs where they are: ordinary training."""

    @property
    def radius(self) -> float:
        """0."""
        return 0.0

    @property
    def norm(self) -> float:
        """2; a ball of radius 0 is the same in every norm."""
        return 2.0

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        return PGD(0.0, 0).options()


Attack = PGD | FGSM | NoAttack


def check_attack(attack: Any) -> Attack:
    """The attack itself; TypeError for anything else."""
    if not isinstance(attack, (PGD, FGSM, NoAttack)):
        raise TypeError(f"attack is {attack!r}; give an attack: PGD(...), FGSM(...) or NoAttack()")
    return attack


def parse_attacks(text: str) -> dict[str, Attack]:
    """Attacks by their text, such as "none,fgsm:0.05,pgd:0.1:20:inf": name, radius, steps (of pgd), norm inf.

    ValueError for what is none, with the text that was meant.
    """
    attacks: dict[str, Attack] = {}
    for part in (each.strip() for each in text.split(",")):
        if not part:
            continue
        name, *options = part.split(":")
        norm: Norm = 2
        if options and options[-1] == "inf":
            norm = "inf"
            options = options[:-1]
        try:
            if name == "none" and not options:
                attacks[part] = NoAttack()
            elif name == "fgsm" and len(options) == 1:
                attacks[part] = FGSM(float(options[0]), norm)
            elif name == "pgd" and len(options) in (1, 2):
                attacks[part] = PGD(float(options[0]), int(options[1]) if len(options) == 2 else 10, norm=norm)
            else:
                raise ValueError("give none, fgsm:RADIUS or pgd:RADIUS[:STEPS], and :inf for the norm inf")
        except ValueError as error:
            raise ValueError(f"attack {part!r}: {error}") from None
    if not attacks:
        raise ValueError("there are no attacks; name at least one, such as pgd:0.05")
    return attacks
