"""Judging under attack: one place that is classified wrongly is enough, whoever found it."""

from __future__ import annotations

import numpy as np
import pytest

import oracle
import sublinear as sl
from oracle.attack import Run
from oracle.losses import classified_rightly
from oracle.random_numbers import Purpose, RandomStream
from sublinear.evaluation import WORST, evaluate_each


def problem(classes: int = 4, n: int = 150, d: int = 6):
    """A network that has learnt a little of classes that overlap."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, classes, n)
    x = rng.standard_normal((classes, d))[y] + rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    net = sl.TwoLayerNetwork.random(d, 128, classes, seed=3, dtype="float64")
    sl.Trainer(net, loss="cross-entropy", learning_rate=10.0).fit(x, y, epochs=5)
    return net, x, y


def ends_by_oracle(net: oracle.Network, attack: sl.PGD, x, y, seed: int) -> list[np.ndarray]:
    """Where each run ends, and the inputs."""
    streams = [RandomStream(seed, Purpose.ATTACK, 0, i) for i in range(len(x))]
    run = Run(oracle.Attack.of(attack), net, "cross-entropy", x, y.astype(float), streams)
    ends = []
    for k in range(attack.restarts):
        run.begin()
        ends.append(run.once(k))
    return [*ends, x]


@pytest.mark.parametrize("steps", [1, 3, 8])  # with fewer steps than outputs sums are fresh
def test_an_input_that_any_restart_breaks_is_broken(steps):
    net, x, y = problem()
    attack = sl.PGD(0.25, steps, random_start=True, restarts=6)
    judged = sl.evaluate(net, x, y, "cross-entropy", attack, seed=2)
    shared = oracle.Network.of(net)
    ends = ends_by_oracle(shared, attack, x, y, seed=2)
    outputs = [shared.outputs(points) for points in ends]
    right = np.array([classified_rightly("cross-entropy", f, y) for f in outputs])
    losses = np.array([oracle.loss_and_derivative("cross-entropy", f, y)[0] for f in outputs])
    assert judged.robust_accuracy == right.all(axis=0).mean()
    assert judged.robust_loss == pytest.approx(losses.max(axis=0).mean(), rel=1e-14)
    at_highest_loss = right[losses.argmax(axis=0), np.arange(len(x))]
    assert at_highest_loss.mean() > right.all(axis=0).mean(), "the highest loss must not always be the wrong class"
    # The points that attack_inputs gives say the same.
    worst = sl.attack_inputs(net, x, y, attack, "cross-entropy", seed=2)
    assert sl.evaluate(net, worst, y, "cross-entropy").clean_accuracy == judged.robust_accuracy


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "outputs"), [("cross-entropy", 3), ("logistic", 1)])
@pytest.mark.parametrize("norm", [2, "inf"])
def test_more_runs_and_attacks_never_judge_milder(dtype, loss, outputs, norm):
    rng = np.random.default_rng(5)
    net = sl.TwoLayerNetwork.random(5, 96, outputs, seed=4, dtype=dtype)
    x = rng.standard_normal((120, 5)).astype(dtype)
    y = rng.integers(0, 3, 120) if outputs > 1 else rng.choice([-1, 1], 120)
    plain = [sl.PGD(0.3, steps, size, norm) for steps in (1, 2, 6) for size in (None, 0.05)]
    noisy = [sl.PGD(0.3, 3, None, norm, random_start=True, restarts=runs) for runs in (1, 2, 3, 5)]
    clean = sl.evaluate(net, x, y, loss)
    assert (clean.robust_accuracy, clean.robust_loss) == (clean.clean_accuracy, clean.clean_loss)
    several = [sl.evaluate(net, x, y, loss, attack) for attack in noisy]
    together = [sl.evaluate(net, x, y, loss, plain[:count]) for count in range(1, len(plain) + 1)]
    for judged in (several, together):
        for milder, harder in zip([clean, *judged], judged, strict=False):
            assert harder.robust_accuracy <= milder.robust_accuracy
            assert harder.robust_loss >= milder.robust_loss
    # The start without noise is the second run: no plain attack of the same steps breaks more.
    assert several[1].robust_accuracy <= sl.evaluate(net, x, y, loss, sl.PGD(0.3, 3, None, norm)).robust_accuracy


def test_several_attacks_are_judged_together_and_each_alone():
    net, x, y = problem()
    attacks = {"far": sl.PGD(0.4, 5), "fast": sl.FGSM(0.4, "inf"), "none": sl.NoAttack()}
    judged = evaluate_each(net, x, y, "cross-entropy", attacks)
    assert list(judged) == [*attacks, WORST]
    for name, attack in attacks.items():
        assert judged[name] == sl.evaluate(net, x, y, "cross-entropy", attack)
    right = [
        net.decision_function(sl.attack_inputs(net, x, y, attack, "cross-entropy")).argmax(axis=1) == y
        for attack in attacks.values()
    ]
    worst = sl.evaluate(net, x, y, "cross-entropy", list(attacks.values()))
    assert worst == judged[WORST]
    assert worst.robust_accuracy == np.all(right, axis=0).mean()
    assert worst.robust_accuracy < min(each.mean() for each in right), "neither attack alone breaks all of them"
    with pytest.raises(ValueError, match="attack is an empty sequence"):
        sl.evaluate(net, x, y, "cross-entropy", [])
    with pytest.raises(TypeError, match="give an attack"):
        sl.evaluate(net, x, y, "cross-entropy", [sl.FGSM(0.1), "pgd"])


def test_losses_of_numbers_have_no_accuracy():
    net = sl.TwoLayerNetwork.random(4, 64, seed=1, dtype="float64")
    x, y = np.random.default_rng(0).standard_normal((2, 30, 4))
    judged = sl.evaluate(net, x, y[:, 0], "squared", [sl.PGD(0.2), sl.FGSM(0.2)])
    assert judged.robust_accuracy is judged.clean_accuracy is None
    assert judged.robust_loss > judged.clean_loss


@pytest.mark.parametrize(("loss", "labels"), [("cross-entropy", (0, 1, 2)), ("logistic", (-1, 1))])
def test_outputs_that_are_no_numbers_are_right_for_no_label(loss, labels):
    huge = np.full((2, 2), 1e200) * [[1], [-1]]  # z = 1e300 and -1e300, outputs inf - inf
    outputs = np.full((2, 3 if len(labels) == 3 else 1), 1e200)
    net = sl.TwoLayerNetwork(np.abs(huge), outputs * [[1], [-1]], scale=1.0)
    x, y = np.full((len(labels), 2), 1e100), np.array(labels)
    assert np.isnan(net.decision_function(x)).all()
    judged = sl.evaluate(net, x, y, loss, sl.FGSM(0.1))
    assert (judged.clean_accuracy, judged.robust_accuracy) == (0, 0)
    assert np.isnan([judged.clean_loss, judged.robust_loss]).all()
