"""What every loss, attack and optimizer promises, as calls; `sublinear.testing` offers them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear import _training
from sublinear.attacks import Attack, AttackStart, check_attack
from sublinear.errors import ConformanceError, PluginError
from sublinear.evaluation import attack_inputs, check_loss, core_loss
from sublinear.identity import weights_hash
from sublinear.losses import Loss
from sublinear.network import TwoLayerNetwork
from sublinear.optimizers import Optimizer
from sublinear.trainer import Trainer
from sublinear.training_plugins import LIKE, OutsideAttack, OutsideOptimizer, OutsideRun

FloatArray = NDArray[Any]

#: Ways to train that have to end with the same bits: strategy, threads.
_WAYS = (("dense", 1), ("margin", 1), ("margin", 3), ("weights", 2), ("dtree", 2))


def hold_loss(loss: str | Loss) -> None:
    """See `sublinear.testing.check_loss`."""
    checked = check_loss(loss)
    name = checked if isinstance(checked, str) else type(checked).__name__
    like = LIKE[checked.labels] if isinstance(checked, Loss) else checked
    columns = 3 if like == "cross-entropy" else 1
    rng = np.random.default_rng(0)
    for size in (1.0, 30.0, 1e4):
        outputs = size * rng.standard_normal((40, columns))
        labels = _labels(rng, like, 40)
        losses, derivatives = _training.losses_at(core_loss(checked), outputs, labels)
        again, _ = _training.losses_at(core_loss(checked), outputs, labels)
        for row in range(40):
            case = f"outputs {outputs[row].tolist()}, label {labels[row]:g}"
            alone = _training.losses_at(core_loss(checked), outputs[row : row + 1], labels[row : row + 1])
            if losses[row] != again[row]:
                raise ConformanceError(f"loss {name!r}: asked twice it gives the same; not so for {case}")
            if losses[row] != alone[0][0] or not np.array_equal(derivatives[row], alone[1][0]):
                raise ConformanceError(
                    f"loss {name!r}: a row alone has the loss and slopes that it has among others; not so for {case}"
                )
            if size <= 30:
                _check_slopes(name, checked, outputs[row], labels[row], derivatives[row], case)
    _same_bits(f"loss {name!r}", checked, outputs=columns)


def _labels(rng: np.random.Generator, like: str, count: int) -> NDArray[np.float64]:
    """Some that a loss of the library knows."""
    if like == "cross-entropy":
        return rng.integers(0, 3, count).astype(float)
    return rng.choice([-1.0, 1.0], count) if like == "logistic" else rng.standard_normal(count)


def _check_slopes(
    name: str, loss: str | Loss, outputs: FloatArray, label: float, derivatives: FloatArray, case: str
) -> None:
    """Derivatives lie between the slopes to the left and to the right, but for rounding."""
    labels = np.full(3, label)
    for k, size in enumerate(np.maximum(np.abs(outputs), 1) * 1e-5):
        beside = np.repeat(outputs[None], 3, axis=0)
        beside[0, k] -= size
        beside[2, k] += size
        below, here, above = _training.losses_at(core_loss(loss), beside, labels)[0]
        slopes = sorted([(here - below) / size, (above - here) / size])
        slack = 1e-4 * (1 + max(abs(slopes[0]), abs(slopes[1]))) + 1e-10 * abs(here) / size
        if not slopes[0] - slack <= derivatives[k] <= slopes[1] + slack:
            raise ConformanceError(
                f"loss {name!r}: derivatives are slopes; that by output {k} is {derivatives[k]:.9g}, the slopes are "
                f"{slopes[0]:.9g} and {slopes[1]:.9g} for {case}"
            )


def hold_attack(attack: Attack) -> None:
    """See `sublinear.testing.check_attack`."""
    check_attack(attack)
    name = type(attack).__name__
    labels = np.arange(30) % 3
    for dtype in (np.float32, np.float64):
        points = np.random.default_rng(1).uniform(0.1, 0.9, (30, 6)).astype(dtype)
        if attack.options()["domain"] == "slice":
            continue  # points of the slice alone
        for net in (_network(3, dtype), TwoLayerNetwork(np.zeros((4, 6), dtype), np.zeros((4, 3), dtype))):
            first, second = (attack_inputs(net, points, labels, attack, "cross-entropy") for _ in range(2))
            if not np.array_equal(first, second):
                row = int(np.flatnonzero((first != second).any(axis=1))[0])
                raise ConformanceError(
                    f"attack {name!r}: the same seeds end at the same points; not so from {points[row].tolist()}"
                )
        if "own" in attack.options():
            _check_rows(attack, points, labels.astype(float))
    if attack.options()["domain"] is None:
        _same_bits(f"attack {name!r}", "cross-entropy", outputs=3, attack=attack)


def _check_rows(attack: Attack, points: FloatArray, labels: NDArray[np.float64]) -> None:
    """Where an input goes does not depend on the others."""
    seeds = np.random.default_rng(2).integers(0, 2**63, len(points)).astype(np.uint64)
    for number in range(attack.runs):
        together = _ends(attack, points, labels, seeds, number)
        for row in range(len(points)):
            one = slice(row, row + 1)
            if not np.array_equal(_ends(attack, points[one], labels[one], seeds[one], number)[0], together[row]):
                raise ConformanceError(
                    f"attack {type(attack).__name__!r}: an input alone goes where it goes among others; not so from "
                    f"{points[row].tolist()} with label {labels[row]:g}"
                )


def _ends(
    attack: Attack, points: FloatArray, labels: NDArray[np.float64], seeds: NDArray[np.uint64], number: int
) -> FloatArray:
    """Where a run ends against outputs that are waves."""
    run = OutsideRun(OutsideAttack(attack), AttackStart(points.copy(), labels.copy(), seeds, number))
    for _ in range(10_000):
        if not run.asks:
            return run.points
        angles = 5 * run.points.astype(np.float64) + labels[:, None]
        waves = np.sin(angles)
        run.next(waves[:, :3].astype(points.dtype), waves.sum(axis=1), np.cos(angles).astype(points.dtype))
    raise ConformanceError(f"attack {type(attack).__name__!r}: a run ends; this one had not after 10000 points")


def hold_optimizer(optimizer: str | Optimizer) -> None:
    """See `sublinear.testing.check_optimizer`."""
    checked = Optimizer.of(optimizer)
    title = f"optimizer {str(checked)!r}"
    for biases in (False, True):
        _same_bits(title, "squared", outputs=1, optimizer=checked, train_biases=biases)
        whole = _trained("squared", 1, "margin", 2, optimizer=checked, train_biases=biases)
        net, trainer = _trained("squared", 1, "margin", 2, epochs=1, optimizer=checked, train_biases=biases)
        state = trainer.optimizer_state()
        _, resumed = _trained(
            "squared", 1, "margin", 2, net=net, at=trainer.steps_done, state=state, optimizer=checked,
            train_biases=biases,
        )  # fmt: skip
        if weights_hash(resumed.net) != weights_hash(whole[0]):
            raise ConformanceError(
                f"{title}: training that goes on from the state that was kept has the bits of training that was never "
                "stopped; not so after one epoch of two: is something remembered beside `state`?"
            )
    if checked.is_own:
        _check_rows_of_optimizer(checked, title)


def _check_rows_of_optimizer(optimizer: Optimizer, title: str) -> None:
    """Where a row goes does not depend on the others."""
    rng = np.random.default_rng(0)
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        weights, gradients = rng.standard_normal((2, 20, 5)).astype(dtype)
        run = OutsideOptimizer(optimizer, 20, 5, dtype)
        for _ in range(3):
            together = run.propose(np.arange(20), weights, gradients, 0.1)
            for row in range(20):
                one = np.array([row])
                if not np.array_equal(run.propose(one, weights[one], gradients[one], 0.1)[0], together[row]):
                    raise ConformanceError(
                        f"{title}: a row alone goes where it goes among others; not so for weights "
                        f"{weights[row].tolist()}, gradient {gradients[row].tolist()}"
                    )
            weights = run.propose(np.arange(20), weights, gradients, 0.1)
            run.commit()


def _network(outputs: int, dtype: Any = np.float32) -> TwoLayerNetwork:
    return TwoLayerNetwork.random(6, 192, n_outputs=outputs, seed=3, dtype=dtype)


def _trained(
    loss: str | Loss,
    outputs: int,
    strategy: str,
    threads: int,
    epochs: int = 2,
    net: TwoLayerNetwork | None = None,
    at: int = 0,
    state: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[TwoLayerNetwork, Trainer]:
    """A network trained on 100 inputs, or trained on; up to the second epoch's end."""
    rng = np.random.default_rng(5)
    points = rng.uniform(0.1, 0.9, (100, 6)).astype(np.float32)
    like = LIKE[loss.labels] if isinstance(loss, Loss) else loss
    trained = _network(outputs) if net is None else net
    trainer = Trainer(trained, strategy, loss=loss, learning_rate=0.5, batch_size=16, threads=threads, **options)
    trainer.resume_at(at, state)
    trainer.fit(points, _labels(rng, like, 100), epochs=epochs if at == 0 else 2 - at // 7)
    return trained, trainer


def _same_bits(title: str, loss: str | Loss, outputs: int, **options: Any) -> None:
    """Training ends with the same bits for every strategy and number of threads."""
    hashes = {}
    for strategy, threads in _WAYS:
        try:
            hashes[strategy, threads] = weights_hash(_trained(loss, outputs, strategy, threads, **options)[0])
        except PluginError as error:
            raise ConformanceError(str(error)) from error
    first, *others = hashes
    for way in others:
        if hashes[way] != hashes[first]:
            raise ConformanceError(
                f"{title}: training ends with the same bits for every strategy and number of threads; it differs "
                f"between {first[0]!r} with {first[1]} thread and {way[0]!r} with {way[1]}"
            )
