"""Reports: one HTML file that needs nothing else, and a CSV file, from the results of any commands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sublinear.experiments.study import Study
from sublinear.files import write_whole
from sublinear.report.results import as_csv, find_results, load_results

__all__ = ["load_results", "write_report"]


def write_report(
    folders: Iterable[str | os.PathLike[str]],
    html: str | os.PathLike[str],
    csv: str | os.PathLike[str] | None = None,
    study: Study | None = None,
) -> int:
    """Writes a report of everything that `compare`, `sweep` and `train` left in these folders and below.

    `html` opens from disk without a network, light or dark as the reader's system is, and is readable on a phone. `csv`
    has one row for each run and cell, as `load_results` gives them. Cells of a `study` are told of question by
    question. Returns how many there are. Needs matplotlib and Jinja2; raises ImportError where they are missing,
    otherwise as `find_results`.
    """
    folders = list(folders)
    results = find_results(folders)
    rows = load_results(*folders)
    try:
        from sublinear.report.page import render
    except ImportError as error:
        raise ImportError(f"a report needs {error.name}; pip install 'sublinear[report]'") from error
    write_whole(Path(html), _encoded(render(results, study)))
    if csv is not None:
        write_whole(Path(csv), _encoded(as_csv(rows)))
    return len(rows)


def _encoded(text: str) -> bytes:
    """As UTF-8; bytes in names of files that were none to begin with are escapes."""
    return text.encode("utf-8", "backslashreplace")
