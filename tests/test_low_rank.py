"""Low-rank layers beside dense matrices, and three-layer networks beside a float64 oracle."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import sublinear as sl
from oracle import random_order

DTYPES = ["float32", "float64"]


def sparse(random, rows, columns, share=0.2):
    return np.where(random.random((rows, columns)) < share, random.standard_normal((rows, columns)), 0.0)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 150), st.integers(1, 60)),
    calls=st.lists(st.sampled_from(["add", "add many", "flush", "apply"]), min_size=1, max_size=25),
    rank_limit=st.sampled_from([None, 1, 7, 1000]),
    dtype=st.sampled_from(DTYPES),
)
def test_a_layer_is_the_dense_matrix_to_rounding(seed, shape, calls, rank_limit, dtype):
    random = np.random.default_rng(seed)
    layer = sl.LowRankLayer(random.standard_normal(shape), rank_limit, dtype)
    dense = layer.to_dense().astype(np.float64)
    largest = abs(dense)  # sums of absolute values: what rounding is relative to
    roundings = 4
    for call in calls:
        if call.startswith("add"):
            count = 1 if call == "add" else 6
            u, v = (sparse(random, size, count).astype(dtype) for size in shape)
            work = layer.add_rank(u, v, threads=1 + seed % 2)
            assert work.multiply_adds == work.folded
            dense += u.astype(np.float64) @ v.T.astype(np.float64)
            largest += abs(u).astype(np.float64) @ abs(v.T).astype(np.float64)
            roundings += 2 * count
        elif call == "flush":
            layer.flush()
            assert layer.rank == 0
        h = sparse(random, 3, shape[1], 0.3).astype(dtype)
        error = (roundings + shape[1]) * np.finfo(dtype).eps
        exact = h.astype(np.float64) @ dense.T
        products, work = layer.apply(h, return_work=True)
        assert products.dtype == dtype
        assert work.base == np.count_nonzero(h) * shape[0]
        assert (abs(products - exact) <= error * (abs(h).astype(np.float64) @ largest.T)).all()
        assert (abs(layer.to_dense() - dense) <= error * largest).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_layer_takes_arrays_lists_and_sparse_matrices(dtype):
    random = np.random.default_rng(3)
    weights = random.standard_normal((40, 25)).astype(dtype)
    u, v, h = (sparse(random, rows, columns).astype(dtype) for rows, columns in ((40, 5), (25, 5), (7, 25)))
    products = []
    for form in (
        np.asarray,
        np.ndarray.tolist,
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_array,
        scipy.sparse.coo_array,
    ):
        layer = sl.LowRankLayer(weights)
        layer.add_rank(form(u), form(v))
        products.append(layer.apply(form(h)))
    assert all((other == products[0]).all() for other in products)
    twice = scipy.sparse.coo_array(([1.5, 0.5, 1.0, -1.0], ([0, 0, 0, 0], [3, 3, 4, 4])), shape=(1, 25))
    assert np.allclose(sl.LowRankLayer(weights).apply(twice), 2 * weights[:, 3])
    assert sl.LowRankLayer([[1, 2]]).apply([[3, 4]]).tolist() == [[11.0]]
    assert sl.LowRankLayer(weights).apply(np.zeros((0, 25))).shape == (0, 40)


def test_a_layer_flushes_when_it_is_told_to():
    random = np.random.default_rng(0)
    weights, u, v = random.standard_normal((30, 20)), sparse(random, 30, 4, 0.5), sparse(random, 20, 4, 0.5)
    layer = sl.LowRankLayer(weights, rank_limit=8)
    assert (layer.shape, layer.rank, layer.rank_limit, layer.dtype) == ((30, 20), 0, 8, np.float64)
    assert layer.add_rank(u, v) == sl.LowRankWork()
    assert layer.rank == 4
    work = layer.add_rank(u, v)
    pairs = 2 * int((np.count_nonzero(u, 0) * np.count_nonzero(v, 0)).sum())
    touched = np.count_nonzero(v.any(axis=1))
    assert work == sl.LowRankWork(folded=pairs, streamed=30 * touched)
    assert (layer.rank, layer.flushes) == (0, 1)
    assert layer.flush() == sl.LowRankWork()
    layer.add_rank(u * [1, 0, 1, 0], v)  # columns of zeros are not kept
    assert layer.rank == 2
    before = layer.to_dense()
    layer.flush()
    assert (layer.to_dense() == before).all()
    assert layer.nbytes >= 30 * 20 * 8
    assert "rank=0" in repr(layer)
    by_counts = sl.LowRankLayer(weights)
    assert by_counts.rank_limit is None
    for _ in range(50):
        by_counts.add_rank(u, v)
    assert 2 < by_counts.flushes < 50


def test_a_layer_refuses_what_does_not_fit():
    layer = sl.LowRankLayer(np.eye(3, 4))
    for bad in (np.zeros((2, 3)), np.full((1, 4), np.nan), np.zeros(4), scipy.sparse.csr_array((1, 5))):
        with pytest.raises(ValueError):  # noqa: PT011
            layer.apply(bad)
    with pytest.raises(TypeError, match="H has dtype"):
        layer.apply([["a"] * 4])
    with pytest.raises(ValueError, match="U has 2 columns and V has 1"):
        layer.add_rank(np.ones((3, 2)), np.ones((4, 1)))
    with pytest.raises(ValueError, match="transpose of U"):
        layer.add_rank(np.ones((4, 1)), np.ones((4, 1)))
    with pytest.raises(sl.DivergenceError, match="infinite"):
        layer.add_rank(np.full((3, 1), 1e200), np.full((4, 1), 1e200))
    assert layer.rank == 0
    assert (layer.to_dense() == np.eye(3, 4)).all()
    for bad in (np.zeros((0, 3)), np.zeros((3, 0)), [[np.inf]]):
        with pytest.raises(ValueError):  # noqa: PT011
            sl.LowRankLayer(bad)
    for bad, error in ((0, ValueError), (-3, ValueError), (2.5, TypeError)):
        with pytest.raises(error, match="rank_limit"):
            sl.LowRankLayer(np.eye(2), rank_limit=bad)


# --- Three layers


class Oracle:
    """The network in float64, dense, by NumPy."""

    def __init__(self, net):
        self.first = net.first_weights.astype(np.float64)
        self.hidden = net.hidden.to_dense().astype(np.float64)
        self.outputs = net.output_weights.astype(np.float64)
        self.thresholds = net.first_threshold, net.hidden_threshold
        self.scale = net.scale

    def below(self, X):
        z = X.astype(np.float64) @ self.first.T
        return np.where(z >= self.thresholds[0], z - self.thresholds[0], 0)

    def __call__(self, X, hidden=None):
        z = self.below(X) @ (self.hidden if hidden is None else hidden).T
        return self.scale * np.where(z >= self.thresholds[1], z - self.thresholds[1], 0) @ self.outputs

    def loss(self, X, y, hidden=None):
        return float(np.mean((self(X, hidden) - y) ** 2) / 2)

    def gradient(self, X, y):
        h = self.below(X)
        fired = h @ self.hidden.T >= self.thresholds[1]
        u = ((self(X) - y) * self.scale)[:, None] * fired * self.outputs
        return u.T @ h / len(X)


def problem(n=40, d=8, seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X.astype(dtype), np.sign(X[:, 0] * X[:, 1])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_the_step_is_the_gradient(dtype, tolerance):
    X, y = problem(dtype=dtype)
    net = sl.ThreeLayerNetwork.random(8, 120, seed=2, kappa=0.5, dtype=dtype)
    oracle = Oracle(net)
    gradient = oracle.gradient(X, y)
    rate = 64.0
    history = net.fit(X, y, epochs=1, learning_rate=rate)
    moved = (oracle.hidden - net.hidden.to_dense()) / rate
    assert abs(gradient).max() > 1e-3
    assert abs(moved - gradient).max() <= tolerance * abs(gradient).max()
    assert history.loss[0] == pytest.approx(oracle.loss(X, y), rel=100 * tolerance)
    # The oracle's gradient by central differences of its loss, where the loss is smooth: the entries it is largest at.
    for place in np.argsort(-abs(gradient), axis=None)[:20]:
        step = np.zeros_like(gradient)
        step.flat[place] = 1e-7
        slope = (oracle.loss(X, y, oracle.hidden + step) - oracle.loss(X, y, oracle.hidden - step)) / 2e-7
        assert slope == pytest.approx(gradient.flat[place], rel=1e-5)


@pytest.mark.parametrize("rank_limit", [None, 1, 30])
@pytest.mark.parametrize("batch_size", [None, 40, 15])
def test_training_is_gradient_descent(rank_limit, batch_size):
    X, y = problem()
    net = sl.ThreeLayerNetwork.random(8, 150, seed=1, rank_limit=rank_limit, dtype="float64")
    oracle = Oracle(net)
    losses, batches = [], 3 if batch_size == 15 else 1
    for epoch in range(60):
        order = random_order(40, 7, epoch) if batches > 1 else np.arange(40)
        losses.append(0.0)
        for batch in np.split(order, range(15, 40, 15) if batches > 1 else []):
            losses[-1] += len(batch) / 40 * oracle.loss(X[batch], y[batch])
            oracle.hidden -= 2.0 * oracle.gradient(X[batch], y[batch])
    history = net.fit(X, y, epochs=60, learning_rate=2.0, batch_size=batch_size, seed=7)
    assert history.loss == pytest.approx(losses, rel=1e-8)
    assert losses[-1] < 0.5 * losses[0]
    assert abs(net.hidden.to_dense() - oracle.hidden).max() < 1e-9
    assert abs(net.decision_function(X) - oracle(X)).max() < 1e-9
    first, hidden = net.fired(X)
    assert (first.to_scipy().toarray() == (oracle.thresholds[0] <= X @ oracle.first.T)).all()
    assert first.work.fired == len(first.ids)
    assert (hidden.to_scipy().toarray() == (oracle.below(X) @ oracle.hidden.T >= oracle.thresholds[1])).all()
    flushes = {None: net.hidden.flushes, 1: 60 * batches, 30: 60 if batches == 1 else net.hidden.flushes}[rank_limit]
    assert net.hidden.flushes == flushes > 3
    assert history.rank[-1] == net.hidden.rank


def test_work_is_what_sparsity_says():
    X, y = problem()
    net = sl.ThreeLayerNetwork.random(8, 200, seed=1)
    first, hidden = net.fired(X)
    history = net.fit(X, y, epochs=1)
    work = history.work[0]
    assert history.first_work == sl.LowRankWork(other=40 * 200 * 8)
    assert work.base == 200 * len(first.ids)
    assert work.other == 2 * len(hidden.ids)
    assert work.low_rank == work.folded == 0  # there was nothing yet to be made dearer
    assert history.first_share[0] == len(first.ids) / (40 * 200)
    assert history.hidden_share[0] == len(hidden.ids) / (40 * 200)
    outputs, predicted = net.decision_function(X, return_work=True)
    assert outputs.shape == (40,)
    assert predicted.base == work.base
    assert predicted.low_rank > 0
    assert predicted.multiply_adds < 40 * 200 * 200


def test_epochs_in_parts_end_with_the_bits_of_the_whole():
    X, y = problem()
    nets = [sl.ThreeLayerNetwork.random(8, 100, seed=4, coupled=True) for _ in range(2)]
    assert (nets[0].decision_function(X) == 0).all()
    nets[0].fit(X, y, epochs=6, learning_rate=3.0, batch_size=9, seed=5)
    for part in (0, 3):
        seen = []
        nets[1].fit(
            X, y, 3, sl.LinearRate(3, 3, 1), 9, seed=5, first_epoch=part, callback=lambda e, _, to=seen: to.append(e)
        )
        assert seen == [part, part + 1, part + 2]
    assert (nets[0].hidden.to_dense() == nets[1].hidden.to_dense()).all()
    history = nets[1].fit(X, y, epochs=5, callback=lambda *_: False)
    assert len(history.loss) == 1
    # A network of the same arrays goes on alike where nothing is pending.
    nets[0].hidden.flush()
    copy = sl.ThreeLayerNetwork(
        nets[0].first_weights,
        nets[0].hidden.to_dense(),
        nets[0].output_weights,
        nets[0].first_threshold,
        nets[0].hidden_threshold,
        nets[0].scale,
    )
    assert (copy.decision_function(X) == nets[0].decision_function(X)).all()
    assert "scale=0.1" in repr(copy)
    # The layer is the network's own.
    copy.hidden.add_rank(np.ones((100, 1)), np.ones((100, 1)))
    assert (copy.decision_function(X) != nets[0].decision_function(X)).any()


_BITS = """
import hashlib, sys
import numpy as np
import sublinear as sl
random = np.random.default_rng(1)
X = random.standard_normal((50, 13)).astype(sys.argv[1])
net = sl.ThreeLayerNetwork.random(13, 210, seed=3, kappa=1.0, dtype=sys.argv[1])
history = net.fit(X / 4, np.sign(X[:, 0]), epochs=8, learning_rate=4.0, batch_size=12, threads=int(sys.argv[2]))
assert net.hidden.flushes > 1 and net.hidden.rank > 0
outputs = net.decision_function(X / 4, threads=int(sys.argv[2]))
everything = outputs.tobytes() + net.hidden.to_dense().tobytes() + repr((history.loss, history.work)).encode()
print(hashlib.sha256(everything).hexdigest())
"""


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_threads_or_instruction_set(dtype, tmp_path):
    prints = set()
    for level, threads in (("baseline", 1), ("baseline", 3), (sl.simd_level(), 1), (sl.simd_level(), 4)):
        done = subprocess.run(
            [sys.executable, "-c", _BITS, dtype, str(threads)],
            env={**os.environ, "SUBLINEAR_SIMD": level},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        prints.add(done.stdout)
    assert len(prints) == 1
    assert len(prints.pop().strip()) == len(hashlib.sha256().hexdigest())


def test_a_network_refuses_what_does_not_fit():
    X, y = problem(n=5)
    net = sl.ThreeLayerNetwork.random(8, 30)
    start = net.hidden.to_dense()
    for bad in (X[:, :3], X * np.nan, X[0]):
        with pytest.raises(ValueError):  # noqa: PT011
            net.fit(bad, y)
    with pytest.raises(ValueError, match="labels"):
        net.fit(X, y[:3])
    with pytest.raises(ValueError, match="no inputs"):
        net.fit(X[:0], y[:0])
    with pytest.raises(ValueError, match="batch_size"):
        net.fit(X, y, batch_size=0)
    with pytest.raises(ValueError, match="learning_rate"):
        net.fit(X, y, learning_rate=-1)
    net.first_weights[0] = 9  # a copy
    assert (net.hidden.to_dense() == start).all()
    wild = sl.ThreeLayerNetwork.random(8, 30, kappa=0.0)
    with pytest.raises(sl.DivergenceError, match="at step"):
        wild.fit(X, y, epochs=50, learning_rate=1e30)
    assert np.isfinite(wild.hidden.to_dense()).all()
    with pytest.raises(ValueError, match="hidden_weights has 3 columns"):
        sl.ThreeLayerNetwork(np.eye(2), np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match="output_weights has 2 values"):
        sl.ThreeLayerNetwork(np.eye(3), np.eye(3), np.ones(2))
    with pytest.raises(ValueError, match="scale"):
        sl.ThreeLayerNetwork(np.eye(3), np.eye(3), np.ones(3), scale=0.0)
    with pytest.raises(ValueError, match="odd"):
        sl.ThreeLayerNetwork.random(8, 31, coupled=True)
    with pytest.raises(ValueError, match="kappa"):
        sl.ThreeLayerNetwork.random(8, 31, kappa=-1.0)
