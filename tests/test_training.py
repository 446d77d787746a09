"""Training against the oracle, and against itself: every strategy, thread count and SIMD level, the same bits."""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

import oracle
import sublinear as sl

LOSSES = ["absolute", "squared", "logistic", "cross-entropy"]


def problem(loss: str, n: int = 60, d: int = 9, seed: int = 0, dtype=np.float64):
    """Unit inputs in clusters and labels the loss knows."""
    rng = np.random.default_rng(seed)
    classes = 3 if loss == "cross-entropy" else 2
    labels = rng.integers(0, classes, n)
    x = rng.standard_normal((classes, d))[labels] + 0.7 * rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(dtype), (labels if loss == "cross-entropy" else 2.0 * labels - 1)


def network(loss: str, init: str = "ntk", dtype="float64", width: int = 160, d: int = 9, **options):
    outputs = 3 if loss == "cross-entropy" else 1
    return sl.TwoLayerNetwork.random(d, width, outputs, init=init, seed=5, dtype=dtype, **options)


def sha256(net) -> str:
    return hashlib.sha256(np.ascontiguousarray(net.weights).tobytes()).hexdigest()


CASES = [
    ("logistic", "ntk", 20.0, sl.PGD(radius=0.1, steps=5), None),
    ("cross-entropy", "ntk", 20.0, sl.PGD(radius=0.05, steps=4, norm=float("inf")), 16),
    ("squared", "gao", 0.05, sl.PGD(radius=0.1, steps=3), 25),
    ("absolute", "gao", 0.05, sl.FGSM(radius=0.05, norm=float("inf")), None),
    ("logistic", "gao", 0.3, sl.NoAttack(), 7),
]


@pytest.mark.parametrize(("loss", "init", "rate", "attack", "batch_size"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_is_the_algorithm(loss, init, rate, attack, batch_size, dtype):
    x, y = problem(loss, dtype=dtype)
    net = network(loss, init, dtype)
    written = oracle.Network.of(net)
    start = np.array(written.weights)
    trainer = sl.Trainer(net, "margin", attack=attack, loss=loss, learning_rate=rate, batch_size=batch_size, seed=3)
    history = trainer.fit(x, y, epochs=4)
    expected = oracle.train(
        written,
        x,
        y,
        loss=loss,
        rate=rate,
        epochs=4,
        attack=oracle.Attack.of(attack),
        batch_size=batch_size,
        seed=3,
    )
    moved = np.linalg.norm(written.weights - start)
    assert moved > 0.01 * np.linalg.norm(start), "a frozen network proves nothing"
    assert np.array_equal(net.weights, written.weights)
    assert history.robust_loss == expected.robust_loss


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("init", ["ntk", "gao"])
def test_a_step_follows_the_gradient(loss, init):
    """One clean step against central differences of the mean loss, away from the threshold."""
    x, y = problem(loss, n=12, d=4)
    net = network(loss, init, width=24, d=4, kappa=0.3)
    start = net.copy()
    z = oracle.Network.of(net).pre_activations(x)
    rate = 1e-3
    sl.Trainer(net, "dense", loss=loss, learning_rate=rate).fit(x, y, epochs=1)
    gradient = (start.weights - net.weights) / rate

    def mean_loss(weights):
        changed = sl.TwoLayerNetwork(
            weights,
            start.output_weights,
            start.biases,
            threshold=start.threshold,
            scale=start.scale,
            activation=start.activation,
        )
        f = changed.decision_function(x).reshape(len(x), -1)
        return oracle.loss_and_derivative(loss, f, y)[0].mean()

    h = 1e-6
    checked = 0
    for r, j in itertools.product(range(24), range(4)):
        if np.abs(z[:, r] - start.threshold).min() < 2 * h:
            continue
        shift = np.zeros_like(start.weights)
        shift[r, j] = h
        difference = (mean_loss(start.weights + shift) - mean_loss(start.weights - shift)) / (2 * h)
        assert gradient[r, j] == pytest.approx(difference, rel=1e-4, abs=1e-8)
        checked += difference != 0
    assert checked > 24


@pytest.mark.parametrize(("loss", "init", "rate", "attack", "batch_size"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_strategy_ends_with_the_same_bits(loss, init, rate, attack, batch_size, dtype):
    x, y = problem(loss, dtype=dtype)
    start = network(loss, init, dtype)
    results = {}
    for strategy in (*sl.EXACT_STRATEGIES, "weights:kd-tree", "data:brute-force"):
        for threads in (1, 2):
            net = start.copy()
            trainer = sl.Trainer(
                net,
                strategy,
                attack=attack,
                loss=loss,
                learning_rate=rate,
                batch_size=batch_size,
                threads=threads,
                seed=2,
            )
            history = trainer.fit(x, y, epochs=4)
            results[strategy, threads] = sha256(net), history.robust_loss, history.fired_share
    assert len(set(map(str, results.values()))) == 1, results
    assert results["dense", 1][0] != sha256(start)
    before, after = start.fired(x), net.fired(x)
    assert not np.array_equal(before.ids, after.ids), "no neuron changed sides: a frozen network proves nothing"


def test_each_strategy_does_its_own_kind_of_work():
    x, y = problem("logistic", n=80, dtype="float32")
    works = {}
    for strategy in sl.EXACT_STRATEGIES:
        net = network("logistic", dtype="float32", width=512)
        trainer = sl.Trainer(net, strategy, attack=sl.PGD(radius=0.02), loss="logistic", learning_rate=2.0)
        works[strategy] = trainer.fit(x, y, epochs=8).work[-1]
    pairs = 80 * 512
    attack = works["dense"].inner_products - pairs  # what is left when the scan is taken away
    assert 0 < attack < 11 * pairs
    for name in ("weights", "data", "dtree", "wtree"):
        assert works[name].bounds > 0, name
    assert works["margin"].inner_products < works["dense"].inner_products
    assert works["margin"].rows_reasked < pairs
    for name, work in works.items():
        assert work.candidates >= work.fired > 0, name
        assert work.fired == works["dense"].fired, name
        assert work.rows_moved == works["dense"].rows_moved, name


SCRIPT = """
import sys; sys.path.insert(0, {tests!r})
import sublinear as sl, test_training as t
x, y = t.problem("cross-entropy", dtype="float32")
for strategy in ("dense", "margin", "weights"):
    net = t.network("cross-entropy", "ntk", "float32")
    trainer = sl.Trainer(net, strategy, attack=sl.PGD(0.05), learning_rate=20.0, batch_size=16)
    trainer.fit(x, y, epochs=3)
    print(sl.simd_level(), t.sha256(net))
"""


def python(script, level, folder):
    """Runs a script at a SIMD level, away from the source tree, which would hide the installed package."""
    environment = {**os.environ, "SUBLINEAR_SIMD": level}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_simd_level_gives_the_same_bits(tmp_path):
    hashes = {}
    for level in sl.build_info()["simd_levels"]:
        done = python(SCRIPT.format(tests=str(pathlib.Path(__file__).parent)), level, tmp_path)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            used, digest = line.split()
            assert used == level
            hashes.setdefault(digest, []).append(level)
    assert len(hashes) == 1, hashes


# What is called first at a level that is not to be had; importing the package is no call.
FIRST_CALLS = {
    "simd_level": "sl.simd_level()",
    "index": "sl.KDTree(np.zeros((3, 2))).report(np.ones(2), 0.0)",
    "quantized": "sl.QuantizedScan(np.zeros((3, 2))).report(np.ones(2), 0.0)",
    "outputs": "sl.TwoLayerNetwork.random(2, 4).decision_function(np.ones((3, 2)))",
    "training": "sl.Trainer(sl.TwoLayerNetwork.random(2, 8), loss='logistic').fit(np.ones((9, 2)), np.ones(9), 1)",
}


@pytest.mark.parametrize("call", FIRST_CALLS)
def test_an_unavailable_simd_level_is_an_error_that_names_the_levels(call, tmp_path):
    offered = sl.build_info()["simd_levels"]
    refused = [level for level in ("baseline", "avx2", "avx512", "neon") if level not in offered]
    assert refused, "no processor offers all of them"
    script = f"import numpy as np, sublinear as sl; print('imported'); {FIRST_CALLS[call]}"
    for level in ("sse9", *refused):
        done = python(script, level, tmp_path)
        assert done.stdout == "imported\n", done.stderr
        assert done.returncode == 1
        message = done.stderr.splitlines()[-1]
        assert message.startswith(
            f"ValueError: SUBLINEAR_SIMD={level}: this machine and build offer {', '.join(offered)}"
        )


def test_three_epochs_and_three_more_are_six():
    x, y = problem("logistic")
    for strategy, batch_size in itertools.product(("margin", "dense", "dtree"), (None, 16)):
        options = {"attack": sl.PGD(radius=0.1, random_start=True), "loss": "logistic", "batch_size": batch_size}
        rate = sl.LinearRate(20, 0, epochs=6)
        whole, halves = network("logistic"), network("logistic")
        six = sl.Trainer(whole, strategy, learning_rate=rate, **options).fit(x, y, epochs=6)
        trainer = sl.Trainer(halves, strategy, learning_rate=rate, **options)
        three = trainer.fit(x, y, epochs=3)
        more = trainer.fit(x.copy(), y.copy(), epochs=3)
        assert sha256(whole) == sha256(halves)
        assert three.robust_loss + more.robust_loss == six.robust_loss


def test_other_data_in_between_is_noticed():
    x, y = problem("logistic")
    other_x, other_y = problem("logistic", seed=1)
    ends = set()
    for strategy in sl.EXACT_STRATEGIES:
        net = network("logistic")
        trainer = sl.Trainer(net, strategy, attack=sl.PGD(radius=0.1), loss="logistic", learning_rate=10.0)
        for inputs, labels in ((x, y), (other_x, other_y), (x, y)):
            trainer.fit(inputs, labels, epochs=2)
        ends.add(sha256(net))
    assert len(ends) == 1


@pytest.mark.parametrize("changed", ["inputs", "labels", "weights"])
def test_arrays_that_are_changed_in_place_are_other_data(changed):
    """The usual loop of augmentation: the same array, filled anew before each epoch."""
    x, y = problem("logistic")
    arrays = {"inputs": x, "labels": y, "weights": np.ones(len(x))}
    net, copied = network("logistic"), network("logistic")
    options = {"attack": sl.PGD(radius=0.1), "loss": "logistic", "learning_rate": 10.0, "batch_size": 16}
    trainer, other = sl.Trainer(net, **options), sl.Trainer(copied, **options)
    for k in range(3):
        if k > 0:
            arrays[changed][:] = np.roll(arrays[changed], k, axis=0) * (k if changed == "weights" else 1)
            arrays[changed][: 10 * k] *= -1 if changed != "weights" else 0.5
        trainer.fit(x, y, sample_weight=arrays["weights"])
        other.fit(x.copy(), y.copy(), sample_weight=arrays["weights"].copy())
        assert sha256(net) == sha256(copied)
    assert trainer.recall() == 1
    built = trainer.build_seconds
    trainer.fit(x, y, sample_weight=arrays["weights"])
    assert trainer.build_seconds == built, "equal data are not another time built for"


def test_arrays_that_a_callback_changes_do_not_matter():
    x, y = problem("logistic")
    held_out, held_out_y = problem("logistic", seed=1)
    expected = sl.Trainer(network("logistic"), loss="logistic").fit(x, y, 3, (held_out, held_out_y))

    def spoil(progress):
        for array in (x, y, held_out, held_out_y):
            array[:] = np.nan

    found = sl.Trainer(network("logistic"), loss="logistic").fit(x, y, 3, (held_out, held_out_y), [spoil])
    assert found.loss == expected.loss
    assert found.validation_robust_loss == expected.validation_robust_loss


def test_the_two_classes_are_those_of_the_first_call():
    x, y = problem("logistic")
    net, other = network("logistic"), network("logistic")
    trainer, expected = (sl.Trainer(each, loss="logistic", learning_rate=5.0) for each in (net, other))
    trainer.fit(x, np.where(y > 0, 7, 3))
    trainer.fit(x[y > 0], np.full(int((y > 0).sum()), 7))  # a part with one class
    expected.fit(x, y)
    expected.fit(x[y > 0], y[y > 0])
    assert sha256(net) == sha256(other)
    with pytest.raises(ValueError, match="is 9; the two classes are 3 and 7"):
        trainer.fit(x, np.where(y > 0, 9, 7))


def test_data_of_another_size_are_seen_whole():
    x, y = problem("logistic", n=60)
    trainer = sl.Trainer(network("logistic"), loss="logistic", learning_rate=0.0, batch_size=25)
    seen = []
    for rows in (60, 50, 60):  # 3, 2 and 3 steps an epoch
        trainer.fit(x[:rows], y[:rows], callbacks=[lambda progress: seen.append(progress.inputs)])
    assert seen == [25, 25, 10, 25, 25, 25, 25, 10]


def test_interrupted_training_goes_on_where_it_stopped():
    x, y = problem("logistic")
    options = {"attack": sl.PGD(radius=0.1), "loss": "logistic", "learning_rate": 10.0, "batch_size": 16}
    whole, stopped = network("logistic"), network("logistic")
    sl.Trainer(whole, "margin", **options).fit(x, y, epochs=3)
    trainer = sl.Trainer(stopped, "margin", **options)

    def interrupt(progress):
        if trainer.steps_done == 6:  # 4 steps an epoch: inside the second one
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(x, y, epochs=3, callbacks=[interrupt])
    assert trainer.steps_done == 6
    trainer.fit(x, y, epochs=2)
    assert trainer.steps_done == 12
    assert sha256(whole) == sha256(stopped)


@pytest.mark.posix
def test_ctrl_c_ends_a_long_step_which_then_has_not_happened():
    # One long step, in many blocks of inputs; the signal comes after a twentieth of a second.
    x, y = problem("logistic", n=6000, d=32, dtype=np.float32)
    net = network("logistic", width=4000, d=32, dtype="float32")
    before = sha256(net)
    trainer = sl.Trainer(
        net,
        sl.Strategy.of("dense").replace(max_bytes=1_000_000),
        attack=sl.PGD(radius=0.1, steps=20),
        loss="logistic",
        learning_rate=10.0,
        threads=1,
    )

    def interrupt(number, frame):
        raise KeyboardInterrupt

    trainer.fit(x, y, epochs=0)  # prepares
    handler = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(x, y, epochs=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert trainer.steps_done == 0
    assert sha256(net) == before
    trainer.fit(x[:200], y[:200], epochs=1)
    assert trainer.steps_done == 1


@pytest.mark.parametrize(("stop_at", "recorded"), [(2, 0), (4, 1), (6, 1)])
def test_a_callback_can_end_the_call_after_its_step(stop_at, recorded):
    x, y = problem("logistic")
    trainer = sl.Trainer(network("logistic"), loss="logistic", learning_rate=1.0, batch_size=16)
    told = []
    history = trainer.fit(
        x, y, 5, callbacks=[lambda p: p.step % 4 != stop_at % 4 or len(told) + 1 < stop_at, told.append]
    )
    assert trainer.steps_done == len(told) == stop_at
    assert len(history.seconds) == recorded
    assert (told[-1].epochs, told[-1].steps_per_epoch) == (5, 4)


def test_validation_is_judged_after_each_epoch_and_checked_before_the_first():
    x, y = problem("cross-entropy", n=90)
    net = network("cross-entropy")
    attack = sl.PGD(radius=0.1, steps=3)
    trainer = sl.Trainer(net, attack=attack, learning_rate=20.0)
    for bad, words in (
        ((x, y[:-1]), "shape"),
        ((x[:, :5], y), "columns"),
        ((x, y + 1), "row"),
        ((x[:0], y[:0]), "no rows"),
    ):
        with pytest.raises(ValueError, match=words):
            trainer.fit(x, y, validation=bad)
    assert trainer.steps_done == 0
    history = trainer.fit(x[:60], y[:60], epochs=3, validation=(x[60:], y[60:]))
    judged = sl.evaluate(net, x[60:], y[60:], "cross-entropy", attack)
    for name, figure in judged.as_dict().items():
        column = getattr(history, f"validation_{name}")
        assert len(column) == 3
        assert column[-1] == figure
    assert history.as_dict()["work"][0]["fired"] == history.work[0].fired


def test_duplicates_coupled_rows_and_smallest_sizes():
    for n, d, width in ((1, 1, 1), (1, 5, 2), (4, 1, 64), (30, 3, 64)):
        rng = np.random.default_rng(n)
        x = np.repeat(rng.integers(-2, 3, (max(1, n // 3), d)), 3, axis=0)[:n].astype("float32")
        y = np.where(np.arange(len(x)) % 2, 1, -1)
        ends = set()
        for strategy in sl.EXACT_STRATEGIES:
            net = sl.TwoLayerNetwork.random(d, width, coupled=width > 1, kappa=0.5, seed=1)
            sl.Trainer(net, strategy, attack=sl.PGD(radius=0.1), loss="logistic", learning_rate=3.0).fit(x, y, epochs=3)
            ends.add(sha256(net))
        assert len(ends) == 1


def test_neurons_exactly_on_the_threshold_fire_for_every_strategy():
    rng = np.random.default_rng(0)
    weights = rng.integers(-3, 4, (200, 6)).astype("float32")
    x = rng.integers(-2, 3, (40, 6)).astype("float32")
    y = np.where(x[:, 0] > 0, 1, -1)
    fired = (x @ weights.T) >= 7
    assert ((x @ weights.T) == 7).sum() > 20
    ends = set()
    for strategy in sl.EXACT_STRATEGIES:
        net = sl.TwoLayerNetwork(weights, np.ones((200, 1), "float32"), threshold=7, scale=0.1, activation="jump")
        assert np.array_equal(net.fired(x).to_scipy().toarray().astype(bool), fired)
        history = sl.Trainer(net, strategy, loss="logistic", learning_rate=0.5).fit(x, y, epochs=3)
        assert history.fired_share[0] == fired.mean()
        ends.add(sha256(net))
    assert len(ends) == 1


def test_a_structure_that_may_not_be_that_large_is_refused_by_name_and_size():
    x, y = problem("logistic")
    for strategy in ("dtree", "wtree"):
        small = sl.STRATEGIES[strategy].replace(max_bytes=1000)
        with pytest.raises(MemoryError, match=rf"{strategy}.*1000 bytes"):
            sl.Trainer(network("logistic"), small, loss="logistic", learning_rate=1.0).fit(x, y)
    expected = network("logistic")
    sl.Trainer(expected, "dense", loss="logistic", learning_rate=5.0, attack=sl.PGD(radius=0.5)).fit(x, y, epochs=3)
    for strategy in ("margin", "data", "weights"):
        net = network("logistic")
        tight = sl.STRATEGIES[strategy].replace(max_bytes=2000)
        sl.Trainer(net, tight, loss="logistic", learning_rate=5.0, attack=sl.PGD(radius=0.5)).fit(x, y, epochs=3)
        assert sha256(net) == sha256(expected)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.full((60, 9), np.nan)}, ValueError, "nan"),
        ({"x": np.full((60, 9), np.inf)}, ValueError, "inf"),
        ({"x": np.zeros((60, 8))}, ValueError, "8"),
        ({"x": np.zeros(60)}, ValueError, "dimension"),
        ({"x": np.zeros((0, 9)), "y": np.zeros(0)}, ValueError, "at least one|empty"),
        ({"x": np.full((60, 9), "a")}, TypeError, ""),
        ({"x": np.zeros((60, 9), complex)}, TypeError, "complex"),
        ({"y": np.zeros(59)}, ValueError, "59"),
        ({"y": np.zeros(60)}, ValueError, "two"),
        ({"y": np.arange(60.0)}, ValueError, "two"),
        ({"y": np.full(60, np.nan)}, ValueError, ""),
        ({"loss": "cross-entropy"}, ValueError, "output"),
        ({"loss": "hinge"}, ValueError, "hinge"),
        ({"strategy": "magic"}, ValueError, "magic"),
        ({"strategy": "weights:magic"}, ValueError, "magic"),
        ({"strategy": "dense:kd-tree"}, ValueError, "kd-tree|index"),
        ({"learning_rate": -1.0}, ValueError, "-1"),
        ({"learning_rate": float("nan")}, ValueError, "nan"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"threads": -2}, ValueError, "threads"),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"attack": "pgd"}, TypeError, "attack"),
    ],
)
def test_bad_arguments_are_refused_before_anything_changed(change, error, words):
    x, y = problem("logistic")
    given = {"x": x, "y": y, "loss": "logistic", "strategy": "margin", "learning_rate": 1.0, "epochs": 1, **change}
    net = network("logistic")
    before = sha256(net)
    fit = {name: given.pop(name) for name in ("x", "y", "epochs")}
    with pytest.raises(error, match=f"(?i){words}"):
        sl.Trainer(net, **given).fit(fit["x"], fit["y"], epochs=fit["epochs"])
    assert sha256(net) == before


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: sl.PGD(radius=-0.1), ValueError),
        (lambda: sl.PGD(radius=float("nan")), ValueError),
        (lambda: sl.PGD(radius=0.1, steps=-1), ValueError),
        (lambda: sl.PGD(radius=0.1, norm=1), ValueError),
        (lambda: sl.PGD(radius=0.1, restarts=3), ValueError),
        (lambda: sl.PGD(radius=0.1, clip=(1, 0)), ValueError),
        (lambda: sl.PGD(radius="a"), TypeError),
        (lambda: sl.FGSM(radius=-1), ValueError),
        (lambda: sl.LinearRate(-1, 0, epochs=2), ValueError),
        (lambda: sl.LinearRate(1, 0, epochs=0), ValueError),
    ],
)
def test_attacks_and_schedules_check_their_arguments(make, error):
    with pytest.raises(error):
        make()


def test_clip_refuses_inputs_outside_the_box_and_keeps_attacks_inside():
    x, y = problem("logistic")
    net = network("logistic")
    with pytest.raises(ValueError, match="clip"):
        sl.Trainer(net, loss="logistic", learning_rate=1.0, attack=sl.PGD(radius=0.1, clip=(0, 1))).fit(x, y)
    attack = sl.PGD(radius=0.5, clip=(-1, 1))
    attacked = sl.attack_inputs(net, x, y, attack=attack, loss="logistic")
    assert np.abs(attacked).max() <= 1
    assert np.linalg.norm(attacked - x, axis=1).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [1e3, 1e30, 1e200])
def test_every_strategy_diverges_at_the_same_step(dtype, rate):
    x, y = problem("squared", n=20, dtype=dtype)
    ends = set()
    for strategy in sl.EXACT_STRATEGIES:
        net = network("squared", dtype=dtype, width=32)
        trainer = sl.Trainer(net, strategy, attack=sl.FGSM(0.1), loss="squared", learning_rate=rate)
        before = []
        with pytest.raises(sl.DivergenceError) as refused:
            trainer.fit(x, y, epochs=300, callbacks=[lambda progress: before.append(sha256(net))])  # noqa: B023
        assert sha256(net) == (before or [sha256(network("squared", dtype=dtype, width=32))])[-1]
        ends.add((trainer.steps_done, str(refused.value), sha256(net)))
    assert len(ends) == 1


def test_divergence_is_an_error_and_leaves_finite_weights():
    x, y = problem("squared")
    net = network("squared")
    trainer = sl.Trainer(net, loss="squared", learning_rate=1e7)
    with pytest.raises(sl.DivergenceError, match="learning rate"):
        trainer.fit(x, y, epochs=2000)
    assert np.isfinite(net.weights).all()


def test_evaluation_agrees_with_the_oracle():
    x, y = problem("cross-entropy", n=200)
    net = network("cross-entropy")
    sl.Trainer(net, loss="cross-entropy", learning_rate=20.0).fit(x, y, epochs=10)
    attack = sl.PGD(radius=0.2, steps=5)
    result = sl.evaluate(net, x, y, loss="cross-entropy", attack=attack)
    written = oracle.Network.of(net)
    attacked = oracle.attacked_inputs(oracle.Attack.of(attack), written, "cross-entropy", x, y, 0)
    for points, loss, accuracy in (
        (x, result.clean_loss, result.clean_accuracy),
        (attacked, result.robust_loss, result.robust_accuracy),
    ):
        f = written.outputs(points)
        assert loss == oracle.loss_and_derivative("cross-entropy", f, y)[0].mean()
        assert accuracy == (f.argmax(axis=1) == y).mean()
    assert result.robust_accuracy < result.clean_accuracy


def test_validation_that_is_refused_changes_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(float)
    trainer = sl.Trainer(sl.TwoLayerNetwork.random(3, 16), loss="logistic", batch_size=10, threads=1)
    with pytest.raises(ValueError, match="X has 2 columns; give 3"):
        trainer.fit(X, y + 3, validation=(X[:, :2], y + 3))
    trainer.fit(X, y, callbacks=[lambda progress: progress.step < 2])  # labels 3 and 4 were not kept
    assert trainer.steps_done == 2
    with pytest.raises(ValueError, match="label in row"):
        trainer.fit(X[:20], y[:20], validation=(X, y + 3))
    assert trainer.steps_done == 2
    assert len(trainer.candidates()) == 60
