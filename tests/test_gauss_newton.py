"""Gauss-Newton steps, against least squares on the dense Jacobian."""

from __future__ import annotations

import numpy as np
import pytest

import sublinear as sl


def problem(n, d, width, seed=0, **options):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    net = sl.TwoLayerNetwork.random(d, width, seed=seed + 1, coupled=True, dtype="float64", **options)
    return X, rng.choice([-1.0, 1.0], n), net


def jacobian(net, X, biases):
    """(n, m d), with (n, m) columns for the biases after it."""
    fires = (X @ net.weights.T + net.biases >= net.threshold) * (net.scale * net.output_weights[:, 0])
    parts = [(fires[:, :, None] * X[:, None, :]).reshape(len(X), -1)] + ([fires] if biases else [])
    return np.hstack(parts)


def trainer(net, rate=1.0, **options):
    return sl.Trainer(net, loss="squared", learning_rate=rate, optimizer="gauss-newton", **options)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", ["shifted", "jump"])
def test_a_step_is_the_least_squares_step_on_the_dense_jacobian(biases, activation):
    X, y, net = problem(25, 6, 400, activation=activation)
    J = jacobian(net, X, biases)
    residual = net.decision_function(X) - y
    assert np.linalg.matrix_rank(J) == len(X)
    expected = np.linalg.lstsq(J, residual, rcond=None)[0]  # the smallest step that undoes the residual
    start = net.copy()
    trainer(net, damping=1e-13, train_biases=biases).fit(X, y)
    moved = (start.weights - net.weights).ravel()
    if biases:
        moved = np.concatenate([moved, start.biases - net.biases])
    np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("damping", "rate"), [(1e-3, 1.0), (0.5, 1.0), (0.1, 0.3)])
def test_damping_and_rate_are_those_of_the_formula(damping, rate):
    X, y, net = problem(30, 5, 300)
    J = jacobian(net, X, False)
    gram = J @ J.T
    shift = damping * np.trace(gram) / len(X)
    g = np.linalg.solve(gram + shift * np.eye(len(X)), net.decision_function(X) - y)
    start = net.copy()
    trainer(net, rate, damping=damping).fit(X, y)
    np.testing.assert_allclose((start.weights - net.weights).ravel(), rate * J.T @ g, rtol=1e-9, atol=1e-12)


def test_repeated_inputs_are_solved_with_damping():
    X, y, net = problem(20, 5, 300)
    X[10:], y[10:] = X[:10], y[:10]
    history = trainer(net).fit(X, y, 6)
    assert history.loss[-1] < 1e-3 * history.loss[0]


def test_a_thousand_points_are_fitted_in_a_handful_of_steps_where_gradients_need_hundreds():
    X, y, net = problem(1000, 32, 8192)
    by_gradient = net.copy()
    history = trainer(net).fit(X, y, 8)
    assert history.loss[-1] < 1e-3 * history.loss[0]
    largest = np.linalg.eigvalsh(jacobian_gram(by_gradient, X))[-1]
    slow = sl.Trainer(by_gradient, loss="squared", learning_rate=len(X) / largest).fit(X, y, 100)
    assert slow.loss[-1] > 10 * history.loss[-1]


def jacobian_gram(net, X):
    fired = net.fired(X).to_scipy().astype(float)
    return (fired @ fired.T).toarray() * (X @ X.T) * net.scale**2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_strategy_and_number_of_threads_gives_the_same_bits_under_attack(dtype):
    X, y, _ = problem(60, 8, 64)
    ends = set()
    for strategy in sl.EXACT_STRATEGIES:
        for threads in (1, 3):
            net = sl.TwoLayerNetwork.random(8, 512, seed=5, dtype=dtype)
            made = trainer(net, 0.5, strategy=strategy, attack=sl.PGD(0.05, 4), threads=threads, damping=1e-3)
            made.fit(X.astype(dtype), y, 4)
            ends.add(net.weights.tobytes())
    assert len(ends) == 1


def test_a_tight_memory_limit_changes_no_bit():
    X, y, net = problem(60, 8, 256)
    tight = net.copy()
    trainer(net, strategy="margin").fit(X, y, 3)
    trainer(tight, strategy=sl.Strategy("margin", max_bytes=1000)).fit(X, y, 3)
    assert (net.weights == tight.weights).all()


def test_many_inputs_are_solved_by_conjugate_gradients():
    X, y, net = problem(2100, 6, 128, kappa=0.5)
    J_gram = jacobian_gram(net, X)
    shift = 0.1 * np.trace(J_gram) / len(X)
    g = np.linalg.solve(J_gram + shift * np.eye(len(X)), net.decision_function(X) - y)
    fires = (net.threshold <= X @ net.weights.T) * (net.scale * net.output_weights[:, 0])
    expected = (fires * g[:, None]).T @ X
    start = net.copy()
    trainer(net, damping=0.1).fit(X, y)
    np.testing.assert_allclose(start.weights - net.weights, expected, rtol=1e-6, atol=1e-9)


def test_nothing_that_fires_moves_nothing():
    X, y, net = problem(10, 4, 32, kappa=50.0)
    start = np.array(net.weights)
    trainer(net).fit(X, y, 2)
    assert (net.weights == start).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "logistic"}, "squared loss"),
        ({"damping": 0.0}, "damping is 0"),
        ({"optimizer": "newton"}, "known are 'gradient', 'gauss-newton'"),
    ],
)
def test_what_it_is_not_for_is_refused(options, words):
    X, y, net = problem(10, 4, 32)
    with pytest.raises(ValueError, match=words):
        sl.Trainer(net, **{"loss": "squared", "optimizer": "gauss-newton", **options}).fit(X, y)
    with pytest.raises(ValueError, match="input weights"):
        trainer(net).fit(X, y, sample_weight=np.ones(10))
    classes = sl.TwoLayerNetwork.random(4, 32, 2)
    with pytest.raises(ValueError, match="one output"):
        sl.Trainer(classes, optimizer="gauss-newton").fit(X, [0, 1] * 5)
