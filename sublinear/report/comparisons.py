"""Comparisons: a section for each, and where there are many one before them that has them beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sublinear.compare import same_bits
from sublinear.files import reading
from sublinear.intervals import Interval, mean_of, median_of, middle_half
from sublinear.paid_after import PaidAfter, paid_after
from sublinear.report.figures import Dots, Series, bars, dots, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.results import RESULT, steps_per_epoch
from sublinear.report.telling import Styles, in_order, mean_text, per_cent, range_text, times, told_apart, with_content
from sublinear.tables import bits_note, bits_text, quantity, ratios, seconds_text, spread_texts

#: More comparisons than these share figures instead of having their own.
MOST_WITH_FIGURES = 3

Found = list[tuple[Path, dict[str, Any]]]


def comparison_sections(found: Found, styles: Styles) -> list[Section]:
    """A section for each comparison; above `MOST_WITH_FIGURES` one more before them, which has the figures."""
    told = []
    for path, content in found:
        with reading(path, RESULT):
            told.append((_settings(content), path.parent.name))
    told = with_content(told, found)
    order = in_order([settings for settings, _ in told])
    found, told = [found[place] for place in order], [told[place] for place in order]
    titles = [
        ", ".join(filter(None, (f"Comparison: {settings['dataset']}, {settings['width']} neurons", name)))
        for (settings, _), name in zip(told, told_apart(told), strict=True)
    ]
    many, sections = len(found) > MOST_WITH_FIGURES, []
    if many:
        with reading(found[0][0].parent, "folder of results that this version reads"):
            sections.append(_overview([content for _, content in found], styles))
    for (path, content), title in zip(found, titles, strict=True):
        with reading(path, RESULT):
            sections.append(_comparison(path, content, styles, title, not many))
    return sections


def _settings(content: dict[str, Any]) -> dict[str, Any]:
    """What comparisons can differ in; dataset and width stand in every title."""
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    return {
        "dataset": data["name"],
        "width": network["width"],
        "normalization": data.get("normalization"),
        "radius": attack["radius"],
        "norm": attack["norm"],
        "steps": attack["steps"],
        "epochs": training["epochs"],
        "batch": training["batch_size"],
        "rate": training["learning_rate"]["first"],
        "dtype": network["dtype"],
        "threads": content["machine"].get("threads"),
        "seed": content["seed"],
    }


#: A figure of a run, and of that of `dense` if it is there.
Measure = Callable[[dict[str, Any], dict[str, Any] | None], float | None]


class _Group:
    """Comparisons that differ in the seed alone; each seed is one observation, counted once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._contents: dict[int, dict[str, Any]] = {}

    def add(self, content: dict[str, Any]) -> None:
        """One comparison more."""
        self._contents.setdefault(content["seed"], content)

    def seeds(self, strategy: str) -> int:
        """How many there are of a strategy."""
        return len(self._values(strategy, lambda run, dense: 1.0))

    def _values(
        self, strategy: str, value: Callable[[dict[str, Any], dict[str, Any] | None], float | None]
    ) -> list[float]:
        values = []
        for content in self._contents.values():
            runs = {run["strategy"]: run for run in content["runs"] if run.get("error") is None}
            if strategy in runs:
                values.append(value(runs[strategy], runs.get("dense")))
        return [each for each in values if each is not None]

    def mean(self, strategy: str, name: str) -> Interval | None:
        """Over the seeds, with 95 % confidence from two on."""

        def value(run: dict[str, Any], dense: dict[str, Any] | None) -> float | None:
            if name == "ratio":
                return None if dense is None else ratios(run["history"]["seconds"], dense["history"]["seconds"]).value
            found = run["work"][name] if name == "inner_products" else run[name]
            return None if found is None else float(found)

        values = self._values(strategy, value)
        return mean_of(values) if values else None


def _grouped(contents: list[dict[str, Any]]) -> list[_Group]:
    groups: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    told = with_content([(_settings(content), "") for content in contents], [(Path(), each) for each in contents])
    for content, (known, _) in zip(contents, told, strict=True):
        settings = {name: value for name, value in known.items() if name != "seed"}
        groups.setdefault(json.dumps(settings), (settings, []))[1].append(content)
    names = told_apart([(settings, "") for settings, _ in groups.values()])
    found = []
    for name, (_, members) in zip(names, groups.values(), strict=True):
        found.append(_Group(name or "all"))
        for content in members:
            found[-1].add(content)
    return found


#: Figures of the overview: title, axis, what the runs call it, and whether it is a share.
_BESIDE = (
    ("Accuracy under attack", "accuracy, %", "robust_accuracy", True),
    ("Accuracy without", "accuracy, %", "clean_accuracy", True),
    ("Time beside dense", "seconds of an epoch over those of dense", "ratio", False),
    ("Counted work", "inner products per epoch", "inner_products", False),
)


def _overview(contents: list[dict[str, Any]], styles: Styles) -> Section:
    groups = _grouped(contents)
    strategies = styles.sorted({run["strategy"] for content in contents for run in content["runs"]})
    section = Section(f"{len(contents)} comparisons beside each other")
    section.lead = [
        f"{len(groups)} settings. Means over the seeds of each, with half of their 95 % confidence where there are "
        "several; a comparison that is there twice counts once.",
        "The sections below have the tables of each comparison; for the curves of one, make a report of its folder.",
    ]
    rows = []
    for group in groups:
        for strategy in strategies:
            if not group.seeds(strategy):
                continue
            row = [group.name, strategy, str(group.seeds(strategy))]
            for name, text in (
                ("seconds_per_epoch", seconds_text),
                ("ratio", "{:.2f}".format),
                ("inner_products", quantity),
                ("clean_accuracy", per_cent),
                ("robust_accuracy", per_cent),
            ):
                row.append(mean_text(group.mean(strategy, name), text))
            rows.append(row)
    columns = ["setting", "strategy", "seeds", "epoch s", "of dense", "inner products", "clean %", "robust %"]
    section.tables = [Table(columns, rows, folded=len(rows) > 24)]
    names = [group.name for group in groups]
    for title, label, figure, share in _BESIDE:
        drawn = _merged(contents, strategies) if share else [(each, [each]) for each in strategies]
        series = []
        for legend, members in drawn:
            values = [next(filter(None, (group.mean(each, figure) for each in members)), None) for group in groups]
            if any(value is not None for value in values):
                series.append(Dots(legend, values, styles[members[0]]))
        if series:
            section.figures.append(Markup(dots(title, label, names, series, share)))
    return section


def _merged(contents: list[dict[str, Any]], strategies: list[str]) -> list[tuple[str, list[str]]]:
    """What legends call strategies with the same accuracy, with their names: exact ones all have the same."""
    exact = {run["strategy"] for content in contents for run in content["runs"] if run["exact"]}
    those = [each for each in strategies if each in exact]
    found = [(those[0] if len(those) == 1 else f"{len(those)} exact strategies", those)] if those else []
    return found + [(each, [each]) for each in strategies if each not in exact]


def _comparison(path: Path, content: dict[str, Any], styles: Styles, title: str, with_figures: bool) -> Section:
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    section = Section(title)
    section.lead = [
        f"{data['n_train']} training and {data['n_test']} test inputs, {data['n_features']} features "
        f"(normalization {data.get('normalization', 'not recorded')}), {data['classes']} classes.",
        f"{training['epochs']} epochs, batches of {training['batch_size']}, rate "
        f"{training['learning_rate']['first']:g} falling to {training['learning_rate']['last']:g}, seed "
        f"{content['seed']}; PGD of radius {attack['radius']:g} in l{attack['norm']} with {attack['steps']} steps; "
        f"{network['dtype']}.",
    ]
    runs = [run for run in content["runs"] if run.get("error") is None]
    section.tables = [_comparison_table(content, runs)]
    if any(not run["exact"] for run in runs):
        section.tables.append(_approximate_table(content, runs))
    section.notes = [f"{run['strategy']} was refused: {run['error']}" for run in content["runs"] if run.get("error")]
    section.notes.append(bits_note(runs))
    exact = [run["strategy"] for run in runs if run["exact"]]
    if any(run["exact"] and same_bits(run, runs) is False for run in runs):
        section.notes.append("Exact strategies ended with different weights: this is a bug, please report it.")
    elif len(exact) > 1 and with_figures:
        section.notes.append(
            f"Curves of the exact strategies ({', '.join(exact)}) coincide, because their weights are the same bits: "
            "one line stands for them all."
        )
    if with_figures:
        section.figures = [Markup(each) for each in _comparison_figures(content, runs, styles)]
    section.facts = [("file", str(path)), *machine_facts(content), ("threads", str(content["machine"]["threads"]))]
    section.command = content.get("command")
    return section


def _comparison_table(content: dict[str, Any], runs: list[dict[str, Any]]) -> Table:
    width = content["network"]["width"]
    dense = next((run for run in runs if run["strategy"] == "dense"), None)
    columns = ["strategy", "build s", "epoch s", "middle half", "of dense", "middle half", "paid for after"]
    columns += ["inner products", "candidates", "fired", "memory", "clean %", "robust %", "same bits", "Grover calls"]
    rows = []
    for run in content["runs"]:
        if run.get("error") is not None:
            rows.append([run["strategy"], *["-"] * (len(columns) - 1)])
            continue
        candidates, fired, seconds = run["candidates_share"], run["fired_share"], run["history"]["seconds"]
        row = [run["strategy"], seconds_text(run["build_seconds"]), *spread_texts(middle_half(seconds), seconds_text)]
        if dense is None:
            row += ["-", "-", "-"]
        else:
            row += spread_texts(ratios(seconds, dense["history"]["seconds"]), "{:.2f}".format)
            row.append("-" if run is dense else _paid(content, run, dense).text())
        row += [quantity(run["work"]["inner_products"]), range_text(candidates[0] * width, candidates[-1] * width)]
        row += [range_text(fired[0] * width, fired[-1] * width), quantity(run["bytes"], "B")]
        row += [per_cent(run["clean_accuracy"]), per_cent(run["robust_accuracy"]), bits_text(run, runs)]
        row.append(range_text(run["grover_calls"][0], run["grover_calls"][-1]) if run.get("grover_calls") else "-")
        rows.append(row)
    return Table(columns, rows)


def _approximate_table(content: dict[str, Any], runs: list[dict[str, Any]]) -> Table:
    """Neurons per input, means over the epochs; those that were used are those that fired among the found."""
    inputs = content["dataset"]["n_train"]
    rows = []
    for run in runs:
        if run["exact"]:
            continue
        work = run["work"]
        found = (work["candidates"] - work["added"], work["added"], work["fired"])
        rows.append([run["strategy"], *(f"{each / inputs:.0f}" for each in found), per_cent(run["recall"])])
    return Table(["approximate strategy", "reported", "added at random", "used", "recall %"], rows)


def _paid(content: dict[str, Any], run: dict[str, Any], dense: dict[str, Any]) -> PaidAfter:
    """By the epochs of one round: what a step saved, the median with its confidence."""
    steps = steps_per_epoch(content)
    pairs = zip(dense["history"]["seconds"], run["history"]["seconds"], strict=True)
    return paid_after(
        run["build_seconds"] - dense["build_seconds"], median_of([(theirs - own) / steps for theirs, own in pairs])
    )


def _comparison_figures(content: dict[str, Any], runs: list[dict[str, Any]], styles: Styles) -> list[str]:
    epochs = [float(epoch + 1) for epoch in range(len(runs[0]["fired_share"]) if runs else 0)]
    width = content["network"]["width"]
    alike = _alike(runs)
    drawings = []
    for title, label, names, share in (
        ("Accuracy on test inputs", "accuracy, %", ("validation_clean_accuracy", "validation_robust_accuracy"), True),
        ("Loss on training inputs", "cross-entropy", ("loss", "robust_loss"), False),
    ):
        series = [
            Series(f"{legend}, {kind}", epochs, run["history"][name], styles[run["strategy"]], dash)
            for legend, run in alike
            for dash, (kind, name) in enumerate(zip(("clean", "attacked"), names, strict=True))
            if len(run.get("history", {}).get(name, [])) == len(epochs)
        ]
        if series:
            drawings.append(lines(title, "epoch", label, series, from_zero=not share, percent=share))
    series = [
        Series(f"{_and_others(names)}, candidates", epochs, list(values), styles[names[0]])
        for values, names in _same((tuple(times(run["candidates_share"], width)), run["strategy"]) for run in runs)
    ]
    series += [
        Series(f"{legend}, fired", epochs, times(run["fired_share"], width), styles[run["strategy"]], 1)
        for legend, run in alike
    ]
    if runs:
        drawings.append(lines("Candidates and fired neurons", "epoch", "neurons per input", series))
    labels, numbers = [run["strategy"] for run in runs], [styles[run["strategy"]] for run in runs]
    if runs:
        spread = [middle_half(run["history"]["seconds"]) for run in runs]
        seconds = [each.value for each in spread]
        drawings.append(bars("Time", "seconds per epoch, and middle half", labels, seconds, numbers, spread))
    for title, unit, values in (
        ("Preprocessing", "seconds to build", [run["build_seconds"] for run in runs]),
        ("Counted work", "inner products per epoch, millions", [run["work"]["inner_products"] / 1e6 for run in runs]),
        ("Memory of the structure", "megabytes", [run["bytes"] / 1e6 for run in runs]),
    ):
        if runs:
            drawings.append(bars(title, unit, labels, values, numbers))
    return drawings


def _same(pairs: Iterable[tuple[tuple[float, ...], str]]) -> list[tuple[tuple[float, ...], list[str]]]:
    """Equal values with all their names."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for values, name in pairs:
        groups.setdefault(values, []).append(name)
    return list(groups.items())


def _and_others(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} others"


def _alike(runs: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """One run of those with the same weights, with what the legend calls them; approximate ones are alone."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run["weights_sha256"] if run["exact"] else run["strategy"], []).append(run)
    return [
        (group[0]["strategy"] if len(group) == 1 else f"{len(group)} exact strategies", group[0])
        for group in groups.values()
    ]
