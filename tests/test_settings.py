"""The settings of the papers as switches: each against the oracle, and with every strategy to the same bits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import oracle
import sublinear as sl

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def problem(loss: str, dtype, on_slice: bool, n: int = 40, seed: int = 0):
    """Inputs (n, 9), unit or on the slice, and labels that the loss knows."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3 if loss == "cross-entropy" else 2, n)
    x = rng.standard_normal((3, 7))[labels] + 0.7 * rng.standard_normal((n, 7))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x = sl.to_slice(x, 0.8) if on_slice else np.hstack([x, 0.1 * rng.standard_normal((n, 2))])
    return x.astype(dtype), (labels if loss == "cross-entropy" else 2.0 * labels - 1)


#: Network, loss, rate, batch size, attack and whether biases are trained.
SETTINGS = {
    "gao": ({"init": "gao"}, "absolute", 0.05, None, sl.PGD(0.1, 4, domain="slice"), False),
    "gao, coupled, trained biases": (
        {"init": "gao", "coupled": True},
        "squared",
        0.05,
        16,
        sl.PGD(0.3, 3, domain="slice"),
        True,
    ),
    "zhang": ({"init": "zhang"}, "absolute", 0.01, None, sl.PGD(0.1, 4, domain="slice"), False),
    "zhang, trained biases": ({"init": "zhang"}, "logistic", 0.1, 7, sl.PGD(0.1, 2), True),
    "hu": ({"init": "hu"}, "squared", 2.0, None, sl.NoAttack(), False),
    "hu, three outputs": ({"init": "hu"}, "cross-entropy", 20.0, 16, sl.PGD(0.05, 3, norm=math.inf), True),
    "yang": (
        {"bias": "constant", "bias_value": -1.0, "kappa": 0.0},
        "squared",
        3.0,
        None,
        sl.NoAttack(),
        True,
    ),
    "yang, coupled, attacked": (
        {"bias": "constant", "bias_value": -1.0, "kappa": 0.0, "coupled": True},
        "logistic",
        20.0,
        16,
        sl.PGD(0.1, 4),
        True,
    ),
}
each_setting = pytest.mark.parametrize("name", SETTINGS)


def drawn(options, loss: str, dtype):
    outputs = 3 if loss == "cross-entropy" else 1
    return sl.TwoLayerNetwork.random(9, 200, outputs, seed=5, dtype=dtype, **options)


@each_setting
@each_dtype
def test_training_is_the_algorithm(name, dtype):
    options, loss, rate, batch_size, attack, train_biases = SETTINGS[name]
    domain = getattr(attack, "domain", None)
    x, y = problem(loss, dtype, domain == "slice")
    net = drawn(options, loss, dtype)
    written = oracle.Network.of(net)
    weights, biases = np.array(written.weights), np.array(written.biases)
    trainer = sl.Trainer(net, "margin", attack, loss, rate, batch_size=batch_size, seed=3, train_biases=train_biases)
    history = trainer.fit(x, y, epochs=4)
    expected = oracle.train(
        written,
        x,
        y,
        loss=loss,
        rate=rate,
        epochs=4,
        batch_size=batch_size,
        seed=3,
        attack=oracle.Attack.of(attack),
        train_biases=train_biases,
    )
    moved = np.linalg.norm(written.weights - weights)
    assert moved > 0.005 * np.linalg.norm(weights), "a frozen network proves nothing"
    assert np.array_equal(net.weights, written.weights)
    assert np.array_equal(net.biases, written.biases)
    assert (written.biases.tobytes() != biases.tobytes()) == train_biases
    assert history.robust_loss == expected.robust_loss


@each_setting
@each_dtype
def test_every_strategy_ends_with_the_same_bits(name, dtype):
    options, loss, rate, batch_size, attack, train_biases = SETTINGS[name]
    x, y = problem(loss, dtype, getattr(attack, "domain", None) == "slice")
    start = drawn(options, loss, dtype)
    ends = {}
    for strategy in (*sl.EXACT_STRATEGIES, "weights:kd-tree", "data:brute-force", "static:kd-tree"):
        for threads in (1, 2):
            net = start.copy()
            trainer = sl.Trainer(
                net,
                strategy,
                attack,
                loss,
                rate,
                batch_size=batch_size,
                threads=threads,
                seed=2,
                train_biases=train_biases,
            )
            history = trainer.fit(x, y, epochs=4)
            ends[strategy, threads] = net.weights.tobytes(), net.biases.tobytes(), str(history.robust_loss)
    assert len(set(ends.values())) == 1, [key for key, end in ends.items() if end != ends["dense", 1]]
    assert ends["dense", 1][0] != start.weights.tobytes()
    assert (ends["dense", 1][1] != start.biases.tobytes()) == train_biases
    assert not np.array_equal(start.fired(x).ids, net.fired(x).ids), "no neuron changed sides"


@pytest.mark.parametrize("init", sl.INITIALIZATIONS)
@pytest.mark.parametrize("bias", [None, "zero", "gaussian", "constant"])
@each_dtype
def test_coupled_networks_start_at_exactly_0(init, bias, dtype):
    value = {"bias_value": -0.01} if bias == "constant" else {}
    net = sl.TwoLayerNetwork.random(6, 128, 2, init=init, coupled=True, bias=bias, kappa=0.3, dtype=dtype, **value)
    x = np.random.default_rng(0).standard_normal((30, 6))
    assert len(net.fired(x).ids) > 200
    assert not net.decision_function(x).any()


def test_initialisations_are_those_of_the_papers():
    m = 1 << 14
    ntk, hu, gao, zhang = (sl.TwoLayerNetwork.random(10, m, init=init, dtype="float64") for init in sl.INITIALIZATIONS)
    assert ntk.threshold == pytest.approx(math.sqrt(0.4 * math.log(m)))
    assert hu.threshold == pytest.approx(math.sqrt(0.48 * math.log(m)))
    assert gao.threshold == pytest.approx(math.sqrt(2 / m) * math.sqrt(0.4 * math.log(m)))
    assert zhang.threshold == 0
    np.testing.assert_allclose(np.abs(zhang.output_weights), m ** (-1 / 3), rtol=1e-14)
    assert zhang.weights.std() == pytest.approx(m**-0.5, rel=0.02)
    assert zhang.biases.std() == pytest.approx(m**-0.5, rel=0.02)
    x = sl.to_slice(np.random.default_rng(0).standard_normal((200, 8)))
    for net, kappa in ((ntk, 0.4), (hu, 0.48), (gao, 0.4), (zhang, 0.0)):
        expected = math.erfc(math.sqrt(kappa * math.log(m) / 2)) / 2
        assert len(net.fired(x).ids) / (200 * m) == pytest.approx(expected, rel=0.1)


@each_dtype
def test_a_constant_bias_is_a_threshold_that_can_be_trained(dtype):
    x, y = problem("squared", dtype, on_slice=False)
    biased = sl.TwoLayerNetwork.random(9, 150, seed=1, kappa=0, bias="constant", bias_value=-1.25, dtype=dtype)
    plain = sl.TwoLayerNetwork.random(9, 150, seed=1, kappa=1.25, dtype=dtype)
    assert (biased.biases == -1.25).all()
    tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(biased.decision_function(x), plain.decision_function(x), rtol=0, atol=tolerance)
    trainer = sl.Trainer(biased, loss="squared", learning_rate=3.0, train_biases=True)
    trainer.fit(x, y, epochs=5)
    assert len(np.unique(biased.biases)) > 20


@pytest.mark.parametrize("loss", ["absolute", "squared", "logistic", "cross-entropy"])
def test_a_step_on_the_biases_follows_the_gradient(loss):
    x, y = problem(loss, "float64", on_slice=False, n=12)
    net = sl.TwoLayerNetwork.random(9, 24, 3 if loss == "cross-entropy" else 1, init="gao", kappa=0.3, dtype="float64")
    written = oracle.Network.of(net)
    z = written.pre_activations(x)
    sl.Trainer(net, "dense", loss=loss, learning_rate=1e-3, train_biases=True).fit(x, y, epochs=1)
    gradient = (written.biases - net.biases) / 1e-3

    def mean_loss(biases):
        changed = replace(written, biases=biases)
        return oracle.loss_and_derivative(loss, changed.outputs(x), y)[0].mean()

    h, checked = 1e-7, 0
    for r in range(24):
        if np.abs(z[:, r] - written.threshold).min() < 2 * h:
            continue
        shift = np.where(np.arange(24) == r, h, 0)
        difference = (mean_loss(written.biases + shift) - mean_loss(written.biases - shift)) / (2 * h)
        assert gradient[r] == pytest.approx(difference, rel=1e-4, abs=1e-8)
        checked += difference != 0
    assert checked > 12


def test_trained_biases_go_on_after_a_stop_and_change_the_version():
    x, y = problem("logistic", "float32", on_slice=False)
    options = {"attack": sl.PGD(0.1), "loss": "logistic", "learning_rate": 5.0, "batch_size": 16, "train_biases": True}
    whole, halves = (sl.TwoLayerNetwork.random(9, 100, init="gao", seed=2) for _ in range(2))
    sl.Trainer(whole, **options).fit(x, y, epochs=4)
    first = sl.Trainer(halves, "static", **options)
    first.fit(x, y, epochs=2)
    before = halves.version, halves.decision_function(x, index="ball-tree")
    second = sl.Trainer(halves, "dtree", **options)
    second.resume_at(first.steps_done)
    second.fit(x, y, epochs=2)
    assert halves.version > before[0]
    assert not np.array_equal(halves.decision_function(x, index="ball-tree"), before[1])
    assert whole.weights.tobytes() == halves.weights.tobytes()
    assert whole.biases.tobytes() == halves.biases.tobytes()


def test_checkpoints_keep_the_biases_of_the_best_network(tmp_path):
    best = sl.TwoLayerNetwork.random(4, 20, init="gao", seed=1)
    now = best.copy()
    x = np.random.default_rng(0).standard_normal((10, 4))
    sl.Trainer(now, loss="squared", learning_rate=0.5, train_biases=True).fit(x, x[:, 0], epochs=3)
    sl.Checkpoint(now, 3, best=best).save(tmp_path / "checkpoint")
    found = sl.Checkpoint.load(tmp_path / "checkpoint")
    for kept, given in ((found.network, now), (found.best, best)):
        assert kept.weights.tobytes() == given.weights.tobytes()
        assert kept.biases.tobytes() == given.biases.tobytes()
    assert found.best.biases.tobytes() != found.network.biases.tobytes()


def test_simhash_trains_biases_too():
    x, y = problem("logistic", "float32", on_slice=False)
    net = sl.TwoLayerNetwork.random(9, 256, init="zhang", seed=2)
    start = np.array(net.biases)
    history = sl.Trainer(net, "simhash:6x20", loss="logistic", learning_rate=0.2, train_biases=True).fit(x, y, epochs=5)
    assert history.loss[-1] < history.loss[0]
    assert not np.array_equal(net.biases, start)


def test_the_recipe_of_the_sublinear_adversarial_algorithm_trains_and_stays_sparse():
    m, n, d = 4096, 50, 16
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d - 1))
    x = np.hstack([math.sqrt(0.75) * x / np.linalg.norm(x, axis=1, keepdims=True), np.full((n, 1), 0.5)])
    y = rng.choice([-1.0, 1.0], n)
    tail = math.erfc(math.sqrt(0.2 * math.log(m))) / 2
    net = sl.TwoLayerNetwork.random(d, m, init="gao", dtype="float64")
    attack = sl.PGD(0.05, 5, domain="slice")
    trainer = sl.Trainer(net, "margin", attack, "absolute", learning_rate=n / (150 * m**0.6 * tail))
    history = trainer.fit(x, y, epochs=120)
    assert 0.8 < history.robust_loss[0] < 1.2
    assert np.mean(history.robust_loss[-10:]) < 0.65
    assert history.fired_share[0] == pytest.approx(tail, rel=0.2)
    assert history.fired_share[-1] < 2 * tail


@each_dtype
def test_attacks_on_the_slice_are_the_oracles(dtype):
    x, y = problem("logistic", dtype, on_slice=True)
    net = sl.TwoLayerNetwork.random(9, 300, init="gao", seed=1, kappa=0.7, dtype=dtype)
    written = oracle.Network.of(net)
    tolerance = {"float32": 2e-5, "float64": 1e-10}[dtype]
    exact = x.astype("float64")
    for radius in (0.05, 0.7, 5.0):
        for attack in (
            sl.PGD(radius, 6, domain="slice"),
            sl.FGSM(radius, domain="slice"),
            sl.PGD(radius, 4, random_start=True, restarts=2, domain="slice"),
        ):
            found = sl.attack_inputs(net, x, y, attack, "logistic")
            expected = oracle.attacked_inputs(oracle.Attack.of(attack), written, "logistic", x, y, 0)
            assert np.array_equal(found, expected)
            moved = found.astype("float64")
            np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, rtol=0, atol=tolerance)
            assert (moved[:, -1] == 0.5).all()
            assert np.linalg.norm(moved - exact, axis=1).max() <= radius + tolerance
            gained = written.outputs(found) - written.outputs(x)
            assert (gained[:, 0] * y).mean() < 0, "the attack lowers the margin"


def test_the_oracles_projection_gives_nearest_points():
    rng = np.random.default_rng(1)
    x = sl.to_slice(rng.standard_normal((30, 1)))
    p = x + 0.5 * rng.standard_normal(x.shape)
    angles = np.linspace(-np.pi, np.pi, 20001)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * oracle.SLICE_RADIUS
    for radius in (0.2, 1.0, 2.0):
        v = x + oracle.project_to_slice(x, p - x, radius)
        for row in range(30):
            allowed = circle[np.linalg.norm(circle - x[row, :2], axis=1) <= radius]
            best = np.linalg.norm(allowed - p[row, :2], axis=1).min()
            assert np.linalg.norm(v[row, :2] - p[row, :2]) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: sl.PGD(0.1, domain="ball"), ValueError, "domain is 'ball'"),
        (lambda: sl.PGD(0.1, norm="inf", domain="slice"), ValueError, "norm inf"),
        (lambda: sl.FGSM(0.1, clip=(0, 1), domain="slice"), ValueError, "clip"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, bias="constant", bias_value=math.nan), ValueError, "bias_value"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, bias="constant", bias_value="1"), TypeError, "bias_value"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, bias_value=1.0), ValueError, "bias_value"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, bias="large"), ValueError, "large"),
    ],
)
def test_mistakes_are_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_inputs_off_the_slice_are_refused_before_anything_changed():
    x, y = problem("logistic", "float32", on_slice=False)
    net = sl.TwoLayerNetwork.random(9, 32, seed=1)
    for attack in (sl.PGD(0.1, domain="slice"), sl.FGSM(0.1, domain="slice")):
        with pytest.raises(ValueError, match="to_slice"):
            sl.Trainer(net, "dense", attack, "logistic").fit(x, y)
        with pytest.raises(ValueError, match="to_slice"):
            sl.attack_inputs(net, x, y, attack, "logistic")
    assert np.array_equal(net.weights, sl.TwoLayerNetwork.random(9, 32, seed=1).weights)
    with pytest.raises(ValueError, match="step_size"):
        sl.Trainer(net, "dense", sl.PGD(0.1, step_size=1e9, domain="slice"), "logistic").fit(sl.to_slice(x[:, :7]), y)


def test_any_rows_go_to_the_slice_and_back():
    rng = np.random.default_rng(0)
    for d in (1, 3, 64):
        rows = rng.standard_normal((200, d)) * 10.0 ** rng.uniform(-6, 6, (200, 1))
        rows[0] = 0
        for length in (1.0, 0.01, 300.0):
            points = sl.to_slice(rows, length)
            assert points.shape == (200, d + 2)
            assert (points[:, -1] == 0.5).all()
            np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-15 * (d + 8))
            back = sl.from_slice(points, length)
            lengths = np.maximum(np.linalg.norm(rows, axis=1), length * 1e-9)
            assert (np.linalg.norm(back - rows, axis=1) / lengths).max() < 1e-6
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(sl.to_slice(unit[1:])[:, :-2], math.sqrt(0.75) * unit[1:], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(sl.to_slice(unit[1:])[:, -2], 0, atol=1e-15)
    for call, words in (
        (lambda: sl.to_slice(np.full((1, 2), 1e200)), "too long"),
        (lambda: sl.to_slice(np.ones((1, 2)), 0), "length"),
        (lambda: sl.from_slice(np.ones((1, 3))), "row 0 of V is not on the slice"),
        (lambda: sl.from_slice([[0.0, math.sqrt(0.75), 0.5]]), "pole"),
        (lambda: sl.from_slice([[1.0, 0.5]]), "3"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_attacked_points_come_back_as_rows():
    x, y = problem("logistic", "float64", on_slice=True)
    net = sl.TwoLayerNetwork.random(9, 200, init="gao", seed=1, dtype="float64")
    attacked = sl.attack_inputs(net, x, y, sl.PGD(0.1, domain="slice"), "logistic")
    rows = sl.from_slice(attacked, 0.8)
    assert rows.shape == (40, 7)
    np.testing.assert_allclose(sl.to_slice(rows, 0.8), attacked, atol=1e-12)


def test_data_sets_are_put_on_the_slice_by_name():
    data = sl.load_dataset("digits", normalization="unit+slice")
    plain = sl.load_dataset("digits")
    assert data.normalization == "unit+slice"
    assert data.n_features == plain.n_features + 2
    for there, before in ((data.X_train, plain.X_train), (data.X_test, plain.X_test)):
        assert abs(np.linalg.norm(there, axis=1) - 1).max() < 1e-12
        assert (there[:, -1] == 0.5).all()
        np.testing.assert_allclose(sl.from_slice(there), before, atol=1e-12)
    wine = sl.load_dataset("wine", normalization="standard+slice")
    assert abs(np.linalg.norm(wine.X_test, axis=1) - 1).max() < 1e-12
    net = sl.TwoLayerNetwork.random(data.n_features, 512, data.classes, seed=0)
    attack = sl.PGD(0.05, 5, domain="slice")
    history = sl.Trainer(net, attack=attack, learning_rate=sl.LinearRate(100, 0, 3), batch_size=64).fit(
        data.X_train, data.y_train, epochs=3
    )
    assert history.robust_loss[-1] < 0.7 * history.robust_loss[0]
    assert sl.evaluate(net, data.X_test, data.y_test, "cross-entropy", attack).robust_accuracy > 0.75
