"""Writes the tables of docs/study/index.md from its cells: python docs/study/tables.py."""

from __future__ import annotations

import sys
from pathlib import Path

from sublinear.experiments.contests import conclusion, contests_of
from sublinear.experiments.study import read_study
from sublinear.experiments.views import as_markdown, result_rows
from sublinear.report.results import find_results

HERE = Path(__file__).parent
PAGE = HERE / "index.md"

#: Columns of times are of a machine that others used too: the page is about counts and accuracies.
LEFT_OUT = ("step ms", "time over dense", "build s")


def tables() -> dict[str, str]:
    """The table of each part of the study, and the sentence about times before it."""
    study = read_study(HERE / "study.toml")
    records = [record for _, record in find_results([HERE / "cells.json"]).cells]
    return {part.name: table(found) for part, found in study.records(records)}


def table(records: list[dict]) -> str:
    """Markdown: counts and accuracies of each setting and strategy."""
    first, *rows = result_rows(records)
    kept = [number for number, name in enumerate(first) if name not in LEFT_OUT]
    return as_markdown([[row[number] for number in kept] for row in (first, *rows)])


def sentence(records: list[dict]) -> str:
    """What the report leads with."""
    return conclusion(contests_of(records))


def filled(page: str) -> str:
    """The page with its tables as the cells say."""
    for name, text in tables().items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        for name, text in tables().items():
            print(name, text, sep="\n")
    else:
        PAGE.write_text(filled(PAGE.read_text()))
