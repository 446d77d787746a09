"""The checks that outsiders run: they pass what is right, and show the smallest case of what is not."""

from __future__ import annotations

import numpy as np
import pytest
from test_plugins import Neurons, Scan

import sublinear as sl
from sublinear.testing import ConformanceError, check_index, check_strategy


def test_a_scan_passes():
    check_index(Scan)
    check_strategy(Neurons)
    assert sl.INDEXES.registered() == sl.STRATEGIES.registered() == []


def test_an_index_that_misses_ties_is_shown_in_its_smallest_case():
    class NoTies(Scan):
        def report_batch(self, normals, thresholds):
            products = np.rint(normals @ self.points.T)
            return products > np.rint(thresholds)[:, None]

    with pytest.raises(ConformanceError) as broken:
        check_index(NoTies)
    text = str(broken.value)
    assert "histories of points, integers" in text
    assert "case: 1 points [[" in text
    assert ", then" not in text


def test_an_index_that_forgets_moves_is_shown_with_the_move():
    class Unmoved(Scan):
        def move(self, ids, points):
            pass

    with pytest.raises(ConformanceError, match=r"then move \[\d+\] to \[\["):
        check_index(Unmoved)


def test_a_strategy_that_forgets_the_ball_is_shown_in_its_smallest_case():
    class NoBall(Neurons):
        def __init__(self, problem):
            self.problem = problem
            self.limits = problem.limits(radius=0)

        def moved(self, rows, displacements):
            self.limits = self.problem.limits(radius=0)

    with pytest.raises(ConformanceError, match="every neuron that can fire is proposed") as broken:
        check_strategy(NoBall)
    case = str(broken.value).split("neurons (weights, then the bias) ")[1]
    assert case.split(", inputs")[0].count("[") == 2  # one neuron
    assert "move" not in case


def test_unknown_names_are_said():
    with pytest.raises(ValueError, match="nothing called 'octree'"):
        check_index("octree")
    with pytest.raises(ValueError, match="'magic'"):
        check_strategy("magic")
