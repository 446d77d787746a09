"""Small training problems as hostile as they can be made, each a function of its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

import oracle
from oracle.arithmetic import inner_product
from oracle.attack import Attack, Run
from oracle.random_numbers import Purpose, RandomStream


@dataclass(frozen=True)
class Case:
    """What is trained and how. Defaults are the plainest there is: `simpler` goes there."""

    seed: int
    n: int = 1
    d: int = 1
    m: int = 1
    c: int = 1
    dtype: str = "float64"
    loss: str = "squared"
    activation: str = "shifted"
    lattice: bool = False  # small integers: sums are exact, neurons exactly on their threshold
    biases: str = "none"  # "none", "constant" or "each"
    train_biases: bool = False
    scale: float = 1.0
    rate: float = 0.0
    falling: bool = False
    epochs: int = 1
    batch_size: int | None = None
    weighted: bool = False
    damping: float | None = None
    attack: Attack = Attack()  # noqa: RUF009 - it is frozen
    strategy: str = "margin"  # beside "dense"
    tight: bool = False  # no memory to keep which neurons fired: the update finds them again


LOSSES = ("squared", "absolute", "logistic", "cross-entropy")


def _drawn_attack(rng: np.random.Generator) -> Attack:
    radius = float(10.0 ** rng.uniform(-2, 0.5))
    kind = rng.choice(["none", "fgsm", "pgd", "pgd", "pgd", "slice", "slice"])
    if kind == "none":
        return Attack()
    norm = 2.0 if kind == "slice" else float(rng.choice([2.0, math.inf]))
    clip = None if kind == "slice" or rng.random() < 0.6 else (-1.0, float(rng.uniform(0.9, 2)))
    random_start = bool(rng.random() < 0.5)
    restarts = int(rng.integers(1, 4)) if random_start and kind != "fgsm" else 1
    domain = "slice" if kind == "slice" else None
    if kind == "fgsm":
        return Attack(radius, 1, radius, norm, random_start, 1, clip, None)
    step = None if rng.random() < 0.7 else float(radius * 10.0 ** rng.uniform(-2, 0.5))
    return Attack(radius, int(rng.integers(0, 5)), step, norm, random_start, restarts, clip, domain)


def drawn(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    attack = _drawn_attack(rng)
    loss = str(rng.choice(LOSSES))
    damping = 10.0 ** rng.uniform(-4, 0) if loss == "squared" and rng.random() < 0.6 else None
    d = int(rng.integers(1, 10)) if rng.random() < 0.75 else int(rng.integers(10, 41))
    n = int(rng.integers(1, 13))
    # 1e-25 and 1e25 have gradients whose squares float32 does not hold.
    scale = float(rng.choice([1.0, -0.37, 2.0**-3, 1e-25, 1e25])) if rng.random() < 0.8 else float(rng.uniform(0.1, 2))
    # Of a neuron's step: from less than an ulp to its own length.
    length = 10.0 ** rng.uniform(-8, 0.5) if damping is None else rng.uniform(0.1, 1)
    return Case(
        seed,
        n,
        max(d, 2) if attack.domain else d,
        int(rng.choice([1, 5, 16, 33, 50, 64])),
        int(rng.choice([2, 3, 5, 10, 18])) if loss == "cross-entropy" else 1,
        str(rng.choice(["float32", "float64"])),
        loss,
        str(rng.choice(["shifted", "jump"])),
        bool(rng.random() < 0.25) and attack.domain is None,
        str(rng.choice(["none", "constant", "each", "each"])),
        bool(rng.random() < 0.4),
        scale,
        length if damping else length / abs(scale) / (abs(scale) if loss == "squared" and scale > 1 else 1),
        bool(rng.random() < 0.3),
        int(rng.integers(1, 4)),
        None if rng.random() < 0.4 or damping else int(rng.integers(1, n + 1)),
        damping is None and bool(rng.random() < 0.3),
        damping,
        attack,
        str(rng.choice(["margin", "margin", "weights", "data", "dtree", "wtree", "static"])),
        bool(rng.random() < 0.4),
    )


@dataclass
class Problem:
    """The arrays of a case."""

    network: oracle.Network
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None


def _labels(case: Case, rng: np.random.Generator) -> np.ndarray:
    if case.loss == "cross-entropy":
        return rng.integers(0, case.c, case.n)
    if case.loss == "logistic":
        return rng.choice([-1.0, 1.0], case.n)
    return rng.integers(-2, 3, case.n).astype(float)


def _inputs(case: Case, rng: np.random.Generator) -> np.ndarray:
    if case.lattice:
        x = rng.integers(-1, 2, (case.n, case.d)).astype(float)
    else:
        x = rng.standard_normal((case.n, case.d))
        x /= np.linalg.norm(x, axis=1, keepdims=True) + 1e-9
    if case.attack.domain == "slice":
        x[:, -1] = 0.5
        x[:, :-1] *= oracle.SLICE_RADIUS / np.linalg.norm(x[:, :-1], axis=1, keepdims=True)
    return np.clip(x, *(case.attack.clip or (-9, 9))).astype(case.dtype)


def _nudged(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to three ulps away."""
    for _ in range(3):
        towards = values.dtype.type(rng.choice([-np.inf, np.inf]))
        values = np.where(rng.random(values.shape) < 0.5, values, np.nextafter(values, towards))
    return values


def _graze(
    net: oracle.Network, which: np.ndarray, points: np.ndarray, constant: bool, rng: np.random.Generator
) -> None:
    """Moves the biases (or, if they are constant, the rows) of neurons so that each just fires at one of the points."""
    z = inner_product(net.weights[which], points)
    if not constant:
        net.biases[which] = _nudged(net.threshold - z, rng)
        return
    wanted = net.threshold - net.biases[which]
    usable = (np.abs(z) > 1e-3) & (np.abs(wanted) > 0)
    factor = np.where(usable, wanted / np.where(usable, z, 1), 1).astype(net.dtype)
    net.weights[which] = _nudged(net.weights[which] * factor[:, None], rng)


def build(case: Case) -> Problem:
    """Half of the neurons graze a point that is visited: an input, or where the attack comes by."""
    rng = np.random.default_rng((case.seed, 1))
    x, y = _inputs(case, rng), _labels(case, rng)
    sample_weight = rng.uniform(0, 2, case.n) + 0.1 if case.weighted else None
    T = np.dtype(case.dtype).type
    if case.lattice:
        arrays = rng.integers(-2, 3, (case.m, case.d)), rng.integers(-2, 3, (case.m, case.c))
        biases = {"none": 0, "constant": -1, "each": rng.integers(-1, 2, case.m)}[case.biases]
        threshold = T(rng.integers(0, 3))
    else:
        arrays = rng.standard_normal((case.m, case.d)), rng.choice([-1.0, 1.0, 0.3], (case.m, case.c))
        biases = {"none": 0, "constant": -0.3, "each": 0.1 * rng.standard_normal(case.m)}[case.biases]
        threshold = T(rng.uniform(-0.2, 1))
    net = oracle.Network(
        arrays[0].astype(T), arrays[1].astype(T), np.full(case.m, biases).astype(T), threshold, T(case.scale),
        case.activation,
    )  # fmt: skip
    if case.lattice:
        return Problem(net, x, y, sample_weight)
    grazing = np.flatnonzero(rng.random(case.m) < 0.5)
    outputs = net.output_weights[grazing].copy()
    net.output_weights[grazing] = 0  # so that they do not change the way of the attack
    streams = [RandomStream(case.seed, Purpose.ATTACK, 0, i) for i in range(case.n)]
    run = Run(case.attack, net, case.loss, x, y.astype(float), streams)
    run.loss_at(x)
    run.loss_at(run.attacked())
    visited = np.concatenate(run.visited)
    _graze(net, grazing, visited[rng.integers(0, len(visited), len(grazing))], case.biases != "each", rng)
    net.output_weights[grazing] = outputs * rng.choice([0, 2.0**-20, 1], (len(grazing), 1)).astype(T)
    return Problem(net, x, y, sample_weight)


def simpler(case: Case) -> Iterator[Case]:
    """Cases that differ from this one by one setting that is plainer."""
    plain = Case(case.seed)
    for each in fields(Case):
        value, least = getattr(case, each.name), getattr(plain, each.name)
        if value == least:
            continue
        if each.name == "c" and case.loss == "cross-entropy":
            least = 2
        if each.name == "d" and case.attack.domain:
            least = 2
        if each.name == "loss" and case.loss == "cross-entropy":
            yield replace(case, loss="squared", c=1)
            continue
        if type(value) is int and type(least) is int:
            for size in sorted({least, (value + least) // 2, value - 1}):
                if least <= size < value:
                    yield replace(case, **{each.name: size})
            continue
        if each.name == "attack":
            for part in fields(Attack):
                plainer = replace(case.attack, **{part.name: getattr(Attack(), part.name)})
                if plainer != case.attack and (plainer.restarts == 1 or plainer.random_start):
                    yield replace(case, attack=plainer)
            continue
        yield replace(case, **{each.name: least})
