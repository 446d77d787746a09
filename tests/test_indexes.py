"""What every index promises, against NumPy on numbers whose products are exact, so that ties are decided."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import sublinear as sl

CLASSES = list(sl.INDEXES.values())
each_class = pytest.mark.parametrize("index_class", CLASSES, ids=list(sl.INDEXES))
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
small = st.integers(-4, 4).map(float)


def served(index_class, *dimensions):
    """The first of the dimensions that the index serves."""
    return next(d for d in dimensions if sl.index_serves(index_class.name, d))


def matrices(rows, columns):
    return arrays(np.float64, st.tuples(rows, st.just(columns)), elements=small)


def expected(points, ids, normal, threshold):
    return ids[points @ normal >= threshold]


@each_class
@each_dtype
@settings(max_examples=60)
@given(data=st.data())
def test_reports_are_those_of_numpy(index_class, dtype, data):
    d = data.draw(st.integers(1, 6).filter(lambda d: sl.index_serves(index_class.name, d)))
    points = data.draw(matrices(st.integers(0, 40), d)).astype(dtype)
    normals = data.draw(matrices(st.integers(0, 5), d)).astype(dtype)
    thresholds = data.draw(
        st.lists(
            st.integers(-20, 20) | st.sampled_from([np.inf, -np.inf, 0.5]), min_size=len(normals), max_size=len(normals)
        )
    )
    index = index_class(points)
    assert index.dtype == dtype
    reported = index.report_batch(normals, np.array(thresholds, float))
    counts = index.count_batch(normals, np.array(thresholds, float), threads=1)
    assert len(reported) == len(normals)
    for q, (normal, threshold) in enumerate(zip(normals, thresholds, strict=True)):
        ids = expected(points, np.arange(len(points)), normal, threshold)
        assert reported[q].tolist() == ids.tolist()
        assert index.report(normal, threshold).tolist() == ids.tolist()
        assert counts[q] == index.count(normal, threshold) == len(ids)
    assert reported.work.fired == len(reported.ids)


class History(RuleBasedStateMachine):
    """Points come, go and move; after every change all indexes answer like NumPy."""

    @initialize(data=st.data(), dtype=st.sampled_from([np.float32, np.float64]), d=st.sampled_from([2, 3]))
    def start(self, data, dtype, d):
        points = data.draw(matrices(st.integers(0, 20), d))
        self.ids = np.arange(len(points))
        self.points = points
        self.next_id = len(points)
        self.indexes = [each(points.astype(dtype)) for each in CLASSES if sl.index_serves(each.name, d)]

    @rule(data=st.data())
    def insert(self, data):
        points = data.draw(matrices(st.integers(0, 70), self.points.shape[1]))
        ids = np.arange(self.next_id, self.next_id + len(points))
        for index in self.indexes:
            assert index.insert(points).tolist() == ids.tolist()
        self.next_id += len(points)
        self.ids, self.points = np.append(self.ids, ids), np.vstack([self.points, points])

    @rule(data=st.data())
    def erase(self, data):
        chosen = data.draw(st.lists(st.sampled_from(self.ids.tolist()), unique=True)) if len(self.ids) else []
        for index in self.indexes:
            index.erase(chosen)
        keep = ~np.isin(self.ids, chosen)
        self.ids, self.points = self.ids[keep], self.points[keep]

    @rule(data=st.data(), far=st.sampled_from([1, 1000]))
    def move(self, data, far):
        chosen = data.draw(st.lists(st.sampled_from(self.ids.tolist()), unique=True)) if len(self.ids) else []
        points = far * data.draw(matrices(st.just(len(chosen)), self.points.shape[1]))
        for index in self.indexes:
            index.move(chosen, points)
        for one, point in zip(chosen, points, strict=True):
            self.points[self.ids == one] = point

    @rule()
    def save(self):
        self.indexes = [sl.HalfSpaceIndex.from_bytes(index.to_bytes()) for index in self.indexes]

    @rule(data=st.data(), threshold=st.integers(-9, 9) | st.sampled_from([-np.inf, np.inf]))
    def report(self, data, threshold):
        normal = data.draw(arrays(np.float64, self.points.shape[1], elements=small))
        ids = expected(self.points, self.ids, normal, threshold).tolist()
        for index in self.indexes:
            assert index.report(normal, threshold).tolist() == ids, index
            assert index.count(normal, threshold) == len(ids), index

    @invariant()
    def sizes_agree(self):
        for index in getattr(self, "indexes", []):
            assert len(index) == len(self.ids)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=20)


@each_class
def test_a_trees_worth_of_points(index_class):
    rng = np.random.default_rng(0)
    d = served(index_class, 3, 2)
    points = rng.integers(-9, 10, (5000, d)).astype(np.float32)
    normals = rng.integers(-9, 10, (20, d)).astype(np.float32)
    index = index_class(points)
    one, many = index.report_batch(normals, 100.0, threads=1), index.report_batch(normals, 100.0, threads=3)
    assert one.work == many.work
    assert np.array_equal(one.ids, many.ids)
    assert np.array_equal(one.to_scipy().toarray().astype(bool), (normals @ points.T) >= 100)
    assert [each.tolist() for each in one] == [one[q].tolist() for q in range(20)]
    assert one[-1].tolist() == one[19].tolist()
    with pytest.raises(IndexError, match="query 20 of 20"):
        one[20]


@each_class
def test_layouts_lists_and_precisions(index_class, tmp_path):
    d = served(index_class, 3, 2)
    values = np.arange(-12.0, 12.0).reshape(-1, d)
    read_only = values.copy()
    read_only.flags.writeable = False
    values.tofile(tmp_path / "points")
    mapped = np.memmap(tmp_path / "points", np.float64, "r", shape=values.shape)
    wanted = index_class(values).report(np.ones(d), 0).tolist()
    for given_points in (
        *(values.tolist(), np.asfortranarray(values), read_only, mapped, values.astype(int), values[::-1][::-1]),
    ):
        assert index_class(given_points).report(np.ones(d), 0).tolist() == wanted
    assert index_class(values).dtype == np.float64
    assert index_class(values, dtype="float32").dtype == np.float32
    rounded = index_class([[0.1, 0]], dtype="float32")
    assert rounded.count([1.0, 0], 0.1) == 1  # 0.1 rounds up in float32
    assert rounded.count([1.0, 0], np.nextafter(float(np.float32(0.1)), 1)) == 0  # thresholds are not rounded


@each_class
def test_mistakes_are_refused_and_change_nothing(index_class):
    index = index_class([[1, 2], [3, 4], [5, 6]])
    index.erase([0])
    for change, error, words in (
        (lambda: index.insert([[1, 2, 3]]), ValueError, "3 columns; give 2"),
        (lambda: index.insert([[1, np.nan]]), ValueError, "row 0, column 1 is nan"),
        (lambda: index.insert([1, 2]), ValueError, "1 dimensions"),
        (lambda: index.insert([["a", "b"]]), TypeError, "dtype"),
        (lambda: index.erase([3]), ValueError, "id 3 was never given"),
        (lambda: index.erase([-1]), ValueError, "id -1 was never given"),
        (lambda: index.erase([0]), ValueError, "id 0 was erased"),
        (lambda: index.erase([1, 1]), ValueError, "id 1 is given more than once"),
        (lambda: index.erase([1.0]), TypeError, "integers"),
        (lambda: index.move([1], [[1, 2], [3, 4]]), ValueError, "1 ids and 2 points"),
        (lambda: index.move([1, 7], [[1, 2], [3, 4]]), ValueError, "id 7"),
        (lambda: index.move([1], [[1, np.inf]]), ValueError, "inf"),
        (lambda: index.report([1, 2, 3], 0), ValueError, "3 columns"),
        (lambda: index.report([1, 2], np.nan), ValueError, "nan"),
        (lambda: index.report_batch([[1, 2]], [1, 2]), ValueError, "1 queries"),
        (lambda: index.report_batch([[1, 2]], 0, threads=0), ValueError, "threads"),
        (lambda: index_class([[1, np.nan]]), ValueError, "nan"),
        (lambda: index_class(np.zeros((3, 0))), ValueError, "no columns"),
        (lambda: index_class([[1.0, 2.0]], dtype="float16"), TypeError, "float16"),
        (lambda: index_class([[1.0, 2.0]], progress="yes"), TypeError, "progress is 'yes'"),
        (lambda: index.report([1, 2], 0, limit=-1), ValueError, "limit is -1"),
        (lambda: index.top([1, 2], -1), ValueError, "k is -1"),
        (lambda: index.top([1, 2, 3], 1), ValueError, "3 columns"),
        (lambda: index.stream([1, 2, 3], 1), ValueError, "3 columns"),
        (lambda: index.stream([1, 2], np.nan), ValueError, "nan"),
    ):
        with pytest.raises(error, match=words):
            change()
    assert len(index) == 2
    assert index.report([1, 1], 7).tolist() == [1, 2]


@each_class
def test_figures_and_names(index_class):
    d = served(index_class, 7, 2)
    index = index_class(np.zeros((100, d), np.float32))
    assert index.nbytes > 100 * 4
    assert index.dimension == d
    parameters = ", leaf_size=16" if "Tree" in index_class.__name__ else ""
    assert repr(index) == f"{index_class.__name__}(100 points, dimension={d}, dtype=float32{parameters})"
    assert sl.INDEXES[index_class.name] is index_class
    work = index.report_batch(np.ones((2, d)), 0.0).work
    assert work.fired == 200
    assert (work + work).fired == 400
    assert work.as_dict()["fired"] == 200


@each_class
def test_readers_at_the_same_time(index_class):
    rng = np.random.default_rng(1)
    d = served(index_class, 4, 2)
    index = index_class(rng.standard_normal((4000, d)))
    normals = rng.standard_normal((30, d))
    wanted = index.report_batch(normals, 1.0, threads=1).ids
    with ThreadPoolExecutor(4) as pool:
        for each in pool.map(lambda _: index.report_batch(normals, 1.0, threads=2).ids, range(16)):
            assert np.array_equal(each, wanted)


def test_dimensions_that_are_not_served():
    with pytest.raises(ValueError, match="3 columns; convex-layers serves 2 dimensions, use kd-tree"):
        sl.ConvexLayers(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="17 columns; partition-tree serves at most 16"):
        sl.PartitionTree(np.zeros((4, 17)))
    with pytest.raises(ValueError, match="leaf_size is 0"):
        sl.KDTree(np.zeros((4, 2)), leaf_size=0)
    assert not sl.index_serves("octree", 3)


@pytest.mark.parametrize("index_class", [sl.KDTree, sl.BallTree, sl.PartitionTree])
def test_leaf_size_changes_work_not_results(index_class):
    rng = np.random.default_rng(2)
    points, normals = rng.standard_normal((6000, 3)), rng.standard_normal((20, 3))
    small_leaves, large_leaves = index_class(points, leaf_size=1), index_class(points, leaf_size=300)
    assert repr(large_leaves).endswith("leaf_size=300)")
    one, other = small_leaves.report_batch(normals, 2.0), large_leaves.report_batch(normals, 2.0)
    assert np.array_equal(one.ids, other.ids)
    assert one.work.inner_products < other.work.inner_products
    assert one.work.bounds > other.work.bounds


@pytest.mark.parametrize("index_class", [sl.KDTree, sl.BallTree, sl.PartitionTree, sl.ConvexLayers])
def test_builds_tell_how_far_they_are_and_can_be_stopped(index_class, capsys):
    points = np.random.default_rng(3).standard_normal((100_000, 2))
    shares = []
    index_class(points, progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] <= 1

    def interrupt(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_class(points, progress=interrupt)
    index_class(points, progress=True)
    assert capsys.readouterr().out == ""  # the bar is on stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_crossing_numbers_bound_the_points_a_query_looks_at(dtype, d):
    rng = np.random.default_rng(d)
    points = rng.uniform(size=(2000, d)).astype(dtype)
    normals = rng.standard_normal((20, d)).astype(dtype)
    middle = normals.astype(float) @ np.full(d, 0.5)
    crossed, leaves = sl.PartitionTree.crossing_numbers(points, normals, middle, leaf_size=32)
    assert crossed.shape == (20,)
    assert crossed.dtype == np.int64
    assert leaves >= 2000 / 32
    assert (crossed >= 1).all()
    assert crossed.mean() < 4 * leaves ** (1 - 1 / d)
    tree = sl.PartitionTree(points, leaf_size=32)
    for normal, threshold, most in zip(normals, middle, crossed, strict=True):
        work = tree.report_batch([normal], [threshold]).work
        assert 0 < work.candidates <= 32 * most
    beyond, _ = sl.PartitionTree.crossing_numbers(points, normals, np.full(20, 1e9))
    assert beyond.tolist() == [0] * 20
    with pytest.raises(ValueError, match="leaf_size"):
        sl.PartitionTree.crossing_numbers(points, normals, middle, leaf_size=0)
    with pytest.raises(ValueError, match="normals"):
        sl.PartitionTree.crossing_numbers(points, normals[:, :-1], middle)
