"""The ways to ask an index besides whole sorted lists: limits, streams, counts with work, the largest products."""

from __future__ import annotations

import numpy as np
import pytest

import sublinear as sl

each_class = pytest.mark.parametrize("index_class", list(sl.INDEXES.values()), ids=list(sl.INDEXES))


@pytest.fixture
def points():
    # Products are exact, so that NumPy agrees about ties, of which there are many.
    return np.random.default_rng(0).integers(-30, 31, (150_000, 2)).astype(np.float32)


@each_class
def test_unsorted_ids_are_the_sorted_ones(index_class, points):
    index = index_class(points)
    normal = np.array([3, -1], np.float32)
    ids = index.report(normal, 20)
    assert ids.tolist() == np.flatnonzero(points @ normal >= 20).tolist()
    unsorted = index.report(normal, 20, sort=False)
    assert np.sort(unsorted).tolist() == ids.tolist()
    batch = index.report_batch(np.stack([normal, -normal]), 20, sort=False)
    assert np.sort(batch[0]).tolist() == ids.tolist()


@each_class
def test_a_limit_gives_so_many_of_them(index_class, points):
    index = index_class(points)
    everything = set(index.report([3, -1], 20).tolist())
    for limit in (0, 1, 100, len(everything) - 1, len(everything), 10**9):
        some = index.report([3, -1], 20, limit=limit)
        assert len(some) == min(limit, len(everything))
        assert set(some.tolist()) <= everything
        assert (np.diff(some) > 0).all()
    # It saves the work, and the ids do not depend on threads.
    normals = np.random.default_rng(1).standard_normal((40, 2))
    whole = index.report_batch(normals, 10)
    one, four = (index.report_batch(normals, 10, threads=threads, limit=5) for threads in (1, 4))
    assert one.ids.tolist() == four.ids.tolist()
    assert one.work == four.work
    assert one.work.inner_products + one.work.bounds < whole.work.inner_products + whole.work.bounds


@each_class
def test_a_stream_is_the_report_in_pieces(index_class, points):
    index = index_class(points)
    pieces = list(index.stream([1, 0], -30))
    assert max(map(len, pieces)) <= 65536
    assert len(pieces) >= 3
    assert np.sort(np.concatenate(pieces)).tolist() == list(range(150_000))
    assert list(index.stream([1, 0], 31)) == []
    stream = index.stream([1, 0], -30)
    next(stream)
    index.erase([5])
    with pytest.raises(RuntimeError, match="the index was changed while its ids were streamed"):
        next(stream)


@each_class
def test_counts_with_their_work(index_class, points):
    index = index_class(points)
    normals = np.random.default_rng(1).integers(-3, 4, (10, 2)).astype(np.float32)
    counts, work = index.count_batch(normals, 20.0, return_work=True)
    assert counts.tolist() == index.count_batch(normals, 20.0).tolist()
    assert counts.tolist() == (points @ normals.T >= 20).sum(0).tolist()
    assert work.fired == counts.sum()


@each_class
@pytest.mark.parametrize("k", [0, 1, 10, 3000])
def test_the_largest_products(index_class, points, k):
    index = index_class(points)
    index.erase(np.arange(0, 1000, 3))
    alive = np.setdiff1d(np.arange(len(points)), np.arange(0, 1000, 3))
    for normal in ([2, 1], [0, 0], [-1, 5]):
        products = points[alive] @ np.array(normal, np.float32)
        order = np.lexsort([alive, -products])[:k]
        ids, best = index.top(normal, k)
        assert ids.tolist() == alive[order].tolist()
        assert best.tolist() == products[order].tolist()


@each_class
def test_the_largest_products_of_several_queries(index_class):
    rng = np.random.default_rng(4)
    points, normals = rng.standard_normal((3000, 2)), rng.standard_normal((7, 2))
    index = index_class(points)
    one, many = index.top_batch(normals, 5, threads=1), index.top_batch(normals, 5, threads=3)
    assert one.ids.shape == one.products.shape == (7, 5)
    assert one.products.dtype == np.float64
    assert one.ids.tolist() == many.ids.tolist() == np.argsort(-(normals @ points.T), axis=1)[:, :5].tolist()
    assert one.work == many.work
    few = index_class(points[:3]).top_batch(normals, 5)
    assert (few.ids[:, 3:] == -1).all()
    assert np.isnan(few.products[:, 3:]).all()
    assert (few.ids[:, :3] >= 0).all()


@pytest.mark.parametrize("index_class", [sl.KDTree, sl.BallTree, sl.PartitionTree])
def test_trees_find_the_largest_products_without_looking_at_all(index_class):
    rng = np.random.default_rng(5)
    index = index_class(rng.standard_normal((50_000, 3)))
    top = index.top_batch(rng.standard_normal((20, 3)), 10)
    assert top.work.inner_products < 20 * 50_000 / 25
