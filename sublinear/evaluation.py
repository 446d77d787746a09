"""Judging a network on inputs it need not have seen, clean and attacked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import as_labels, as_points, as_seed, as_threads
from sublinear.attacks import Attack, NoAttack, check_attack
from sublinear.network import TwoLayerNetwork

#: The names of the losses: |f - y|, (f - y)^2 / 2, log(1 + exp(-y f)), softmax cross-entropy.
LOSSES: tuple[str, ...] = tuple(_training.loss_names())


def check_loss(loss: Any) -> str:
    """The loss's name; ValueError for one that is not known."""
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}; known are {', '.join(map(repr, LOSSES))}")
    return str(loss)


def two_classes(y: NDArray[np.float64]) -> tuple[float, float]:
    """The two values of binary labels, smaller first; ValueError unless there are exactly two."""
    values = np.unique(y)
    if len(values) != 2:
        shown = ", ".join(f"{value:g}" for value in values[:5]) + (", ..." if len(values) > 5 else "")
        raise ValueError(
            f"labels have {len(values)} values ({shown}); loss 'logistic' takes exactly two, such as -1 and 1"
        )
    return float(values[0]), float(values[1])


def signs(y: NDArray[np.float64], classes: tuple[float, float]) -> NDArray[np.float64]:
    """Binary labels as -1 (first class) and +1; ValueError for a third value."""
    known = np.isin(y, classes)
    if not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise ValueError(f"the label in row {row} is {y[row]:g}; the two classes are {classes[0]:g} and {classes[1]:g}")
    return np.where(y == classes[1], 1.0, -1.0)


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and accuracy, clean and attacked; accuracies are None for losses of numbers."""

    clean_loss: float
    clean_accuracy: float | None
    robust_loss: float
    robust_accuracy: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name."""
        return asdict(self)


def prepare(
    net: TwoLayerNetwork, X: ArrayLike, y: ArrayLike, loss: str, classes: tuple[float, float] | None
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Inputs and labels as the training floor takes them; ValueError where there are none, or a label is unknown."""
    points = as_points(X, "X", net.n_features, net.dtype)
    labels = as_labels(y, len(points), check_loss(loss))
    if loss == "logistic":
        labels = signs(labels, classes or ((-1.0, 1.0) if np.isin(labels, (-1, 1)).all() else two_classes(labels)))
    if len(points) == 0:
        raise ValueError("X has no rows; give at least one input to judge")
    _training.check_labels(loss, labels, net.n_outputs)
    return points, labels


def attack_inputs(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    attack: Attack,
    loss: str,
    seed: int = 0,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """Where `attack` moves each row of X (n, d) to raise the loss at its label; same shape, dtype of the network.

    Random starts are functions of (seed, row). `classes` are the two label values of "logistic", smaller first; by
    default -1 and 1, or the two values found. `threads` changes speed only.
    """
    points, labels = prepare(net, X, y, loss, classes)
    return _attacked(net, points, labels, check_attack(attack), loss, seed, threads)


def _attacked(
    net: TwoLayerNetwork,
    points: NDArray[Any],
    labels: NDArray[np.float64],
    attack: Attack,
    loss: str,
    seed: int,
    threads: int | None,
) -> NDArray[Any]:
    options = attack.options()
    predictor = net.predictor(None, options["norm"], threads)
    attacked, _ = predictor.attack(points, labels, options, loss, as_seed(seed), as_threads(threads))
    return attacked


def evaluate(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    loss: str,
    attack: Attack | None = None,
    seed: int = 0,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
) -> Evaluation:
    """Loss and accuracy at X and at the attacked X (default: no attack). Parameters as in `attack_inputs`."""
    points, labels = prepare(net, X, y, loss, classes)
    attack = NoAttack() if attack is None else check_attack(attack)
    attacked = _attacked(net, points, labels, attack, loss, seed, threads)
    figures: list[float | None] = []
    for where in (points, attacked):
        f = np.asarray(net.decision_function(where, threads=threads), np.float64).reshape(len(where), -1)
        losses, correct = _training.judge(loss, f, labels)
        figures += [float(losses.mean()), None if correct is None else float(correct.mean())]
    clean_loss, clean_accuracy, robust_loss, robust_accuracy = figures
    assert clean_loss is not None
    assert robust_loss is not None
    return Evaluation(clean_loss, clean_accuracy, robust_loss, robust_accuracy)
