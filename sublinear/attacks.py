"""Attacks: where the adversary moves an input inside its ball."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear import _training
from sublinear.arrays import as_integer, as_number
from sublinear.datasets.slice import require_on_slice
from sublinear.training_plugins import OutsideAttack, checked_ball

Norm = float | str


def _norm(norm: Any) -> float:
    if norm in (2, math.inf, "inf"):
        return 2.0 if norm == 2 else math.inf
    raise ValueError(f"norm is {norm!r}; give 2 or inf")


def parse_norm(text: str) -> float:
    """2 or infinity, from text."""
    if text not in ("2", "inf"):
        raise ValueError(f"norm is {text!r}; give 2 or inf")
    return float(text)


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


@dataclass(frozen=True, eq=False)
class AttackStart:
    """Where a run of an attack begins.

    inputs : (n, d), float32 or float64, copies. labels : (n,), float64. seeds : (n,), uint64, one for each input: a
    function of the trainer's seed, the epoch and the input. number : int, which of the attack's `runs` it is.
    """

    inputs: NDArray[Any]
    labels: NDArray[Any]
    seeds: NDArray[np.uint64]
    number: int

    def uniform(self) -> NDArray[Any]:
        """Random numbers in [0, 1), (n, d): each row a function of its input's seed alone."""
        return _training.uniform_rows(self.seeds, self.inputs.shape[1])


@dataclass(frozen=True, eq=False)
class Here:
    """What the network has at the points that an attack asked for.

    outputs : (n, c). losses : (n,), float64. gradients : (n, d), of the losses by the points.
    """

    outputs: NDArray[Any]
    losses: NDArray[Any]
    gradients: NDArray[Any]


class Attack:
    """An attack: `PGD`, `FGSM`, `NoAttack`, or one of your own that derives from this class and gives `run`.

    An own one moves many inputs at a time and is called with the GIL. Every point that it gives is checked: its shape,
    that it is finite and in the ball. What is wrong is a `PluginError` that names the class, before weights change.
    Where an input goes must not depend on the other inputs of the call: which come together depends on the strategy.
    `sl.testing.check_attack` tries it. docs/extending.md has an example.

    Attributes
    ----------
    radius : float
        Of the ball around each input, which no point may leave. An own attack has to set it.
    norm : 2 or inf
        Of the ball. Default 2.
    runs : int, default 1
        How often it begins. Training takes the end with the highest loss, evaluation the worst.
    gradients : int, default 0
        How many gradients a run asks for, about. Where they are enough for its number of outputs, the network is seen
        through its linear form, which is faster over many steps and changes the last bits.
    """

    radius: float
    norm: Norm = 2
    runs: int = 1
    gradients: int = 0

    def run(self, start: AttackStart) -> Generator[NDArray[Any], Here, NDArray[Any]] | NDArray[Any]:
        """Where a run goes: a generator that yields points (n, d), is sent what the network has `Here`, and returns the
        points where it ends; or those at once."""
        raise NotImplementedError(f"{type(self).__name__} has no run(start)")

    def project(self, points: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        """The nearest points in the balls around `inputs`, (n, d), in the inputs' dtype."""
        ways = np.asarray(points, np.float64) - inputs
        if self.norm == 2:
            lengths = np.sqrt((ways * ways).sum(axis=1, keepdims=True))
            ways *= np.minimum(1, self.radius / np.maximum(lengths, np.finfo(float).tiny))
        else:
            ways = np.clip(ways, -self.radius, self.radius)
        projected: NDArray[Any] = (inputs + ways).astype(inputs.dtype)
        return projected

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        radius, norm = checked_ball(self)
        return {
            "own": OutsideAttack(self),
            "radius": radius,
            "norm": norm,
            "runs": self.runs,
            "gradients": self.gradients,
            "domain": None,
        }


@dataclass(frozen=True)
class PGD(Attack):
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
        Runs: the second starts at the input, without noise, all others at random. Training takes the end with the
        highest loss; evaluation counts an input that any of them breaks as broken. More than 1 needs `random_start`.
    clip : (low, high), optional
        A box for attacked inputs. Inputs outside it are refused.
    domain : None or "slice"
        "slice": attacked inputs stay on the slice of the unit sphere where the last coordinate is 1/2, the domain of
        Gao, Qin, Song and Wang (2022); `to_slice` puts data there, other inputs are refused. The part of the gradient
        along the slice is followed, and points go to the nearest one in the slice and the ball, in closed form. Norm 2,
        without `clip`; a radius above sqrt(3), the slice's diameter, counts as that.
    """

    radius: float
    steps: int = 10
    step_size: float | None = None
    norm: Norm = 2
    random_start: bool = False
    restarts: int = 1
    clip: tuple[float, float] | None = None
    domain: str | None = None

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
        if self.domain not in (None, "slice"):
            raise ValueError(f"domain is {self.domain!r}; give 'slice' or None")
        if self.domain == "slice" and (checked["norm"] != 2 or checked["clip"] is not None):
            raise ValueError("domain is 'slice' with norm inf or a clip; give norm 2 and no clip with it")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def runs(self) -> int:  # type: ignore[override]
        """`restarts`."""
        return self.restarts

    @property
    def gradients(self) -> int:  # type: ignore[override]
        """`steps`."""
        return self.steps

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
            "domain": self.domain,
        }


@dataclass(frozen=True)
class FGSM(Attack):
    """The fast gradient method (Goodfellow et al. 2015): one step of the whole radius. Parameters as in `PGD`."""

    radius: float
    norm: Norm = 2
    random_start: bool = False
    clip: tuple[float, float] | None = None
    domain: str | None = None

    def __post_init__(self) -> None:
        pgd = self._pgd()
        for name in ("radius", "norm", "random_start", "clip"):
            object.__setattr__(self, name, getattr(pgd, name))

    @property
    def gradients(self) -> int:  # type: ignore[override]
        """1."""
        return 1

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        return self._pgd().options()

    def _pgd(self) -> PGD:
        radius = as_number(self.radius, "radius", 0)
        return PGD(radius, 1, radius, self.norm, self.random_start, 1, self.clip, self.domain)


@dataclass(frozen=True)
class NoAttack(Attack):
    """Leaves inputs where they are: ordinary training."""

    @property
    def radius(self) -> float:  # type: ignore[override]
        """0."""
        return 0.0

    @property
    def norm(self) -> float:  # type: ignore[override]
        """2; a ball of radius 0 is the same in every norm."""
        return 2.0

    def options(self) -> dict[str, Any]:
        """What the training floor takes."""
        return PGD(0.0, 0).options()


def check_attack(attack: Any) -> Attack:
    """The attack itself; TypeError for anything else."""
    if not isinstance(attack, Attack):
        raise TypeError(
            f"attack is {attack!r}; give an attack: PGD(...), FGSM(...), NoAttack() or an instance of a class that "
            "derives from Attack"
        )
    attack.options()  # one of the application's own is looked at
    return attack


def require_inputs(attack: Attack, points: NDArray[Any]) -> None:
    """ValueError for inputs off the domain of the attack, in words of Python; the training floor checks the rest."""
    if attack.options()["domain"] == "slice":
        require_on_slice(points, "X")


def parse_attacks(text: str) -> dict[str, Attack]:
    """Attacks by their text, such as "none,fgsm:0.05,pgd:0.1:20:inf": name, radius, steps (of pgd), norm inf or slice.

    ValueError for what is none, with the text that was meant.
    """
    attacks: dict[str, Attack] = {}
    for part in (each.strip() for each in text.split(",")):
        if not part:
            continue
        name, *options = part.split(":")
        norm: Norm = 2
        domain: str | None = None
        if options and options[-1] in ("inf", "slice"):
            norm, domain = ("inf", None) if options[-1] == "inf" else (2, "slice")
            options = options[:-1]
        try:
            if name == "none" and not options:
                attacks[part] = NoAttack()
            elif name == "fgsm" and len(options) == 1:
                attacks[part] = FGSM(float(options[0]), norm, domain=domain)
            elif name == "pgd" and len(options) in (1, 2):
                steps = int(options[1]) if len(options) == 2 else 10
                attacks[part] = PGD(float(options[0]), steps, norm=norm, domain=domain)
            else:
                raise ValueError("give none, fgsm:RADIUS or pgd:RADIUS[:STEPS], with :inf for that norm or :slice")
        except ValueError as error:
            raise ValueError(f"attack {part!r}: {error}") from None
    if not attacks:
        raise ValueError("there are no attacks; name at least one, such as pgd:0.05")
    return attacks


def attacks_of(trained: Attack | None) -> str:
    """What to judge a network under that was trained against this attack, as `parse_attacks` takes it: the attack, one
    step of it and 50; for a network of which nobody said, or without an attack, those of radius 0.05."""
    attack = PGD(0.05) if trained is None or isinstance(trained, NoAttack) else trained
    if not isinstance(attack, (PGD, FGSM)):
        attack = PGD(attack.radius, norm=attack.norm)
    mark = ":slice" if attack.domain == "slice" else "" if attack.norm == 2 else ":inf"
    steps = attack.steps if isinstance(attack, PGD) else 1
    own = f"pgd:{attack.radius!r}" + (f":{steps}" if steps != 10 else "")
    texts = [f"fgsm:{attack.radius!r}{mark}", f"{own}{mark}", f"pgd:{attack.radius!r}:50{mark}"]
    return ",".join(dict.fromkeys(texts))
