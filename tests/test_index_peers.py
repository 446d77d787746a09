"""Reports beside what other libraries compute, on points that are not near the threshold.

Radius search answers half-space queries by an exact lifting: with M >= max ||p||, p' = (p, sqrt(M^2 - ||p||^2)) and
x' = (x, 0), <p, x> >= t iff ||p' - x'||^2 <= M^2 + ||x||^2 - 2 t.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.neighbors import BallTree as RadiusTree

import sublinear as sl

each_index = pytest.mark.parametrize("name", list(sl.INDEXES))
each_dimension = pytest.mark.parametrize("d", [2, 3, 8, 64])


def problem(d, dtype):
    """Points, normals, and thresholds in the middle of the widest gaps between products near a wanted count."""
    rng = np.random.default_rng(d)
    points = rng.standard_normal((3000, d)).astype(dtype)
    normals = rng.standard_normal((25, d)).astype(dtype)
    products = np.sort(normals.astype(np.float64) @ points.astype(np.float64).T, axis=1)
    near = products[:, -120:-20]
    gaps = np.diff(near, axis=1)
    widest = gaps.argmax(axis=1)
    rows = np.arange(len(normals))
    thresholds = near[rows, widest] + gaps[rows, widest] / 2
    assert (gaps.max(axis=1) > 1e-3).all()  # far more than any rounding
    return points, normals, thresholds


def lifted(points, normals, thresholds):
    wide, x = points.astype(np.float64), normals.astype(np.float64)
    squares = (wide**2).sum(1)
    largest = squares.max()
    up = np.column_stack([wide, np.sqrt(largest - squares)])
    radii = np.sqrt(np.maximum(largest + (x**2).sum(1) - 2 * thresholds, 0))
    return up, np.column_stack([x, np.zeros(len(x))]), radii


@each_index
@each_dimension
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_radius_search_in_one_dimension_more(name, d, dtype):
    if not sl.index_serves(name, d):
        return
    points, normals, thresholds = problem(d, dtype)
    reported = sl.INDEXES[name](points).report_batch(normals, thresholds)
    up, queries, radii = lifted(points, normals, thresholds)
    by_sklearn = RadiusTree(up).query_radius(queries, radii)
    by_scipy = cKDTree(up).query_ball_point(queries, radii)
    for q in range(len(normals)):
        assert len(reported[q]) >= 20
        assert reported[q].tolist() == sorted(by_sklearn[q].tolist()) == sorted(by_scipy[q])


@each_index
@each_dimension
def test_as_range_search_by_inner_product(name, d):
    faiss = pytest.importorskip("faiss")
    if not sl.index_serves(name, d):
        return
    points, normals, thresholds = problem(d, np.float32)
    reported = sl.INDEXES[name](points).report_batch(normals, thresholds)
    flat = faiss.IndexFlatIP(d)
    flat.add(points)
    for q in range(len(normals)):
        _, _, ids = flat.range_search(normals[q : q + 1], float(thresholds[q]))
        assert reported[q].tolist() == sorted(ids.tolist())


@each_index
def test_top_as_exact_search_by_inner_product(name):
    faiss = pytest.importorskip("faiss")
    d = 8 if sl.index_serves(name, 8) else 2
    points, normals, _ = problem(d, np.float32)
    flat = faiss.IndexFlatIP(d)
    flat.add(points)
    products, _ = flat.search(normals, 10)
    ours = sl.INDEXES[name](points).top_batch(normals, 10)
    assert np.allclose(ours.products, products, rtol=1e-5, atol=1e-5)
