"""Training runs: a section for each, or one for all where there are many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from sublinear.files import reading
from sublinear.report.figures import Series, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.results import RESULT
from sublinear.report.telling import in_order, per_cent, times, told_apart, with_content
from sublinear.tables import seconds_text

#: More runs than these share a section.
MOST_ALONE = 3
#: Lines of one figure that can still be followed.
_MOST_LINES = 12

Found = list[tuple[Path, dict[str, Any]]]


def training_sections(found: Found) -> list[Section]:
    """A section for each run; above `MOST_ALONE` one for all."""
    told = []
    for path, content in found:
        with reading(path, RESULT):
            told.append((dict(content["settings"]), path.parent.name))
    told = with_content(told, found)
    order = in_order([settings for settings, _ in told])
    found, told = [found[place] for place in order], [told[place] for place in order]
    names = told_apart(told)
    if len(found) > MOST_ALONE:
        with reading(found[0][0].parent, "folder of results that this version reads"):
            return [_together(found, names)]
    sections = []
    for (path, content), (settings, _), name in zip(found, told, names, strict=True):
        with reading(path, RESULT):
            title = f"Training: {settings['dataset']}, {settings['width']} neurons"
            sections.append(_training(path, content, ", ".join(filter(None, (title, name)))))
    return sections


def _together(found: Found, names: list[str]) -> Section:
    section = Section(f"{len(found)} training runs beside each other")
    section.lead = ["For more of one run, make a report of its folder."]
    rows = []
    for (path, content), name in zip(found, names, strict=True):
        settings, history = content["settings"], content["history"]
        last = [
            (history[column] or [None])[-1] for column in ("validation_clean_accuracy", "validation_robust_accuracy")
        ]
        loss = f"{history['robust_loss'][-1]:.4g}" if history["robust_loss"] else "-"
        row = [name, settings["strategy"], str(len(history["loss"])), seconds_text(sum(history["seconds"])), loss]
        rows.append([*row, *map(per_cent, last), content["ending"], str(path)])
    columns = ["run", "strategy", "epochs", "seconds", "robust loss", "clean %", "robust %", "ending", "file"]
    section.tables = [Table(columns, rows)]
    for title, label, column, share in (
        ("Robust loss on training inputs", "loss", "robust_loss", False),
        ("Accuracy under attack on held-out inputs", "accuracy, %", "validation_robust_accuracy", True),
        ("Fired neurons", "share of neurons", "fired_share", False),
    ):
        series = [
            Series(name, [float(epoch + 1) for epoch in range(len(content["history"][column]))], values, number)
            for number, ((_, content), name) in enumerate(zip(found, names, strict=True))
            if (values := content["history"][column])
        ]
        if series:
            drawing = lines(title, "epoch", label, series[:_MOST_LINES], from_zero=not share, percent=share)
            section.figures.append(Markup(drawing))
    if len(found) > _MOST_LINES:
        section.notes.append(f"Figures have the first {_MOST_LINES} runs.")
    return section


def _training(path: Path, content: dict[str, Any], title: str) -> Section:
    settings, history = content["settings"], content["history"]
    epochs = [float(epoch + 1) for epoch in range(len(history["loss"]))]
    section = Section(title)
    section.lead = [
        f"Strategy {settings['strategy']}, {len(epochs)} epochs, batches of {settings['batch_size']}, rate "
        f"{settings['learning_rate']:g} falling to 0 after {settings['schedule_epochs']} epochs, seed "
        f"{settings['seed']}; PGD of radius {settings['radius']:g} in l{settings['norm']} with {settings['steps']} "
        f"steps; {content['ending']}.",
    ]
    judged = "inputs held out" if settings["patience"] is not None else "test inputs"
    for title, label, names, share in (
        ("Loss on training inputs", "cross-entropy", ("loss", "robust_loss"), False),
        (f"Loss on {judged}", "cross-entropy", ("validation_clean_loss", "validation_robust_loss"), False),
        (
            f"Accuracy on {judged}",
            "accuracy, %",
            ("validation_clean_accuracy", "validation_robust_accuracy"),
            True,
        ),
    ):
        series = [
            Series(kind, epochs, history[name], number, number)
            for number, (kind, name) in enumerate(zip(("clean", "attacked"), names, strict=True))
            if len(history[name]) == len(epochs) and epochs
        ]
        if series:
            section.figures.append(Markup(lines(title, "epoch", label, series, from_zero=not share, percent=share)))
    shares = [
        Series(kind, epochs, times(history[name], settings["width"]), number)
        for number, (kind, name) in enumerate((("candidates", "candidates_share"), ("fired", "fired_share")))
        if epochs
    ]
    if shares:
        section.figures.append(Markup(lines("Candidates and fired neurons", "epoch", "neurons per input", shares)))
    section.facts = [("file", str(path)), *(machine_facts(content) if "machine" in content else [])]
    section.command = content.get("command")
    return section
