"""Certificates are never contradicted, broken points break, and both say what they are of."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
from sublinear.cli import app


def problem(outputs=3, dtype="float32", norm=2, n=60, d=6, width=96, **options):
    """A network that has learnt a little of classes that overlap, against an attack."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, max(outputs, 2), n)
    x = 1.5 * rng.standard_normal((max(outputs, 2), d))[y] + 0.6 * rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    if outputs == 1:
        y = 2 * y - 1
    net = sl.TwoLayerNetwork.random(d, width, outputs, seed=3, dtype=dtype, **options)
    loss = "logistic" if outputs == 1 else "cross-entropy"
    rate = 0.3 if options.get("init") in ("gao", "zhang") else 10.0
    trainer = sl.Trainer(net, loss=loss, learning_rate=rate, attack=sl.PGD(0.05, norm=norm), train_biases=True)
    trainer.fit(x, y, epochs=6)
    return net, x.astype(dtype), y, loss


VARIANTS = [
    {"outputs": 3},
    {"outputs": 1, "dtype": "float64"},
    {"outputs": 3, "init": "zhang", "norm": "inf"},
    {"outputs": 1, "init": "gao"},
    {"outputs": 4, "init": "gao", "dtype": "float64", "norm": "inf"},
]


def right(net, points, y):
    """Whether each point's class is its label."""
    f = net.decision_function(points)
    return np.where(f >= 0, 1, -1) == y if f.ndim == 1 else f.argmax(axis=1) == y


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_is_certified_no_attack_breaks_and_what_is_broken_breaks(variant):
    net, x, y, loss = problem(**variant)
    norm = variant.get("norm", 2)
    counts = {"certified": 0, "broken": 0, "open": 0}
    least = np.full(len(x), np.inf)  # radius at which each input was first broken
    for radius in (0.003, 0.01, 0.03, 0.1, 0.3, 0.9):
        found = sl.certify(net, x, y, radius, norm, branches=10)
        for name in counts:
            counts[name] += int((found.verdicts == name).sum())
        attack = sl.PGD(radius, 40, norm=norm, random_start=True, restarts=4)
        moved = sl.attack_inputs(net, x, y, attack, loss)
        assert right(net, moved, y)[found.certified].all()
        assert not right(net, found.points, y)[found.broken].any()
        steps = found.points.astype(float) - x
        order = 2 if norm == 2 else np.inf
        assert (np.linalg.norm(steps, order, axis=1) <= radius * (1 + 1e-12)).all()
        assert (found.points == x)[~found.broken].all()
        assert (found.margins[found.certified] > 0).all()
        assert not (found.certified & (least <= radius)).any(), "certified beyond a radius at which it is broken"
        least[found.broken] = np.minimum(least[found.broken], radius)
    assert counts["certified"] > 40
    assert counts["broken"] > 10


@pytest.mark.parametrize("activation", ["shifted", "jump"])
@pytest.mark.parametrize("norm", [2, "inf"])
def test_margins_are_below_the_least_margin_of_all_activation_patterns(norm, activation):
    """In one and two dimensions of the ball's plane a fine grid and all borders between patterns find the minimum."""
    rng = np.random.default_rng(4)
    decided = 0
    for trial in range(12):
        w, a, b = rng.standard_normal((7, 2)), rng.standard_normal((7, 2)), 0.3 * rng.standard_normal(7)
        net = sl.TwoLayerNetwork(w, a, b, threshold=0.2, scale=1.0, activation=activation)
        x = rng.standard_normal((1, 2))
        y = net.decision_function(x).argmax(axis=1)
        radius = 0.02 * 2 ** (trial % 6)
        angles = np.linspace(0, 2 * np.pi, 1500)
        unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        if norm == "inf":
            unit /= np.abs(unit).max(axis=1, keepdims=True)
        points = [x + (1 - 1e-12) * s * radius * unit for s in np.linspace(0, 1, 40)]
        for r, s in itertools.combinations(range(7), 2):  # corners of the patterns
            corner = np.linalg.solve(w[[r, s]], 0.2 - b[[r, s]])
            size = np.linalg.norm(corner - x[0], 2 if norm == 2 else np.inf)
            if size < radius:
                points.append(corner[None])
        f = net.decision_function(np.concatenate(points))
        margins = f[:, y[0]] - f[:, 1 - y[0]]
        for relaxation in sl.RELAXATIONS:
            found = sl.certify(net, x, y, radius, norm, relaxation=relaxation, branches=40)
            assert found.margins[0] <= margins.min()
            assert not (found.certified[0] and margins.min() <= 0)
        decided += not found.open[0]
    assert decided >= 10


def test_tighter_relaxations_certify_more_and_branches_decide_the_rest():
    net, x, y, _ = problem(outputs=3, width=256)
    shares = [sl.certify(net, x, y, 0.1, relaxation=name).certified_accuracy for name in sl.RELAXATIONS]
    assert shares == sorted(shares)
    assert shares[0] < shares[2]
    assert not sl.certify(net, x, y, 0.1, branches=60).open.any()


def test_threads_and_indexes_change_nothing():
    net, x, y, _ = problem()
    first = sl.certify(net, x, y, 0.08, branches=4, threads=1)
    for other in (
        sl.certify(net, x, y, 0.08, branches=4, threads=3),
        sl.certify(net, x, y, 0.08, branches=4, index="ball-tree"),
        sl.certify(net, x, y, np.full(len(x), 0.08), branches=4),
    ):
        for name in ("verdicts", "points", "margins", "relaxations", "branches", "radii"):
            np.testing.assert_array_equal(getattr(first, name), getattr(other, name))


def test_radius_zero_asks_for_the_input_alone():
    net, x, y, _ = problem()
    found = sl.certify(net, x, y, 0)
    np.testing.assert_array_equal(found.certified, right(net, x, y))
    np.testing.assert_array_equal(found.broken, ~right(net, x, y))


def test_outputs_that_are_no_numbers_are_never_certified():
    huge = np.full((2, 2), 1e200) * [[1], [-1]]
    net = sl.TwoLayerNetwork(np.abs(huge), np.full((2, 3), 1e200) * [[1], [-1]], scale=1.0)
    for radius in (0, 0.1, 1e100):
        assert not sl.certify(net, np.full((3, 2), 1e100), [0, 1, 2], radius).certified.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": -1}, "radius is -1"),
        ({"radius": [0.1, 0.2]}, "give one number, or one for each of the 60"),
        ({"norm": 1}, "norm is 1; give 2 or inf"),
        ({"relaxation": "crown"}, "relaxation is 'crown'; known are"),
        ({"branches": -1}, "branches is -1"),
        ({"steps": 0}, "steps is 0"),
        ({"index": "tree"}, "index is 'tree'; known are"),
        ({"y": np.full(60, 7)}, "the label in row 0 is 7"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    net, x, y, _ = problem()
    arguments = {"X": x, "y": y, "radius": 0.1, **change}
    with pytest.raises(ValueError, match=message):
        sl.certify(net, **arguments)


@pytest.mark.parametrize("variant", VARIANTS[:3], ids=str)
def test_radii_by_bisection_agree_with_what_is_certified_there(variant):
    net, x, y, _ = problem(**variant)
    norm = variant.get("norm", 2)
    found = sl.certified_radii(net, x, y, norm, most=0.5, rounds=9, branches=4)
    wrong = ~right(net, x, y)
    np.testing.assert_array_equal(found.broken == 0, wrong)
    assert (found.certified[wrong] == 0).all()
    assert (found.certified <= found.broken).all()
    assert sl.certify(net, x, y, found.certified, norm, branches=4).certified[~wrong].all()
    hit = np.isfinite(found.broken)
    assert not right(net, found.points, y)[hit].any()
    order = 2 if norm == 2 else np.inf
    distances = np.linalg.norm(found.points.astype(float) - x, order, axis=1)
    np.testing.assert_allclose(distances[hit], found.broken[hit], rtol=1e-12)
    if norm == 2:  # the proof meets the nearest point
        assert np.median((found.broken - found.certified)[hit & ~wrong]) < 0.05
    certified, unbroken = found.curve([0, 0.01, 0.1, 0.4])
    assert (certified <= unbroken).all()
    assert certified[0] == unbroken[0] == 1 - wrong.mean()
    assert (np.diff(certified) <= 0).all()
    assert (np.diff(unbroken) <= 0).all()
    with pytest.raises(ValueError, match="most is 0"):
        sl.certified_radii(net, x, y, norm, most=0)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_pruned_network_has_the_same_bits_in_the_balls(variant):
    net, x, _, _ = problem(**variant)
    norm = variant.get("norm", 2)
    rng = np.random.default_rng(0)
    widths = []
    for radius in (0, 0.02, 0.1):
        pruned = net.prune(x[:4], radius, norm)
        widths.append(pruned.width)
        for _ in range(20):
            step = rng.standard_normal((4, x.shape[1])) if norm == 2 else rng.choice([-1.0, 1.0], (4, x.shape[1]))
            step *= (1 - 1e-6) * radius / np.linalg.norm(step, 2 if norm == 2 else np.inf, axis=1, keepdims=True)
            points = (x[:4] + step).astype(x.dtype)
            np.testing.assert_array_equal(pruned.decision_function(points), net.decision_function(points))
    assert widths == sorted(widths)
    fired = len(np.unique(net.fired(x[:4]).ids))
    assert widths[0] == max(1, fired) < net.width
    assert net.prune(np.zeros((1, x.shape[1])), 0).width >= 1
    with pytest.raises(ValueError, match="radius is -1"):
        net.prune(x, -1)


def test_evaluate_certifies_beside_the_attacks(tmp_path):
    trained = CliRunner().invoke(
        app, ["train", "--width", "128", "--epochs", "1", "--radius", "0.05", "--out", str(tmp_path / "run")]
    )
    assert trained.exit_code == 0, trained.output
    asked = ["evaluate", str(tmp_path / "run"), "--certify", "--attacks", "pgd:0.02,fgsm:0.02,pgd:0.005:5:inf"]
    told = CliRunner().invoke(app, [*asked, "--json"])
    content = json.loads(told.stdout)
    assert [(each["norm"], each["radius"]) for each in content["certified"]] == [("2", 0.02), ("inf", 0.005)]
    for each, attack in zip(content["certified"], ("pgd:0.02", "pgd:0.005:5:inf"), strict=True):
        assert each["certified"] + each["broken"] + each["open"] == pytest.approx(1)
        assert 0.3 < each["certified"] <= content["attacks"][attack]["robust_accuracy"]
        assert len(each["verdicts"]) == 450
        assert each["verdicts"].count("certified") == round(450 * each["certified"])
    shown = CliRunner().invoke(app, asked).stdout
    assert f"{100 * content['certified'][0]['certified']:.1f}" in shown
    nothing = CliRunner().invoke(app, ["evaluate", str(tmp_path / "run"), "--certify", "--attacks", "none"])
    assert nothing.exit_code != 0
    assert "no ball" in " ".join(nothing.output.split())
