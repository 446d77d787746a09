"""The tables of `time_to_robust_accuracy.py`: text of at most 80 columns, made from its JSON alone."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from recipes import Recipe
from record import table_text

Curve = list[dict[str, float]]

RECIPE_COLUMNS = 54  # so that a table has at most 80


def reached(curve: Curve, target: float) -> float | None:
    """Seconds after which the robust accuracy was first that high, at the end of an epoch; None if never."""
    return next((each["seconds"] for each in curve if each["robust"] >= target), None)


def runs(content: dict[str, Any], phase: str, threat: str) -> list[dict[str, Any]]:
    return [each for each in content["runs"] if each["phase"] == phase and each["threat"] == threat]


def sides(found: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(each["recipe"]["side"] for each in found))


def times(content: dict[str, Any], threat: str, side: str) -> list[float]:
    """Seconds to the target on test rows, of the seeds that reached it."""
    target = content["settings"]["targets"][threat]
    own = [each for each in runs(content, "final", threat) if each["recipe"]["side"] == side]
    return [seconds for each in own if (seconds := reached(each["curve"], target)) is not None]


def result(content: dict[str, Any]) -> str:
    """Seconds of each side until the target on test rows, and their ratio."""
    lines = [setting(content)]
    for threat, target in content["settings"]["targets"].items():
        final = runs(content, "final", threat)
        if not final:
            continue
        rows, medians = [], []
        for side in sides(final):
            own = [each for each in final if each["recipe"]["side"] == side and each["curve"]]
            taken = times(content, threat, side)
            last = [each["curve"][-1] for each in own]
            clean, robust = (100 * statistics.mean(each[key] for each in last) for key in ("clean", "robust"))
            medians.append(statistics.median(taken) if taken else None)
            seconds = f"{statistics.median(taken):.1f}" if taken else "never"
            spread = f"{min(taken):.1f}-{max(taken):.1f}" if taken else ""
            rows.append([side, seconds, spread, f"{len(taken)} of {len(own)}", f"{clean:.1f}", f"{robust:.1f}"])
        lines.append(f"{threat}: seconds until {100 * target:g} % robust")
        headers = ["", "seconds", "range", "seeds", "clean % at end", "robust %"]
        lines.append(table_text(headers, rows, left=("",)).rstrip("\n"))
        for side in sides(final):
            recipe = next(each["recipe"] for each in final if each["recipe"]["side"] == side)
            lines.append(textwrap.fill(f"{side}: {Recipe(**recipe).text()}", 80, subsequent_indent="  "))
        if len(medians) == 2 and all(medians):
            lines.append(f"{sides(final)[1]} over {sides(final)[0]}: {medians[1] / medians[0]:.1f}x")
    return "\n".join(lines) + "\n"


def search(content: dict[str, Any]) -> str:
    """Every recipe on validation rows."""
    lines = []
    for threat, target in content["settings"]["targets"].items():
        found = runs(content, "search", threat)
        goal = target + content["settings"]["margin"]
        lines.append(f"{threat}: seconds until {100 * goal:g} % robust on validation rows")
        for side in sides(found):
            rows = []
            for each in found:
                if each["recipe"]["side"] == side:
                    curve, text = each["curve"], Recipe(**each["recipe"]).text()
                    first = reached(curve, goal)
                    best = f"{100 * max(one['robust'] for one in curve):.1f}" if curve else "-"
                    clean = f"{100 * curve[-1]['clean']:.1f}" if curve else "-"
                    until = "-" if first is None else f"{first:.1f}"
                    words = text + (f" ({each['note']})" if each["note"] else "")
                    first_line, *others = textwrap.wrap(words, RECIPE_COLUMNS, subsequent_indent="  ")
                    rows.append([first_line, until, clean, best])
                    rows += [[line, "", "", ""] for line in others]
            lines.append(table_text([side, "s", "clean %", "robust %"], rows, left=(side,)).rstrip("\n"))
    return "\n".join(lines) + "\n"


def setting(content: dict[str, Any]) -> str:
    data, settings = content["data"], content["settings"]
    return textwrap.fill(
        f"{data['name']}: {data['rows']} training and {settings['test_rows']} test rows, judged by "
        f"PGD-{settings['judge_steps']}; recipes chosen on {settings['validation_rows']} training rows; "
        f"{content['machine']['cpu']}, {content['threads']} threads, {content['simd']}",
        80,
    )


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {"search": search, "result": result}
