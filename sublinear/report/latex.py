"""Tables of sweeps for papers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from sublinear.experiments.contests import contests_of
from sublinear.experiments.study import Study
from sublinear.experiments.tables import contest_rows
from sublinear.experiments.views import as_latex, result_rows
from sublinear.files import write_whole
from sublinear.report.results import find_results
from sublinear.sweep_results import Record


def write_latex(folders: Iterable[str | os.PathLike[str]], out: Path, study: Study | None = None) -> list[Path]:
    """Writes the tables of each part of a study, or of each data set, as `tabular` with rules of booktabs; returns the
    files. ValueError where the folders have no cells."""
    records = [record for _, record in find_results(folders).cells]
    if not records:
        raise ValueError("there are no cells of sweeps, whose tables --latex writes; run sublinear sweep first")
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, found in _parts(records, study):
        for kind, rows in (("results", result_rows(found)), ("fastest", contest_rows(contests_of(found)))):
            if len(rows) > 1:
                paths.append(out / f"{name}-{kind}.tex")
                write_whole(paths[-1], as_latex(rows).encode())
    return paths


def _parts(records: list[Record], study: Study | None) -> list[tuple[str, list[Record]]]:
    if study is not None:
        return [(part.name or "study", found) for part, found in study.records(records) if found]
    groups: dict[str, list[Record]] = {}
    for record in records:
        name = re.sub(r"[^A-Za-z0-9]+", "-", str(record["cell"]["dataset"])).strip("-") or "data"
        groups.setdefault(name + ("-timed" if record["cell"]["iterations"] else ""), []).append(record)
    return list(groups.items())
