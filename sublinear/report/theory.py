"""Theory beside measurement, as sections of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sublinear.files import reading
from sublinear.report.figures import Series, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.results import RESULT
from sublinear.report.telling import told_apart
from sublinear.tables import claim_texts, ordered_claims, theory_note
from sublinear.theory import by_place

#: Figures over the width: title, label, and (claim, legend of what was measured, legend of theory) of its lines.
_FIGURES = (
    (
        "Fired share at the start",
        "share of neurons",
        (("fired share, start", "measured", "Q(kappa)"), ("fired share, start, bound", None, "exp(-kappa^2 / 2)")),
    ),
    ("Fired on any input", "share of neurons", (("fired on any input, start", "measured", "independent inputs"),)),
    ("Drift of a neuron", "largest ||w(T) - w(0)||", (("drift of a neuron", "measured", "radius of the theory"),)),
    (
        "Smallest eigenvalue of the shifted kernel",
        "eigenvalue",
        (
            ("smallest eigenvalue, limit", "in the limit", "bound"),
            ("smallest eigenvalue, drawn", "drawn neurons", None),
        ),
    ),
    ("Gap to the pseudo-network", "largest |f - f(W(0)) - g|", (("gap to the pseudo-network", "measured", None),)),
)


def theory_sections(found: list[tuple[Path, dict[str, Any]]]) -> list[Section]:
    """One section for each file and each n, d and radius in it."""
    told = []
    for path, content in found:
        with reading(path, RESULT):
            told.append((dict(content["settings"]), path.parent.name))
    sections: list[Section] = []
    for (path, content), name in zip(found, told_apart(told), strict=True):
        with reading(path, RESULT):
            sections += _of_file(path, content, name)
    return sections


def _of_file(path: Path, content: dict[str, Any], name: str) -> Iterator[Section]:
    settings = content["settings"]
    for place, claims in by_place(content["claims"]).items():
        title = f"Theory beside measurement: {settings['init']}, {place}"
        section = Section(title + (f" ({name})" if name else ""))
        pairs = ", neurons in pairs" if settings["coupled"] else ""
        section.lead = [
            f"Initialisation {settings['init']}{pairs}; {settings['iterations']} steps, full batch; "
            f"{settings['dataset']}.",
            theory_note(settings["seeds"], settings["coupled"]),
        ]
        columns = ["claim", "m", "predicted", "measured", "ratio", "verdict", "source"]
        rows = [_row(claim) for claim in ordered_claims(claims)]
        section.tables = [Table(columns, rows, folded=len(rows) > 100)]
        section.figures = [Markup(drawing) for drawing in _figures(claims)]
        curves = [curve for curve in content["curves"] if _is_at(curve["at"], claims[0]["at"])]
        for title, label, name in _CURVES:
            section.figures += [Markup(_curves(curves, title, label, name))] if curves else []
        if settings["init"] == "gao":
            section.notes.append(
                "The constants of the paper's theorem cannot hold together (its radius asks for less drift than any "
                "step that learns): the drift is printed beside it, and exceeds it."
            )
        section.facts = [("file", str(path)), *machine_facts(content)]
        section.command = content["command"]
        yield section


def _row(claim: dict[str, Any]) -> list[str]:
    predicted, measured, ratio, verdict = claim_texts(claim)
    if claim["ratio_low"] is not None:
        ratio += f" [{claim['ratio_low']:.3g}, {claim['ratio_high']:.3g}]"
    return [claim["name"], str(claim["at"].get("m", "-")), predicted, measured, ratio, verdict, claim["source"]]


def _is_at(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("n", "d", "radius"))


def _figures(claims: list[dict[str, Any]]) -> Iterator[str]:
    for title, label, wanted in _FIGURES:
        series = []
        for number, (name, measured, stated) in enumerate(wanted):
            found = [claim for claim in claims if claim["name"] == name and claim["kind"] == "value"]
            x = [float(claim["at"]["m"]) for claim in found]
            for legend, key, style in (
                (measured, "mean", number + 1),
                (stated, "predicted_mean", 0 if number == 0 else 3),
            ):
                if found and legend and all(claim[key] is not None and claim[key] > 0 for claim in found):
                    series.append(Series(legend, x, [claim[key] for claim in found], style, dash=int(key != "mean")))
        if series and len({x for each in series for x in each.x}) > 1:
            yield lines(title, "neurons m", label, series, log=True)


#: Figures over the steps: title, label, and what theory.json calls them.
_CURVES = (
    ("Robust loss", "mean loss under attack", "robust_loss"),
    ("Fired share through training", "share of neurons, under attack", "fired_share"),
)


def _curves(curves: list[dict[str, Any]], title: str, label: str, name: str) -> str:
    """A figure over the steps, the mean of the seeds, one line a width."""
    series = []
    for style, curve in enumerate(curves):
        seeds = list(zip(*curve[name], strict=True))
        means = [sum(values) / len(values) for values in seeds]
        series.append(Series(f"m = {curve['at']['m']}", [float(k + 1) for k in range(len(means))], means, style))
    return lines(title, "training step", label, series)
