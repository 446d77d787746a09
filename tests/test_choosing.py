"""The choice of an index: one that serves, with a reason; and what `index="auto"` does."""

from __future__ import annotations

import numpy as np
import pytest

import sublinear as sl


@pytest.mark.parametrize(
    ("shape", "one_by_one", "name"),
    [
        ((50, 3), False, "brute-force"),
        ((20_000, 2), False, "kd-tree"),
        ((20_000, 6), True, "ball-tree"),
        ((20_000, 11), True, "brute-force"),
        ((20_000, 16), False, "quantized-scan"),
        ((0, 5), False, "brute-force"),
    ],
)
def test_choices_and_their_reasons(shape, one_by_one, name):
    choice = sl.choose_index(np.random.default_rng(0).standard_normal(shape), one_by_one=one_by_one)
    assert choice.name == name
    assert choice.index_class is sl.INDEXES[name]
    assert choice.why.startswith(f"{shape[0]} points in {shape[1]} dimensions")
    assert choice.share is None


def test_typical_queries_tell_the_share():
    rng = np.random.default_rng(1)
    points, normals = rng.standard_normal((20_000, 8)), rng.standard_normal((100, 8))
    many = sl.choose_index(points, (normals, 0.0))
    assert 0.4 < many.share < 0.6
    assert many.name == "ball-tree"
    few = sl.choose_index(points, (normals, 9.0))
    assert few.share < 0.02
    assert few.name == "brute-force"
    with pytest.raises(ValueError, match="3 columns; give 8"):
        sl.choose_index(points, (normals[:, :3], 0.0))


def test_make_index_by_name_and_by_itself():
    points = np.random.default_rng(2).standard_normal((1000, 3)).astype(np.float32)
    assert isinstance(sl.make_index(points[:, :2]), sl.KDTree)
    assert isinstance(sl.make_index(points, "partition-tree"), sl.PartitionTree)
    assert sl.make_index(points.astype(float), dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="index is 'octree'; known are 'auto', 'brute-force'"):
        sl.make_index(points, "octree")


def test_networks_and_strategies_take_an_automatic_index():
    rng = np.random.default_rng(3)
    inputs, labels = rng.standard_normal((40, 6)).astype(np.float32), rng.integers(0, 3, 40)
    weights = []
    for strategy in ("dense", "weights:auto", "data:auto"):
        network = sl.TwoLayerNetwork.random(6, 300, 3, seed=1)
        sl.Trainer(network, strategy=strategy, learning_rate=1.0).fit(inputs, labels, epochs=2)
        weights.append(network.weights.tobytes())
    assert len(set(weights)) == 1
    assert np.array_equal(network.decision_function(inputs, index="auto"), network.decision_function(inputs))
