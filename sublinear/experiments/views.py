"""Tables of cells as rows of text, which pages, papers and documents show in their own ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sublinear.experiments.contests import BASE, Contest, contests_of, ratio
from sublinear.experiments.tables import interval_text, place_axes, place_text
from sublinear.intervals import Interval
from sublinear.sweep_results import Record, Setting
from sublinear.tables import quantity

Rows = list[list[str]]


def result_rows(records: Sequence[Record]) -> Rows:
    """One row for each setting and strategy, the columns' names first: means over the seeds, behind each half of its
    95 % confidence. Columns that nothing has are left out."""
    contests = contests_of(records)
    axes = place_axes(contests)
    rows = [
        [
            "setting",
            "strategy",
            "seeds",
            "clean %",
            "robust %",
            "products a step",
            f"products over {BASE}",
            "step ms",
            f"time over {BASE}",
            "build s",
            "memory",
        ]
    ]
    for contest in contests:
        place = place_text(contest.settings[0], axes)
        rows += [[place, *_row(contest, setting)] for setting in contest.settings]
    kept = [
        number
        for number in range(len(rows[0]))
        if number in (1, 2) or any(row[number] not in ("", "-") for row in rows[1:])
    ]
    return [[row[number] for number in kept] for row in rows]


def _row(contest: Contest, setting: Setting) -> list[str]:
    ended, name = len(setting.done), setting.cell["strategy"]
    seeds = str(ended) if ended == len(setting.records) else f"{ended}/{len(setting.records)}"
    if not ended:
        return [name, seeds, setting.records[0]["status"], *["-"] * 7]
    texts: list[tuple[str, Callable[[float], str]]] = [
        ("clean_accuracy", _points),
        ("robust_accuracy", _points),
        ("inner_products", quantity),
    ]
    row = [name, seeds, *(mean_text(setting.mean(figure), text) for figure, text in texts)]
    base = contest.of(BASE)
    row.append("-" if name == BASE or base is None else interval_text(ratio(setting, base, "inner_products")))
    row.append(mean_text(setting.mean("seconds"), _milliseconds))
    row.append("-" if name == BASE else interval_text(contest.over(name)))
    row.append(mean_text(setting.mean("build_seconds"), lambda value: f"{value:.2g}"))
    memory = setting.mean("bytes")
    return [*row, "-" if memory is None else quantity(memory.value, "B")]


def mean_text(mean: Interval | None, text: Callable[[float], str]) -> str:
    """A mean with half of its interval behind it, such as "96.4 \\u00b1 0.5"."""
    if mean is None:
        return "-"
    return text(mean.value) + ("" if mean.half_width is None else f" \u00b1 {text(mean.half_width)}")


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g}"


def as_markdown(rows: Rows) -> str:
    """A table of Markdown."""
    clean = [[cell.replace("\n", " ").replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in clean]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\u00b1": r"$\pm$"}
_LATEX |= {letter: "\\" + letter for letter in "&%$#_{}"}


def as_latex(rows: Rows) -> str:
    """A `tabular` of LaTeX with the rules of booktabs."""
    lines = [
        " & ".join("".join(_LATEX.get(each, each) for each in cell.replace("\n", " ")) for cell in row) for row in rows
    ]
    body = " \\\\\n".join([f"\\toprule\n{lines[0]}", f"\\midrule\n{lines[1]}", *lines[2:]] if len(lines) > 1 else lines)
    return f"\\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}\n{body} \\\\\n\\bottomrule\n\\end{{tabular}}\n"
