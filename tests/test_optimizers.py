"""Optimizers: the bits of the NumPy oracle, state that is kept. Beside torch.optim: test_torch_optimizers.py."""

from __future__ import annotations

import numpy as np
import pytest

import oracle
import sublinear as sl
from sublinear.training_run import CHECKPOINT, TrainSettings, train

TEXTS = (
    "momentum", "momentum:momentum=0.5,lazy=false", "momentum:weight_decay=0.01", "nesterov",
    "nesterov:weight_decay=0.02,lazy=false", "adam", "adam:lazy=false", "adam:weight_decay=0.01",
    "adam:weight_decay=0.01,lazy=false", "adam:clip_norm=0.01", "gradient:clip_norm=0.02", "adamw",
    "adamw:weight_decay=0.1,lazy=false",
)  # fmt: skip


def problem(dtype="float64", outputs=3, width=60, n=24, d=6, seed=0, **options):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    net = sl.TwoLayerNetwork.random(d, width, outputs, seed=seed, dtype=dtype, **options)
    return X, rng.integers(0, outputs, n), net


def trainer(net, text, rate=0.2, **options):
    return sl.Trainer(net, loss="cross-entropy", learning_rate=rate, optimizer=text, **options)


def by_oracle(text):
    chosen = sl.Optimizer.of(text)
    own = {"momentum": chosen.momentum, "lazy": chosen.lazy}
    if chosen.weight_decay is not None or chosen.name == "adamw":
        own["weight_decay"] = 0.01 if chosen.weight_decay is None else chosen.weight_decay
    if chosen.name in ("momentum", "nesterov"):
        return oracle.Momentum(nesterov=chosen.name == "nesterov", **own)
    return oracle.Adam(decoupled=chosen.name == "adamw", **own)


@pytest.mark.parametrize("text", [text for text in TEXTS if "clip" not in text])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_are_those_of_the_oracle(text, dtype):
    X, y, net = problem(dtype)
    expected = oracle.Network(
        np.array(net.weights), np.array(net.output_weights), np.array(net.biases),
        net.weights.dtype.type(net.threshold), net.weights.dtype.type(net.scale), net.activation,
    )  # fmt: skip
    oracle.train(
        expected, X, y, loss="cross-entropy", rate=oracle_rate, epochs=6, attack=oracle.Attack(0.05, 3), batch_size=4,
        train_biases=True, optimizer=by_oracle(text),
    )  # fmt: skip
    trainer(net, text, library_rate, attack=sl.PGD(0.05, 3), batch_size=4, train_biases=True).fit(X, y, 6)
    assert np.array_equal(net.weights, expected.weights)
    assert np.array_equal(net.biases, expected.biases)


def oracle_rate(step, per_epoch):
    return library_rate(step, per_epoch)


def library_rate(step, per_epoch):
    return 0.05 / (1 + step % 5)


@pytest.mark.parametrize("text", TEXTS)
def test_every_strategy_and_number_of_threads_gives_the_same_bits(text):
    ends = set()
    for strategy in sl.EXACT_STRATEGIES:
        for threads in (1, 3):
            X, y, net = problem("float32", width=300)
            made = trainer(net, text, strategy=strategy, attack=sl.PGD(0.05, 3), batch_size=8, threads=threads)
            made.fit(X, y, 3)
            ends.add(net.weights.tobytes())
    assert len(ends) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_a_run_that_goes_on_from_its_state_ends_with_the_same_bits(text):
    X, y, whole = problem("float32")
    parts = whole.copy()
    trainer(whole, text, batch_size=4, train_biases=True).fit(X, y, 5)
    first = trainer(parts, text, batch_size=4, train_biases=True)
    first.fit(X, y, 2)
    second = trainer(parts, text, batch_size=4, train_biases=True)
    second.resume_at(first.steps_done, first.optimizer_state())
    second.fit(X, y, 3)
    assert np.array_equal(parts.weights, whole.weights)
    assert np.array_equal(parts.biases, whole.biases)
    # Other data: the structures are made anew, what the optimizer remembers stays.
    before = second.optimizer_state()
    second.fit(X[::-1].copy(), y[::-1].copy(), 0)
    after = second.optimizer_state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("biases", [False, True])
def test_gradients_longer_than_the_limit_are_shortened_to_it(biases):
    X, y, net = problem()
    start, clipped = net.copy(), net.copy()

    def moved(each, text):
        trainer(each, text, 1.0, train_biases=biases).fit(X, y)
        return np.hstack([each.weights - start.weights, (each.biases - start.biases)[:, None]])

    free = moved(net, "gradient")
    length = np.linalg.norm(free)
    np.testing.assert_allclose(moved(clipped, f"gradient:clip_norm={length / 3}"), free / 3, rtol=1e-9, atol=1e-14)
    untouched = start.copy()
    assert np.array_equal(moved(untouched, f"gradient:clip_norm={length * 1.01}"), free)


@pytest.mark.parametrize("text", ["momentum:weight_decay=0.01", "adamw:weight_decay=0.3"])
def test_rows_that_miss_a_thousand_steps_take_them_then(text):
    # No neuron fires at 0: all that moves is decay, and what momentum is left.
    _, _, net = problem(outputs=2, width=12, kappa=0.5)
    eager, zero = net.copy(), np.zeros((1, net.n_features))
    start = np.array(net.weights)
    made, beside = trainer(net, text, 0.01), trainer(eager, f"{text},lazy=false", 0.01)
    made.fit(zero, [0], 1023)
    assert np.array_equal(net.weights, start)
    assert made.fit(zero, [0], 1).work[0].rows_moved == 12
    beside.fit(zero, [0], 1024)
    np.testing.assert_allclose(net.weights, eager.weights, rtol=1e-10)
    assert not np.allclose(net.weights, start, rtol=1e-3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("adagrad", "known are 'gradient', 'gauss-newton', 'momentum'"),
        ("momentum:beta=0.9", "'beta' is no choice"),
        ("momentum:momentum=1.0", r"in \[0, 1\)"),
        ("momentum:momentum=x", "give a number"),
        ("momentum:damping=1", "has no damping"),
        ("gradient:momentum=0.5", "has no momentum"),
        ("adam:epsilon=0", "epsilon"),
        ("adamw:weight_decay=-1", "weight_decay"),
    ],
)
def test_what_does_not_fit_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        sl.Optimizer.of(given)


def test_states_of_others_are_refused_and_change_nothing():
    X, y, net = problem()
    made = trainer(net, "adam")
    made.fit(X, y, 2)
    kept = made.optimizer_state()
    other = trainer(net.copy(), "momentum")
    other.fit(X, y, 1)
    damaged = {**kept, "numbers.moved_at": kept["numbers.moved_at"] + 1000}
    for wrong in (other.optimizer_state(), damaged, {"values.first": kept["values.first"][:-1]}, {"x": np.zeros(1)}):
        with pytest.raises(ValueError, match="state"):
            made.resume_at(2, wrong)
        assert all(np.array_equal(kept[name], array) for name, array in made.optimizer_state().items())


def test_texts_are_read_back():
    for text in TEXTS:
        chosen = sl.Optimizer.of(text)
        assert sl.Optimizer.of(str(chosen)) == chosen


def test_a_training_run_that_was_stopped_goes_on_with_the_same_bits(tmp_path):
    settings = TrainSettings("iris", width=64, epochs=3, batch_size=16, steps=1, optimizer="adam", learning_rate=0.05)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = train(settings, tmp_path / "whole").network
    stopped = []

    def stop(progress, _):
        stopped.append(progress)
        if len(stopped) == 10:
            raise KeyboardInterrupt

    assert train(settings, tmp_path / "parts", watch=stop).ending == "interrupted"
    kept = sl.Checkpoint.load(tmp_path / "parts" / CHECKPOINT)
    assert kept.optimizer["values.first"].any()
    resumed = train(settings, tmp_path / "parts", resume=True).network
    assert np.array_equal(resumed.weights, whole.weights)


def test_estimators_take_optimizers_and_go_on():
    X, y, _ = problem(n=60)
    once = sl.SublinearClassifier(64, epochs=4, optimizer="momentum", random_state=0).fit(X, y)
    parts = sl.SublinearClassifier(64, epochs=4, optimizer="momentum", random_state=0)
    for strategy in ("margin", "margin", "dense", "dense"):
        parts.set_params(strategy=strategy).partial_fit(X, y)
    assert np.array_equal(once.network_.weights, parts.network_.weights)
    with pytest.raises(ValueError, match="give a rate"):
        sl.SublinearClassifier(64, optimizer="adam").fit(X, y)
    by_adam = sl.SublinearClassifier(64, optimizer="adam", learning_rate=0.05, epochs=60, random_state=0).fit(X, y)
    assert by_adam.score(X, y) > 0.7


@pytest.mark.parametrize("text", ["gradient", "adam"])
def test_averages_go_on_from_a_state_and_change_no_training(text):
    hashes, averages = set(), set()
    for average, strategy, stops in ((None, "margin", False), (0.9, "dense", False), (0.9, "margin", True)):
        X, y, net = problem(width=90)
        made = trainer(net, text, strategy=strategy, average=average)
        made.fit(X, y, epochs=2)
        if stops:
            before = made
            made = trainer(net, text, strategy=strategy, average=average)
            made.resume_at(before.steps_done, before.optimizer_state())
        made.fit(X, y, epochs=2)
        hashes.add(net.weights.tobytes())
        if average is not None:
            averages.add(made.averaged().weights.tobytes())
    assert len(hashes) == len(averages) == 1
    assert hashes != averages


def test_averages_that_are_not_kept_or_out_of_range_are_refused():
    X, y, net = problem()
    for average in (0, -1, 1.5, np.nan):
        with pytest.raises(ValueError, match=r"average is"):
            sl.Trainer(net, average=average)
    with pytest.raises(ValueError, match=r"keeps no average; make it with average=0\.999"):
        sl.Trainer(net).averaged()
    made = sl.Trainer(net, average=1)
    with pytest.raises(ValueError, match=r"no average yet; call fit"):
        made.averaged()
    made.fit(X, y)
    assert np.array_equal(made.averaged().weights, net.weights)  # over one step
    with pytest.raises(ValueError, match=r"no averages of such a network"):
        made.resume_at(1, {name: value for name, value in made.optimizer_state().items() if "until" not in name})
