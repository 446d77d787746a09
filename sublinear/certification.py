"""Proofs that no point of a ball around an input is classified wrongly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _certification
from sublinear.arrays import as_integer, as_number, as_seed, as_threads
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
    points : (n, d), dtype of the network
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
