"""The study of docs/study: its tables are what its cells say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import sublinear as sl
from sublinear.report.results import find_results

STUDY = Path(__file__).parent.parent / "docs" / "study"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(STUDY / "tables.py"))


def test_the_tables_are_those_of_the_cells(script):
    page = (STUDY / "index.md").read_text()
    assert script["filled"](page) == page
    assert page.count("| dense |") > 10


def test_the_cells_are_those_of_the_settings():
    cells = sl.read_study(STUDY / "study.toml").cells()
    records = [record for _, record in find_results([STUDY / "cells.json"]).cells]
    assert f"{len(cells)} cells" in (STUDY / "index.md").read_text()
    assert sorted(cell.file for cell in cells) == sorted(sl.experiments.cell.Cell.of(r["cell"]).file for r in records)
    assert {record["status"] for record in records} == {"done"}
    assert sl.experiments.contests.broken(records) == []


def test_accuracies_in_the_text_are_in_the_tables():
    """Every percentage of the prose, but for shares of work and confidence, is in a table of its section."""
    page = (STUDY / "index.md").read_text()
    for section in page.split("\n## ")[1:]:
        prose = " ".join(line for line in section.splitlines() if not line.startswith("|"))
        table = " ".join(line for line in section.splitlines() if line.startswith("|"))
        for number in re.findall(r"\b(\d+\.\d)(?= %|, \d| and \d+\.\d %)", prose):
            assert number in table, number
        for number in re.findall(r"\b0\.\d\d\b", prose):
            assert number in table, number
