"""Proofs that no point of a ball around an input is classified wrongly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _certification
from sublinear.arrays import as_integer, as_number, as_points, as_seed, as_threads
from sublinear.attacks import Attack
from sublinear.evaluation import prepare
from sublinear.indexes import INDEXES
from sublinear.network import TwoLayerNetwork
from sublinear.work import Work

#: The bounds, cheapest first: each is tried where those before it leave an input open.
RELAXATIONS = ("interval", "linear", "quadratic")

_VERDICTS = np.array(["open", "certified", "broken"])


@dataclass(frozen=True, eq=False)
class Certification:
    """What `certify` knows of each of n inputs.

    Attributes
    ----------
    verdicts : (n,) array of str
        "certified": no point of the ball is classified wrongly. "broken": `points` has one that is. "open": neither
        was found.
    points : (n, d) floats
        For broken inputs a point within the radius that the network classifies wrongly; else the input.
    margins : (n,) float64
        Nowhere in the ball is the smallest margin (the output of the label less the largest other; of a single output:
        the output times the label) below this. -inf where nothing was proved.
    relaxations : (n,) array of str
        The tightest bound that was tried: "interval", "linear" or "quadratic".
    branches : (n,) int64
        Subproblems that branch and bound looked at.
    radii : (n,) float64
        Of the balls.
    norm : 2.0 or inf
    work : Work
    """

    verdicts: NDArray[np.str_]
    points: NDArray[Any]
    margins: NDArray[np.float64]
    relaxations: NDArray[np.str_]
    branches: NDArray[np.int64]
    radii: NDArray[np.float64]
    norm: float
    work: Work

    @property
    def certified(self) -> NDArray[np.bool_]:
        """(n,): whether each input is certified."""
        return np.asarray(self.verdicts == "certified")

    @property
    def broken(self) -> NDArray[np.bool_]:
        """(n,): whether each input is broken."""
        return np.asarray(self.verdicts == "broken")

    @property
    def open(self) -> NDArray[np.bool_]:
        """(n,): whether each input is undecided."""
        return np.asarray(self.verdicts == "open")

    @property
    def certified_accuracy(self) -> float:
        """The share that is certified: robust accuracy is at least this, whatever the attack."""
        return float(self.certified.mean())

    @property
    def unbroken_accuracy(self) -> float:
        """The share that is not broken: robust accuracy is at most this."""
        return float(1 - self.broken.mean())

    def as_dict(self) -> dict[str, Any]:
        """For JSON, of one radius: the shares that are certified, broken and open, and the verdict of each input."""
        shares = {name: float((self.verdicts == name).mean()) for name in ("certified", "broken", "open")}
        norm = "2" if self.norm == 2 else "inf"
        return {"norm": norm, "radius": float(self.radii[0]), **shares, "verdicts": self.verdicts.tolist()}


def _norm_of(norm: Any) -> float:
    if norm in (2, math.inf, "inf"):
        return 2.0 if norm == 2 else math.inf
    raise ValueError(f"norm is {norm!r}; give 2 or inf")


def _radii_of(radius: ArrayLike, count: int) -> NDArray[np.float64]:
    given = np.asarray(radius)
    if given.ndim == 0:
        return np.full(count, as_number(given[()], "radius", 0))
    if given.dtype.kind not in "fiu" or given.shape != (count,):
        raise ValueError(
            f"radius has shape {given.shape} and dtype {given.dtype}; give one number, or one for each of the {count} "
            "inputs"
        )
    for row, value in enumerate(given):
        as_number(value, f"the radius in row {row}", 0)
    return np.ascontiguousarray(given, np.float64)


def _certifier(net: TwoLayerNetwork, norm: float, index: str | None, threads: int | None) -> _certification.Certifier:
    """Of the weights as they are now, copied."""
    if index is not None and index not in INDEXES:
        raise ValueError(f"index is {index!r}; known are {', '.join(map(repr, INDEXES))}, or None to scan")
    arrays = net.copied_arrays()
    return _certification.make_certifier(
        arrays["weights"],
        arrays["output_weights"],
        arrays["biases"].reshape(1, -1),
        net.threshold,
        net.scale,
        net.activation,
        norm,
        index or "",
        as_threads(threads),
    )


def certify(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    radius: ArrayLike,
    norm: float | str = 2,
    *,
    relaxation: str = "quadratic",
    branches: int = 0,
    steps: int = 25,
    attack_steps: int = 40,
    attack_restarts: int = 2,
    seed: int = 0,
    index: str | None = None,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
) -> Certification:
    """Whether any point within `radius` of each row of X (n, d) is classified other than its label in y (n,).

    A certificate holds for the network as `decision_function` computes it, to the last bit, at every point of the
    network's dtype whose exact distance from the row is at most the radius: all bounds are rounded outward. It holds
    against every attack, and any smaller set of points too (a box of pixels, say). Radius and norm are in the units of
    X, after normalization.

    Parameters
    ----------
    radius : float >= 0, or (n,)
        Of the balls, in `norm`. 0 asks for the inputs alone.
    norm : 2 or inf
    relaxation : "interval", "linear" or "quadratic"
        The tightest bound to try on what cheaper ones leave open. In the norm inf "quadratic" is "linear".
    branches : int >= 0
        Most subproblems of branch and bound per input, for what the relaxation leaves open; none for "interval".
    steps : int >= 1
        Most steps of the search for the best quadratic bound.
    attack_steps, attack_restarts : int
        Of the PGD that looks for a point that breaks an input where the cheap bounds leave it open; 0 steps: none.
    seed : int
        Of the attack's random starts, which are functions of (seed, row).
    index : str or None
        A key of `INDEXES` that finds the neurons that can fire; None scans. Changes speed only, as `threads` does.
    classes : pair of floats
        Of a network with one output, the two label values, smaller first; by default -1 and 1, or the two values found.

    More effort leaves fewer inputs open; it changes no proof. The weights are copied: training may go on. Raises
    ValueError or TypeError for arguments that do not fit, before anything is computed.
    """
    if relaxation not in RELAXATIONS:
        raise ValueError(f"relaxation is {relaxation!r}; known are {', '.join(map(repr, RELAXATIONS))}")
    loss = "logistic" if net.n_outputs == 1 else "cross-entropy"
    points, labels = prepare(net, X, y, loss, classes)
    checked, radii = _norm_of(norm), _radii_of(radius, len(points))
    effort = (
        as_integer(steps, "steps", 1),
        as_integer(branches, "branches"),
        as_integer(attack_steps, "attack_steps"),
        as_integer(attack_restarts, "attack_restarts", 1),
    )
    certifier = _certifier(net, checked, index, threads)
    verdicts, margins, relaxations, numbers, ends, work = certifier.certify(
        points, labels, radii, relaxation, *effort, as_seed(seed), as_threads(threads)
    )
    return Certification(
        _VERDICTS[verdicts], ends, margins, np.array(RELAXATIONS)[relaxations], numbers, radii, checked, Work(*work)
    )


def balls_of(attacks: Iterable[Attack]) -> list[tuple[float, float]]:
    """The (norm, radius) of balls that attacks move in, each once; ValueError where there are none."""
    options = [attack.options() for attack in attacks]
    balls = dict.fromkeys((each["norm"], each["radius"]) for each in options if each["radius"] > 0)
    if not balls:
        raise ValueError("there is no ball to certify: give attacks with a radius above 0, such as pgd:0.05")
    return list(balls)


@dataclass(frozen=True, eq=False)
class CertifiedRadii:
    """Between which radii the robust radius of each of n inputs lies.

    Attributes
    ----------
    certified : (n,) float64
        Every point this close is classified rightly; 0 where only the input itself is known to be, or not even that.
    broken : (n,) float64
        The distance of the nearest point that was found to be classified wrongly: 0 for inputs that are wrong
        themselves, inf where none was found up to `most`.
    points : (n, d) floats
        These points; the input where there is none.
    norm : 2.0 or inf
    """

    certified: NDArray[np.float64]
    broken: NDArray[np.float64]
    points: NDArray[Any]
    norm: float

    def curve(self, radii: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """At each of `radii` (k,) the share that is certified, and the share that is not broken: (k,) both.

        Robust accuracy lies between the two, whatever the attack.
        """
        at = np.asarray(radii, np.float64)[:, None]
        right = self.broken > 0
        return ((self.certified >= at) & right).mean(axis=1), (self.broken > at).mean(axis=1)


def _distances(points: NDArray[Any], X: NDArray[Any], norm: float) -> NDArray[np.float64]:
    """Rounded up: a point is within this radius."""
    steps = points.astype(np.float64) - X.astype(np.float64)
    return np.asarray(np.linalg.norm(steps, norm, axis=1) * (1 + (steps.shape[1] + 8) * 2.0**-52))


def certified_radii(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    norm: float | str = 2,
    *,
    most: float | None = None,
    rounds: int = 12,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
    **effort: Any,
) -> CertifiedRadii:
    """The largest radius at which each row of X (n, d) is certified, by bisection, and the nearest point to break it.

    Parameters
    ----------
    norm : 2 or inf
    most : float > 0, default the largest norm of a row
        Radii above it are not looked at.
    rounds : int >= 1
        Of bisection: radii are known to `most` / 2^rounds.
    classes, threads
        As in `certify`; so are the other options: `relaxation`, `branches`, `steps`, `attack_steps`,
        `attack_restarts`, `seed`, `index`.

    Costs `rounds` calls of `certify`. Raises as it does.
    """
    checked = _norm_of(norm)
    as_integer(rounds, "rounds", 1)
    options: dict[str, Any] = {**effort, "classes": classes, "threads": threads}
    found = certify(net, X, y, 0.0, norm, **options)
    points = found.points
    inputs = points  # at radius 0 the points are the inputs
    if most is None:
        most = float(np.linalg.norm(inputs.astype(np.float64), checked, axis=1).max())
    as_number(most, "most", positive=True)
    low, nearest = np.zeros(len(inputs)), np.where(found.broken, 0.0, np.inf)
    high = np.where(found.broken, 0.0, most)  # certified nowhere above this, as far as is known
    for each in range(rounds):
        radius = (low + high) / 2 if each else high  # the ends first
        found = certify(net, inputs, y, radius, norm, **options)
        low = np.where(found.certified, radius, low)
        high = np.where(found.certified, high, radius)
        closer = found.broken & (nearest > 0)
        distance = np.where(closer, _distances(found.points, inputs, checked), np.inf)
        better = distance < nearest
        nearest, points = np.where(better, distance, nearest), np.where(better[:, None], found.points, points)
        high = np.minimum(high, np.maximum(nearest, low))
    return CertifiedRadii(low, nearest, points, checked)


def reachable_neurons(
    net: TwoLayerNetwork, X: ArrayLike, radius: ArrayLike, norm: float | str, threads: int | None
) -> NDArray[np.int64]:
    """The neurons that may fire somewhere in one of the balls around the rows of X, ascending."""
    points = as_points(X, "X", net.n_features, net.dtype)
    radii = _radii_of(radius, len(points))
    ids, _ = _certifier(net, _norm_of(norm), None, threads).reachable(points, radii, as_threads(threads))
    return ids
