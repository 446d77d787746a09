"""Studies: a section for each question, which leads with its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from sublinear.experiments.cell import Cell
from sublinear.experiments.contests import conclusion, contests_of
from sublinear.experiments.grid import sweep_command
from sublinear.experiments.study import Study
from sublinear.experiments.tables import contest_note, contest_rows, place_axes, place_text
from sublinear.experiments.views import result_rows
from sublinear.report.figures import Series, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.telling import Styles
from sublinear.sweep_results import Record, Setting
from sublinear.tables import scaling_caption

#: Settings that a figure can be drawn over, the first of which differs; and what the axis is called.
_OVER = {
    "width": "neurons m",
    "radius": "radius of the attack",
    "learning_rate": "learning rate",
    "kappa": "threshold in standard deviations",
    "inputs": "training inputs n",
    "features": "features d",
}
_FIGURES = (("robust_accuracy", "robust accuracy, %", 100.0), ("seconds", "milliseconds a step", 1000.0))
_MOST_LINES = 8


def study_sections(study: Study, records: Sequence[Record], styles: Styles) -> list[Section]:
    """One for each part of the study that has records."""
    sections = []
    for part, found in study.records(records):
        if found:
            sections.append(question_section(part.question or part.name or "Study", part.name, found, styles))
    return sections


def question_section(title: str, name: str, records: Sequence[Record], styles: Styles) -> Section:
    """The answer that the cells give, their tables, and figures whose titles have the name."""
    contests = contests_of(records)
    answer = conclusion(contests)
    section = Section(title, lead=[*([answer] if answer else []), scaling_caption(list(records))])
    for rows in (contest_rows(contests), result_rows(records)):
        if len(rows) > 1:
            columns = [name.replace("\n", " ") for name in rows[0]]
            section.tables.append(Table(columns, rows[1:], folded=len(rows) > 40))
    if len(contest_rows(contests)) > 1:
        section.notes.append(contest_note(contests))
    section.notes += [
        f"{Cell.of(record['cell']).label()}: {record['status']}: {record['error']}"
        for record in records
        if record["status"] != "done"
    ]
    settings = [setting for contest in contests for setting in contest.settings]
    section.figures = [Markup(drawing) for drawing in _figures(name, settings, styles)]
    section.facts = [fact for fact in machine_facts(records[0]) if fact[0] != "memory available"]
    section.command = sweep_command([Cell.of(record["cell"]) for record in records])
    return section


def _figures(name: str, settings: list[Setting], styles: Styles) -> list[str]:
    axis = next((name for name in _OVER if len({each.cell[name] for each in settings}) > 1), None)
    done = [each for each in settings if each.done]
    if axis is None or any(each.cell[axis] is None for each in done):
        return []
    drawn = []
    for figure, label, factor in _FIGURES:
        series = _series(done, axis, figure, factor, styles)
        if 0 < len(series) <= _MOST_LINES:
            log = figure == "seconds" and axis == "width"
            title = f"{label.partition(',')[0].capitalize()} over the {_OVER[axis].partition(' in ')[0]}"
            title += f" ({name})" if name else ""
            drawn.append(lines(title, _OVER[axis], label, series, log=log, whole=False))
    return drawn


def _series(done: list[Setting], axis: str, figure: str, factor: float, styles: Styles) -> list[Series]:
    """A line for each strategy and whatever differs beside the axis, with bars for 95 % confidence over the seeds."""
    groups: dict[tuple[str, str], list[Setting]] = {}
    places = place_axes(contests_of(record for each in done for record in each.records))
    others = [name for name in places if name != axis]
    for setting in done:
        if setting.mean(figure) is not None:
            key = setting.cell["strategy"], place_text(setting, others)
            groups.setdefault(key, []).append(setting)
    series = []
    for number, ((strategy, place), group) in enumerate(groups.items()):
        means: list[tuple[float, Any]] = sorted(
            ((float(each.cell[axis]), each.mean(figure)) for each in group), key=_first
        )
        reaches = [mean.half_width or 0.0 for _, mean in means]
        series.append(
            Series(
                ", ".join(filter(None, (strategy, place))),
                [x for x, _ in means],
                [factor * mean.value for _, mean in means],
                styles[strategy],
                number if others else 0,
                mark=number if others else 0,
                reach=tuple(factor * each for each in reaches),
            )
        )
    return series


def _first(pair: tuple[float, Any]) -> float:
    return pair[0]


def learnt_sections(records: Sequence[Record], styles: Styles) -> list[Section]:
    """Cells of whole training that belong to no study: a section for each data set."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        key = json.dumps([record["cell"]["dataset"], record["cell"]["normalization"]])
        groups.setdefault(key, []).append(record)
    names = {key: str(group[0]["cell"]["dataset"]) for key, group in groups.items()}
    return [question_section(f"Sweep: {names[key]}", names[key], group, styles) for key, group in groups.items()]
