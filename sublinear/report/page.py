"""The page of a report: its sections in order, each with a name of its own."""

from __future__ import annotations

from pathlib import Path

import jinja2
import matplotlib  # noqa: F401  (the figures need it: missed here, before anything is drawn)

from sublinear.experiments.cell import Cell
from sublinear.experiments.study import Study
from sublinear.files import reading
from sublinear.info import versions
from sublinear.report.comparisons import comparison_sections
from sublinear.report.figures import COLOURS
from sublinear.report.parts import Section
from sublinear.report.results import Results
from sublinear.report.studies import learnt_sections, study_sections
from sublinear.report.sweeps import sweep_sections
from sublinear.report.telling import Styles
from sublinear.report.theory import theory_sections
from sublinear.report.trainings import training_sections
from sublinear.sweep_results import Record


def render(results: Results, study: Study | None = None) -> str:
    """The whole page; cells that a study has are sections of its questions."""
    styles = Styles(results)
    sections = comparison_sections(results.comparisons, styles)
    if results.cells:
        with reading(results.cells[0][0].parent, "folder of results that this version reads"):
            sections += _cell_sections([record for _, record in results.cells], study, styles)
    sections += training_sections(results.trainings)
    sections += theory_sections(results.theories)
    _name_apart(sections)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        sections=sections, colours=list(enumerate(COLOURS)), version=versions()["sublinear"]
    )


def _cell_sections(records: list[Record], study: Study | None, styles: Styles) -> list[Section]:
    asked = set() if study is None else set(study.cells())
    sections = [] if study is None else study_sections(study, records, styles)
    others = [record for record in records if Cell.of(record["cell"]) not in asked]
    sections += learnt_sections([record for record in others if not record["cell"]["iterations"]], styles)
    return sections + sweep_sections([record for record in others if record["cell"]["iterations"]], styles)


def _name_apart(sections: list[Section]) -> None:
    """Numbers behind what is still called the same: the contents list has no two equal entries."""
    seen: dict[str, int] = {}
    for section in sections:
        seen[section.title] = seen.get(section.title, 0) + 1
        if seen[section.title] > 1:
            section.title += f" ({seen[section.title]})"
