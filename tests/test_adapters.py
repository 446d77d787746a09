"""Adapters: what they report is decided exactly, whatever index is inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sublinear as sl
from sublinear._kernels import inner_products


@pytest.mark.parametrize("index", ["auto", "brute-force", "kd-tree", "ball-tree"])
def test_offsets_are_added_to_products(index):
    rng = np.random.default_rng(0)
    points, offsets = rng.integers(-5, 6, (2000, 3)).astype(float), rng.integers(-5, 6, 2000).astype(float)
    adapter = sl.OffsetIndex(points, offsets, index)
    normal = np.array([1.0, -2.0, 3.0])
    assert adapter.report(normal, 12).tolist() == np.flatnonzero(points @ normal + offsets >= 12).tolist()
    adapter.erase([0, 1])
    adapter.move([2], [[9, 9, 9]], [100])
    assert adapter.insert([[0, 0, 0]], [50]).tolist() == [2000]
    ids = adapter.report(normal, 40)
    assert {2, 2000} <= set(ids.tolist())
    assert len(adapter) == 1999
    assert repr(adapter).startswith("OffsetIndex(")
    with pytest.raises(ValueError, match="1 offsets and 2 points"):
        adapter.insert([[0, 0, 0], [1, 1, 1]], [1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_projection_is_exact_for_every_normal_and_fast_in_the_subspace(dtype):
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((4, 60))
    points = rng.standard_normal((5000, 60)).astype(dtype)
    adapter, scan = sl.ProjectedIndex(points, directions), sl.BruteForce(points)
    assert adapter.index.dimension == 5
    inside = (rng.standard_normal((20, 4)) @ directions).astype(dtype)
    near = (inside + 0.01 * rng.standard_normal(inside.shape)).astype(dtype)
    anywhere = rng.standard_normal((5, 60)).astype(dtype)
    for normal in (*inside, *near, *anywhere):
        size = float(np.linalg.norm(normal))
        for threshold in (2 * size, float(np.partition(points @ normal, -7)[-7])):
            assert adapter.report(normal, threshold).tolist() == scan.report(normal, threshold).tolist()
    for normal in inside:
        ids, proposed = adapter.report_counted(normal, 2 * float(np.linalg.norm(normal)))
        assert proposed <= len(ids) + 2


@settings(max_examples=50)
@given(
    rank=st.integers(1, 6),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e15]),
    seed=st.integers(0, 1000),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_projection_never_misses(rank, scale, seed, dtype):
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((6, 9))
    directions[3:] = directions[:3] * 2  # rank 3
    points = (scale * rng.standard_normal((60, 9))).astype(dtype)
    adapter, scan = sl.ProjectedIndex(points, directions, "kd-tree", rank), sl.BruteForce(points)
    normal = (rng.standard_normal(6) @ directions).astype(dtype)
    for threshold in scan.top(normal, 30)[1].astype(float):  # ties with the threshold
        assert adapter.report(normal, threshold).tolist() == scan.report(normal, threshold).tolist()


def test_projection_keeps_the_points_it_was_given():
    rng = np.random.default_rng(3)
    points, directions = rng.standard_normal((50, 20)), rng.standard_normal((3, 20))
    adapter, scan = sl.ProjectedIndex(points, directions), sl.BruteForce(points)
    points[:] = 0
    for normal in directions:
        assert adapter.report(normal, 1.0).tolist() == scan.report(normal, 1.0).tolist() != []


def test_projection_where_products_overflow():
    points = np.array([[3e38, 3e38], [-3e38, 3e38], [1, 2]], np.float32)
    adapter = sl.ProjectedIndex(points, [[1, 0]])
    assert len(adapter) == 3
    assert repr(adapter).startswith("ProjectedIndex(3 points of 2 dimensions over ")
    normal = np.array([2, 2], np.float32)
    with np.errstate(over="ignore"):
        assert adapter.report(normal, 1e30).tolist() == sl.BruteForce(points).report(normal, 1e30).tolist() == [0]
    with pytest.raises(ValueError, match="normal has 3 coordinates; give 2"):
        adapter.report([1, 2, 3], 0)


def test_masks_hide_and_show_without_touching_the_index():
    index = sl.KDTree(np.arange(20.0).reshape(10, 2))
    one, other = sl.MaskedIndex(index), sl.MaskedIndex(index)
    one.hide([3, 9])
    other.hide([0])
    assert one.report([1, 1], 0).tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert one.count([1, 1], 0) == 8
    assert other.report([1, 1], 0).tolist() == list(range(1, 10))
    one.show([9])
    assert one.report([1, 1], 30).tolist() == index.report([1, 1], 30).tolist()
    new = index.insert([[50, 50]])
    assert new[0] in one.report([1, 1], 0)
    one.hide(new)
    assert new[0] not in one.report([1, 1], 0)
    assert repr(one).endswith("2 hidden)")
    with pytest.raises(ValueError, match="its ids are 0 to 10"):
        one.hide([11])


def test_points_inserted_behind_a_projection_are_refused():
    adapter = sl.ProjectedIndex(np.eye(3), [[1, 0, 0]])
    adapter.index.insert([[5.0, 0.0]])
    with pytest.raises(ValueError, match="the index inside has point 3"):
        adapter.report([1.0, 0.0, 0.0], 0.5)
    with pytest.raises(ValueError, match="there is no row 3; there are 3"):
        inner_products(np.eye(3), np.array([3], np.int32), np.ones(3))
    with pytest.raises(ValueError, match="there is no row -1"):
        inner_products(np.eye(3), np.array([-1], np.int32), np.ones(3))
