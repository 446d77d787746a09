"""The gate on counted work: this revision passes it, and a structure that looks at too much does not."""

from __future__ import annotations

import importlib
import json
import pathlib
import sys

import pytest

import sublinear as sl

FOLDER = pathlib.Path(__file__).parent.parent / "asv_bench"
WORK = "report.Report.track_inner_products_ratio(kd-tree, 4"
CANDIDATES = "train.Epoch.track_candidates(margin)"
INNER_PRODUCTS = "train.Epoch.track_inner_products(margin)"
GIL_KEPT = "threads.PythonThreads.track_gil_kept(report)"


@pytest.fixture
def tracked(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in [each for each in sys.modules if each == "tracked" or each.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    import tracked

    return tracked


def committed_values(part):
    return {key: value for key, value in json.loads((FOLDER / "tracked.json").read_text()).items() if part in key}


def assert_caught(tracked, part):
    committed = committed_values(part)
    worse, better = tracked.compare(committed, tracked.measure(part))
    assert better == []
    assert len(worse) == len(committed) > 0
    assert all(line.startswith(part) and "(+" in line for line in worse)


def test_this_revision_does_the_work_that_is_committed(tracked):
    committed = committed_values(WORK)
    assert len(committed) == 2
    assert tracked.compare(committed, tracked.measure(WORK)) == ([], [])


def test_a_structure_that_looks_at_too_many_points_is_caught(tracked, monkeypatch):
    leafy = {**sl.INDEXES, "kd-tree": lambda points: sl.KDTree(points, leaf_size=32)}
    monkeypatch.setattr(sl, "INDEXES", leafy)
    assert_caught(tracked, WORK)


def test_a_strategy_that_proposes_too_many_neurons_is_caught(tracked, monkeypatch):
    def ball_of_twice_the_radius(radius, steps):
        return PGD(2 * radius, steps, step_size=2.5 * radius / steps)

    PGD = sl.PGD
    monkeypatch.setattr(sl, "PGD", ball_of_twice_the_radius)
    assert_caught(tracked, CANDIDATES)


def test_a_strategy_that_falls_back_to_a_scan_is_caught(tracked, monkeypatch):
    def margin_without_memory(network, strategy, **options):
        return Trainer(network, sl.Strategy(strategy, max_bytes=1), **options)

    Trainer = sl.Trainer
    monkeypatch.setattr(sl, "Trainer", margin_without_memory)
    assert_caught(tracked, INNER_PRODUCTS)


def test_a_call_that_keeps_the_gil_is_caught(tracked, monkeypatch):
    assert tracked.measure(GIL_KEPT) == {GIL_KEPT: 0.0}
    calls = importlib.import_module("benchmarks.threads").CALLS
    monkeypatch.setitem(calls, "report", lambda threads: lambda: pow(3, 1_000_000))
    assert tracked.measure(GIL_KEPT) == {GIL_KEPT: 1.0}


def test_small_changes_pass_and_lost_or_new_values_do_not(tracked):
    assert tracked.compare({"a": 100.0}, {"a": 100.9}) == ([], [])
    assert tracked.compare({"a": 100.0}, {"a": 90.0}) == ([], ["a: 100 -> 90 (-10.0%)"])
    assert tracked.compare({"a": 0.0}, {"a": 1.0})[0] == ["a: 0 -> 1"]
    assert tracked.compare({"a": 1.0}, {})[0] == ["a: committed, and no longer tracked"]
    assert tracked.compare({}, {"b": 2.0})[0] == ["b: 2, and no value is committed"]
