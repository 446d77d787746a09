"""The page of a report: its sections in order, each with a name of its own."""

from __future__ import annotations

from pathlib import Path

import jinja2
import matplotlib  # noqa: F401  (the figures need it: missed here, before anything is drawn)

from sublinear.files import reading
from sublinear.info import versions
from sublinear.report.comparisons import comparison_sections
from sublinear.report.figures import COLOURS
from sublinear.report.parts import Section
from sublinear.report.results import Results
from sublinear.report.sweeps import sweep_sections
from sublinear.report.telling import Styles
from sublinear.report.theory import theory_sections
from sublinear.report.trainings import training_sections


def render(results: Results) -> str:
    """The whole page."""
    styles = Styles(results)
    sections = comparison_sections(results.comparisons, styles)
    if results.cells:
        with reading(results.cells[0][0].parent, "folder of results that this version reads"):
            sections += sweep_sections([record for _, record in results.cells], styles)
    sections += training_sections(results.trainings)
    sections += theory_sections(results.theories)
    _name_apart(sections)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        sections=sections, colours=list(enumerate(COLOURS)), version=versions()["sublinear"]
    )


def _name_apart(sections: list[Section]) -> None:
    """Numbers behind what is still called the same: the contents list has no two equal entries."""
    seen: dict[str, int] = {}
    for section in sections:
        seen[section.title] = seen.get(section.title, 0) + 1
        if seen[section.title] > 1:
            section.title += f" ({seen[section.title]})"
