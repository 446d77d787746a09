"""Judging a network on inputs it need not have seen, clean and attacked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import as_labels, as_points, as_seed, as_threads
from sublinear.attacks import Attack, NoAttack, check_attack, require_inputs
from sublinear.losses import Loss
from sublinear.network import TwoLayerNetwork
from sublinear.training_plugins import LIKE, OutsideLoss

#: The names of the losses: |f - y|, (f - y)^2 / 2, log(1 + exp(-y f)), softmax cross-entropy.
LOSSES: tuple[str, ...] = tuple(_training.loss_names())


def check_loss(loss: Any) -> str | Loss:
    """The loss's name, or a loss of the application's own; ValueError for one that is not known."""
    if isinstance(loss, Loss):
        if loss.labels not in LIKE:
            raise ValueError(
                f"labels of {type(loss).__name__} is {loss.labels!r}; known are {', '.join(map(repr, LIKE))}"
            )
        return loss
    if loss not in LOSSES:
        known = ", ".join(map(repr, LOSSES))
        raise ValueError(f"loss is {loss!r}; known are {known}, and instances of classes that derive from Loss")
    return str(loss)


def core_loss(loss: str | Loss) -> str | OutsideLoss:
    """The loss as the training floor takes it."""
    return OutsideLoss(loss) if isinstance(loss, Loss) else loss


def takes_signs(loss: str | Loss) -> bool:
    """Whether its labels are -1 and 1."""
    return loss.labels == "signs" if isinstance(loss, Loss) else loss == "logistic"


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


#: Under this name `evaluate_each` gives the figures under all attacks together.
WORST = "worst of all"


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and accuracy, clean and attacked; accuracies are None for losses of numbers.

    The robust loss is the mean of the highest loss of each input, the robust accuracy the share of inputs classified
    rightly, at the input itself and wherever a run of an attack ended: one wrong place is enough. So more attacks, runs
    or restarts never lower the one nor raise the other.
    """

    clean_loss: float
    clean_accuracy: float | None
    robust_loss: float
    robust_accuracy: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Judged:
    """Losses, and whether they are classified rightly (None for losses of numbers), of inputs one by one."""

    losses: NDArray[np.float64]
    right: NDArray[np.bool_] | None

    def worse(self, other: _Judged) -> _Judged:
        """The higher losses, and what is right in both."""
        right = None if self.right is None or other.right is None else self.right & other.right
        return _Judged(np.maximum(self.losses, other.losses), right)

    def loss(self) -> float:
        return float(self.losses.mean())

    def accuracy(self) -> float | None:
        return None if self.right is None else float(self.right.mean())


def prepare(
    net: TwoLayerNetwork, X: ArrayLike, y: ArrayLike, loss: str | Loss, classes: tuple[float, float] | None
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Inputs and labels as the training floor takes them; ValueError where there are none, or a label is unknown."""
    points = as_points(X, "X", net.n_features, net.dtype)
    labels = as_labels(y, len(points), check_loss(loss))
    if takes_signs(loss):
        labels = signs(labels, classes or ((-1.0, 1.0) if np.isin(labels, (-1, 1)).all() else two_classes(labels)))
    if len(points) == 0:
        raise ValueError("X has no rows; give at least one input to judge")
    _training.check_labels(core_loss(loss), labels, net.n_outputs)
    return points, labels


def attack_inputs(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    attack: Attack,
    loss: str | Loss,
    seed: int = 0,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """Where `attack` moves each row of X (n, d) to raise the loss at its label; same shape, dtype of the network.

    The worst of the places where its runs ended and the row itself: one that is classified wrongly before all that are
    not, then the highest loss. Random starts are functions of (seed, row). `classes` are the two label values of
    "logistic", smaller first; by default -1 and 1, or the two values found. `threads` changes speed only.
    """
    points, labels = prepare(net, X, y, loss, classes)
    with net.reading():
        worst, _ = _attacked(net, points, labels, check_attack(attack), loss, seed, threads)
    return worst


def _attacked(
    net: TwoLayerNetwork,
    points: NDArray[Any],
    labels: NDArray[np.float64],
    attack: Attack,
    loss: str | Loss,
    seed: int,
    threads: int | None,
) -> tuple[NDArray[Any], _Judged]:
    """The worst points, and what was judged at all of them."""
    options = attack.options()
    require_inputs(attack, points)
    predictor = net.predictor(None, options["norm"], threads)
    by = core_loss(loss)
    worst, losses, right = predictor.attack(points, labels, options, by, as_seed(seed), as_threads(threads))
    return worst, _Judged(losses, right)


def _clean(
    net: TwoLayerNetwork, points: NDArray[Any], labels: NDArray[np.float64], loss: str | Loss, threads: int | None
) -> _Judged:
    f = np.asarray(net.decision_function(points, threads=threads), np.float64).reshape(len(points), -1)
    return _Judged(*_training.judge(core_loss(loss), f, labels))


def evaluate(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss,
    attack: Attack | Sequence[Attack] | None = None,
    seed: int = 0,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
) -> Evaluation:
    """Loss and accuracy at X and under an attack, or several together (default: none).

    With several an input counts as classified rightly if it is so under each. Parameters as in `attack_inputs`.
    """
    attacks = list(attack) if isinstance(attack, Sequence) else [NoAttack() if attack is None else attack]
    if not attacks:
        raise ValueError("attack is an empty sequence; give at least one attack, or None")
    judged = evaluate_each(net, X, y, loss, dict(enumerate(attacks)), seed, threads, classes)
    return judged[WORST if len(attacks) > 1 else 0]


def evaluate_each(
    net: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss,
    attacks: Mapping[Any, Attack],
    seed: int = 0,
    threads: int | None = None,
    classes: tuple[float, float] | None = None,
    watch: Callable[[Any, int, int], object] = lambda name, done, count: None,
) -> dict[Any, Evaluation]:
    """`evaluate` for each attack by its name; of more than one also `WORST`: all of them together.

    `watch` is told, before each attack, of its name, how many were done and how many there are.
    """
    points, labels = prepare(net, X, y, loss, classes)
    checked = {name: check_attack(attack) for name, attack in attacks.items()}
    judged: dict[Any, _Judged] = {}
    with net.reading():  # all of it is of the same weights
        clean = _clean(net, points, labels, loss, threads)
        for name, attack in checked.items():
            watch(name, len(judged), len(checked))
            _, found = _attacked(net, points, labels, attack, loss, seed, threads)
            judged[name] = _Judged(found.losses, None if clean.right is None else found.right)
    if len(judged) > 1:
        judged[WORST] = functools.reduce(_Judged.worse, judged.values())
    return {
        name: Evaluation(clean.loss(), clean.accuracy(), robust.loss(), robust.accuracy())
        for name, robust in judged.items()
    }
