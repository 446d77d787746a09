"""The gate on counted work: this revision passes it, and a structure that looks at too much does not."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

import sublinear as sl

FOLDER = pathlib.Path(__file__).parent.parent / "asv_bench"
WORK = "report.Report.track_inner_products_ratio(kd-tree, 4"


@pytest.fixture
def tracked(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in [each for each in sys.modules if each == "tracked" or each.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    import tracked

    return tracked


def test_this_revision_does_the_work_that_is_committed(tracked):
    committed = json.loads((FOLDER / "tracked.json").read_text())
    measured = tracked.measure(WORK)
    assert len(measured) == 2
    assert tracked.compare({key: committed[key] for key in measured}, measured) == ([], [])


def test_a_structure_that_looks_at_too_many_points_is_caught(tracked, monkeypatch):
    committed = {key: value for key, value in json.loads((FOLDER / "tracked.json").read_text()).items() if WORK in key}
    monkeypatch.setitem(sl.INDEXES, "kd-tree", lambda points: sl.KDTree(points, leaf_size=32))
    worse, better = tracked.compare(committed, tracked.measure(WORK))
    assert better == []
    assert len(worse) == 2
    assert all(line.startswith(WORK) and "(+" in line for line in worse)


def test_small_changes_pass_and_lost_or_new_values_do_not(tracked):
    assert tracked.compare({"a": 100.0}, {"a": 100.9}) == ([], [])
    assert tracked.compare({"a": 100.0}, {"a": 90.0}) == ([], ["a: 100 -> 90 (-10.0%)"])
    assert tracked.compare({"a": 0.0}, {"a": 1.0})[0] == ["a: 0 -> 1"]
    assert tracked.compare({"a": 1.0}, {})[0] == ["a: committed, and no longer tracked"]
    assert tracked.compare({}, {"b": 2.0})[0] == ["b: 2, and no value is committed"]
