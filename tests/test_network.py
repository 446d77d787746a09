"""Networks: shapes, views, random draws, prediction, files."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import oracle
import sublinear as sl

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@each_dtype
@pytest.mark.parametrize("init", ["ntk", "gao"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_decision_function_is_the_formula_with_every_index(dtype, init, outputs):
    net = sl.TwoLayerNetwork.random(7, 500, outputs, init=init, seed=2, dtype=dtype)
    x = np.random.default_rng(0).standard_normal((40, 7))
    f = net.decision_function(x)
    written = oracle.Network.of(net)
    wanted, fires = written.outputs(x.astype(dtype)), written.fired(x.astype(dtype))
    assert f.dtype == dtype
    assert f.shape == ((40,) if outputs == 1 else (40, 3))
    assert np.array_equal(f.reshape(40, -1), wanted)
    fired = net.fired(x)
    assert np.array_equal(fired.to_scipy().toarray().astype(bool), fires)
    for index in sl.INDEXES:
        if not sl.index_serves(index, net.n_features + 2):
            continue
        for threads in (1, 2):
            assert np.array_equal(net.decision_function(x, index=index, threads=threads), f)
            assert np.array_equal(net.fired(x, index=index, threads=threads).ids, fired.ids)
    assert net.decision_function(x[:0]).shape[0] == 0


def test_prediction_follows_training():
    x = np.random.default_rng(0).standard_normal((30, 5))
    y = np.sign(x[:, 0])
    net = sl.TwoLayerNetwork.random(5, 100, seed=1, dtype="float64")
    before = net.decision_function(x, index="ball-tree"), net.version
    view = net.weights
    kept = view.copy()
    sl.Trainer(net, loss="logistic", learning_rate=5.0).fit(x, y, epochs=3)
    assert net.version > before[1]
    assert not np.array_equal(view, kept), "the view shows training in place"
    after = net.decision_function(x, index="ball-tree")
    assert not np.array_equal(before[0], after)
    assert np.array_equal(after, net.decision_function(x))


def test_views_are_read_only_and_outlive_the_network():
    net = sl.TwoLayerNetwork.random(4, 50, 2, seed=3)
    copies = [np.array(view) for view in (net.weights, net.biases, net.output_weights)]
    views = net.weights, net.biases, net.output_weights
    assert [view.shape for view in views] == [(50, 4), (50,), (50, 2)]
    for view in views:
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True
    del net
    gc.collect()
    for view, copy in zip(views, copies, strict=True):
        assert np.array_equal(view, copy)


@each_dtype
def test_draws_are_functions_of_their_arguments(dtype):
    def draw(**options):
        return sl.TwoLayerNetwork.random(6, 64, 2, dtype=dtype, **options)

    first = draw(seed=1)
    assert np.array_equal(first.weights, draw(seed=1).weights)
    assert not np.array_equal(first.weights, draw(seed=2).weights)
    assert set(np.unique(first.output_weights)) == {-1, 1}
    assert first.threshold == pytest.approx(np.sqrt(0.4 * np.log(64)))
    gao = draw(seed=1, init="gao", kappa=1.0)
    assert gao.threshold == pytest.approx(np.sqrt(2 / 64))
    assert gao.activation == "jump"
    assert draw(init="gao", activation="shifted", bias="zero").biases.any() == np.False_
    x = np.random.default_rng(0).standard_normal((20, 6))
    coupled = draw(seed=4, coupled=True, kappa=0.3)
    assert len(coupled.fired(x).ids) > 100
    assert not coupled.decision_function(x).any(), "coupled networks start at exactly 0"


@each_dtype
@pytest.mark.parametrize("activation", ["shifted", "jump"])
def test_files_keep_every_bit(tmp_path, dtype, activation):
    net = sl.TwoLayerNetwork.random(5, 40, 3, init="gao", activation=activation, seed=8, dtype=dtype)
    net.save(tmp_path / "net.safetensors")
    found = sl.TwoLayerNetwork.load(tmp_path / "net.safetensors")
    for name in ("weights", "biases", "output_weights"):
        assert getattr(found, name).tobytes() == getattr(net, name).tobytes()
    assert repr(found) == repr(net)
    assert (found.threshold, found.scale) == (net.threshold, net.scale)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"], "no temporary file is left"


def test_damaged_and_foreign_files_are_refused(tmp_path):
    from safetensors.numpy import save

    path = tmp_path / "net.safetensors"
    sl.TwoLayerNetwork.random(3, 8, seed=1).save(path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    cases = [content[:k] for k in (0, 4, 8, 60, len(content) - 1)]
    cases += [content + b"x", b"not a network", save({"weights": np.ones((2, 2), np.float32)})]
    for _ in range(300):  # header bytes changed at random: refused, or still a network, but never a crash
        mutated = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 3):
            mutated[place] = rng.integers(0, 256)
        cases.append(bytes(mutated))
    refused = 0
    for case in cases:
        path.write_bytes(case)
        try:
            assert sl.TwoLayerNetwork.load(path).n_outputs >= 1
        except ValueError:
            refused += 1
    assert refused > 100
    with pytest.raises(FileNotFoundError):
        sl.TwoLayerNetwork.load(tmp_path / "missing")


def test_copies_are_independent():
    net = sl.TwoLayerNetwork.random(3, 16, seed=1)
    other = net.copy()
    sl.Trainer(other, loss="squared", learning_rate=0.5).fit(np.eye(3), [1.0, 2.0, 3.0], epochs=3)
    assert not np.array_equal(net.weights, other.weights)
    assert np.array_equal(net.weights, sl.TwoLayerNetwork.random(3, 16, seed=1).weights)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: sl.TwoLayerNetwork([1.0, 2.0], [1.0]), ValueError, "dimensions"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(3)), ValueError, "output_weights has 3 rows"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(2), np.ones(1)), ValueError, "biases has 1 rows"),
        (lambda: sl.TwoLayerNetwork(np.ones((0, 2)), np.ones((0, 1))), ValueError, "at least one neuron"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones((2, 0))), ValueError, "at least one output"),
        (lambda: sl.TwoLayerNetwork(np.full((2, 2), np.nan), np.ones(2)), ValueError, "nan"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(2), threshold=np.inf), ValueError, "threshold"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(2), scale=0), ValueError, "scale"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(2), activation="relu"), ValueError, "relu"),
        (lambda: sl.TwoLayerNetwork(np.ones((2, 2)), np.ones(2), dtype="int8"), TypeError, "int8"),
        (lambda: sl.TwoLayerNetwork.random(0, 4), ValueError, "n_features is 0"),
        (lambda: sl.TwoLayerNetwork.random(4, 0), ValueError, "width is 0"),
        (lambda: sl.TwoLayerNetwork.random(4, 2.0), TypeError, "width is 2.0"),
        (lambda: sl.TwoLayerNetwork.random(4, 3, coupled=True), ValueError, "even width"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, init="he"), ValueError, "he"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, kappa=-1), ValueError, "kappa"),
        (lambda: sl.TwoLayerNetwork.random(4, 4, seed=-1), ValueError, "seed"),
        (lambda: sl.TwoLayerNetwork.random(4, 4).decision_function(np.ones((2, 5))), ValueError, "5 columns"),
        (lambda: sl.TwoLayerNetwork.random(4, 4).decision_function(np.ones((2, 4)), index="x"), ValueError, "'x'"),
    ],
)
def test_mistakes_are_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        make()
