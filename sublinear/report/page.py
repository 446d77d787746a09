"""The page of a report: which tables and figures, and what is said beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import matplotlib  # noqa: F401  (the figures need it: missed here, before anything is drawn)
from markupsafe import Markup

from sublinear.compare import same_bits
from sublinear.files import reading
from sublinear.info import versions
from sublinear.intervals import median_of, middle_half
from sublinear.paid_after import PaidAfter, paid_after
from sublinear.report.figures import COLOURS, Series, bars, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.results import RESULT, Results, steps_per_epoch
from sublinear.report.theory import theory_sections
from sublinear.scaling import PEER, SIZES, Cell, sweep_command
from sublinear.strategies import STRATEGIES
from sublinear.sweep_results import growth_lines
from sublinear.tables import bits_note, bits_text, quantity, ratios, seconds_text, spread_texts


def render(results: Results) -> str:
    """The whole page."""
    styles = Styles(results)
    sections: list[Section] = []
    for path, content in results.comparisons:
        with reading(path, RESULT):
            sections.append(_comparison(path, content, styles))
    if results.cells:
        with reading(results.cells[0][0].parent, "folder of results that this version reads"):
            sections += _sweeps([record for _, record in results.cells], styles)
    for path, content in results.trainings:
        with reading(path, RESULT):
            sections.append(_training(path, content))
    for path, content in results.theories:
        with reading(path, RESULT):
            sections += theory_sections(path, content)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        sections=sections, colours=list(enumerate(COLOURS)), version=versions()["sublinear"]
    )


class Styles:
    """A number for each strategy: its colour and marker in every figure."""

    def __init__(self, results: Results) -> None:
        found = {run["strategy"] for _, content in results.comparisons for run in content["runs"]}
        found |= {record["cell"]["strategy"] for _, record in results.cells}
        known = dict.fromkeys(["dense", "margin", *STRATEGIES, PEER])  # the most compared ones differ most
        self._numbers = {label: number for number, label in enumerate([*known, *sorted(found - known.keys())])}

    def __getitem__(self, label: str) -> int:
        return self._numbers[label]

    def sorted(self, labels: Iterable[str]) -> list[str]:
        """The labels in the order of their numbers."""
        return sorted(labels, key=self._numbers.__getitem__)


def _per_cent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def _range(first: float, last: float) -> str:
    return f"{first:.0f}" if f"{first:.0f}" == f"{last:.0f}" else f"{first:.0f}-{last:.0f}"


def _comparison(path: Path, content: dict[str, Any], styles: Styles) -> Section:
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    section = Section(f"Comparison: {data['name']}, {network['width']} neurons")
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
    exact = [run["strategy"] for run in runs if run["exact"]]
    section.notes.append(bits_note(runs))
    if any(run["exact"] and same_bits(run, runs) is False for run in runs):
        section.notes.append("Exact strategies ended with different weights: this is a bug, please report it.")
    elif len(exact) > 1:
        section.notes.append(
            f"Curves of the exact strategies ({', '.join(exact)}) coincide, because their weights are the same bits: "
            "one line stands for them all."
        )
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
        row += [quantity(run["work"]["inner_products"]), _range(candidates[0] * width, candidates[-1] * width)]
        row += [_range(fired[0] * width, fired[-1] * width), quantity(run["bytes"], "B")]
        row += [_per_cent(run["clean_accuracy"]), _per_cent(run["robust_accuracy"]), bits_text(run, runs)]
        row.append(_range(run["grover_calls"][0], run["grover_calls"][-1]) if run.get("grover_calls") else "-")
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
        rows.append([run["strategy"], *(f"{each / inputs:.0f}" for each in found), _per_cent(run["recall"])])
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
    for title, label, names, per_cent in (
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
            drawings.append(lines(title, "epoch", label, series, from_zero=not per_cent, percent=per_cent))
    series = [
        Series(f"{_and_others(names)}, candidates", epochs, list(values), styles[names[0]])
        for values, names in _same((tuple(_times(run["candidates_share"], width)), run["strategy"]) for run in runs)
    ]
    series += [
        Series(f"{legend}, fired", epochs, _times(run["fired_share"], width), styles[run["strategy"]], 1)
        for legend, run in alike
    ]
    if runs:
        drawings.append(lines("Candidates and fired neurons", "epoch", "neurons per input", series))
    labels, numbers = [run["strategy"] for run in runs], [styles[run["strategy"]] for run in runs]
    for title, unit, values in (
        ("Time", "seconds per epoch", [run["seconds_per_epoch"] for run in runs]),
        ("Preprocessing", "seconds to build", [run["build_seconds"] for run in runs]),
        ("Counted work", "inner products per epoch, millions", [run["work"]["inner_products"] / 1e6 for run in runs]),
        ("Memory of the structure", "megabytes", [run["bytes"] / 1e6 for run in runs]),
    ):
        if runs:
            drawings.append(bars(title, unit, labels, values, numbers))
    return drawings


def _times(shares: list[float], width: int) -> list[float]:
    return [share * width for share in shares]


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


#: What two cells of one sweep have alike; the other fields are its axes.
_AXES = ("strategy", "width", "inputs", "features", "radius", "batch_size", "threads", "seed")
_MOST_GROUPS = 6


def _sweeps(records: list[dict[str, Any]], styles: Styles) -> list[Section]:
    sweeps: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        shared = {name: value for name, value in record["cell"].items() if name not in _AXES}
        sweeps.setdefault(json.dumps(shared, sort_keys=True), []).append(record)
    return [_sweep(group, styles) for group in sweeps.values()]


def _sweep(records: list[dict[str, Any]], styles: Styles) -> Section:
    records = sorted(records, key=lambda record: (Cell(**record["cell"]).cost, styles[record["cell"]["strategy"]]))
    cell, done = records[0]["cell"], [record for record in records if record["status"] == "done"]
    section = Section(f"Scaling: {cell['dataset']}")
    section.lead = [
        f"{len(records)} cells, {len(done)} done; {cell['iterations']} training steps each are timed (median), rate "
        f"{cell['learning_rate']:g}, seed {cell['seed']}; PGD in l{cell['norm']} with {cell['steps']} steps; "
        f"{cell['dtype']}. Sizes are m neurons, n training inputs, d features.",
    ]
    if any(record["cell"]["strategy"] == PEER for record in done):
        section.lead.append(f"{PEER} is the dense computation by matrix products, the peer to beat.")
    fits = growth_lines(records)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for line in fits:
        key = (line.strategy, SIZES[line.axis], _fixed_text(line.fixed, records))
        rows.setdefault(key, {})[line.figure] = line.growth.text()
    if rows:
        table = [[*key, texts.get("seconds", "-"), texts.get("inner_products", "-")] for key, texts in rows.items()]
        columns = ["strategy", "grows with", "at", "exponent of seconds", "exponent of inner products"]
        section.tables.append(Table(columns, table, folded=len(table) > 12))
        section.notes.append("Exponents of power laws through all points, in brackets with 95 % confidence.")
    groups = _groups(done)
    for axis, fixed, group in groups[:_MOST_GROUPS]:
        at = _fixed_text(fixed, records)
        section.figures += [Markup(each) for each in _size_figures(axis, fixed, at, group, fits, styles)]
    if len(groups) > _MOST_GROUPS:
        section.notes.append(f"Figures of the first {_MOST_GROUPS} of {len(groups)} settings; the CSV file has all.")
    largest = max((Cell(**record["cell"]).cost for record in done), default=0)
    section.figures += [
        Markup(each)
        for each in _over_steps([record for record in done if Cell(**record["cell"]).cost == largest], styles)
    ]
    section.notes += [
        f"{Cell(**record['cell']).label()}: {record['status']}: {record['error']}"
        for record in records
        if record["status"] != "done"
    ]
    section.more = _cells_table(records)
    section.facts = [fact for fact in machine_facts(records[0]) if fact[0] != "memory available"]
    machines = {record["machine"]["cpu"] for record in records}
    if len(machines) > 1:
        section.notes.append(f"Cells ran on different processors ({', '.join(sorted(machines))}): compare counts.")
    section.command = sweep_command([Cell(**record["cell"]) for record in records])
    return section


def _fixed_text(fixed: dict[str, Any], records: list[dict[str, Any]]) -> str:
    """Whatever of the fixed axes differs within the sweep."""
    names = [name for name in _AXES if name in fixed and len({record["cell"][name] for record in records}) > 1]
    return ", ".join(f"{SIZES.get(name, name.replace('_', ' '))} {fixed[name]}" for name in names) or "-"


def _groups(done: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """(axis, what is fixed, cells) wherever strategies have several sizes along an axis."""
    groups = []
    for axis in SIZES:
        found: dict[str, list[dict[str, Any]]] = {}
        for record in done:
            fixed = {name: record["cell"][name] for name in _AXES if name not in (axis, "strategy", "seed")}
            found.setdefault(json.dumps(fixed), []).append(record)
        for key, group in found.items():
            if len({record["cell"][axis] for record in group}) > 1:
                groups.append((axis, json.loads(key), group))
    return groups


def _size_figures(
    axis: str, fixed: dict[str, Any], at: str, group: list[dict[str, Any]], fits: list[Any], styles: Styles
) -> list[str]:
    letter = SIZES[axis]
    suffix = "" if at == "-" else f" ({at})"
    x_label = {"width": "neurons m", "inputs": "training inputs n", "features": "features d"}[axis]
    drawings = []
    for title, label, figure in (
        (f"Seconds per iteration over {letter}", "seconds", "seconds"),
        (f"Counted work over {letter}", "inner products per iteration", "inner_products"),
        (f"Memory of the structure over {letter}", "bytes", "bytes"),
    ):
        series = []
        for strategy in styles.sorted({record["cell"]["strategy"] for record in group}):
            own = [record for record in group if record["cell"]["strategy"] == strategy]
            points = sorted((float(record["cell"][axis]), _figure(record, figure)) for record in own)
            points = [(x, y) for x, y in points if x > 0 and y > 0]
            if not points:
                continue
            line = next((fit for fit in fits if _is_of(fit, strategy, axis, figure, fixed)), None)
            ends = (points[0][0], points[-1][0])
            exponent = "" if line is None else f", {letter}^{line.growth.exponent:.2f}"
            fit_y = () if line is None else tuple(line.growth.at(x) for x in ends)
            series.append(
                Series(
                    strategy + exponent,
                    [x for x, _ in points],
                    [y for _, y in points],
                    styles[strategy],
                    fit_x=ends if fit_y else (),
                    fit_y=fit_y,
                )
            )
        if series:
            drawings.append(lines(title + suffix, x_label, label, series, log=True))
    return drawings


def _figure(record: dict[str, Any], figure: str) -> float:
    if figure == "seconds":
        return float(record["seconds_per_iteration"])
    return float(record["bytes"] if figure == "bytes" else record["work"][figure])


def _is_of(fit: Any, strategy: str, axis: str, figure: str, fixed: dict[str, Any]) -> bool:
    same = (fit.strategy, fit.axis, fit.figure) == (strategy, axis, figure)
    return same and all(fit.fixed[name] == value for name, value in fixed.items())


def _over_steps(records: list[dict[str, Any]], styles: Styles) -> list[str]:
    """Candidates and fired neurons over the steps of the largest cells; the fired ones of exact strategies once."""
    series: list[Series] = []
    exact_shown = False
    for record in records:
        cell = record["cell"]
        if "fired_share" not in record or cell["seed"] > min(each["cell"]["seed"] for each in records):
            continue
        steps = [float(step + 2) for step in range(len(record["fired_share"]))]
        style, width = styles[cell["strategy"]], cell["width"]
        label = cell["strategy"]
        series.append(Series(f"{label}, candidates", steps, _times(record["candidates_share"], width), style))
        if record["exact"] and exact_shown:
            continue
        exact_shown = exact_shown or record["exact"]
        who = "exact strategies" if record["exact"] else label
        series.append(Series(f"{who}, fired", steps, _times(record["fired_share"], width), style, 1))
    if not series:
        return []
    width = records[0]["cell"]["width"]
    return [lines(f"Candidates and fired neurons, m = {width}", "training step", "neurons per input", series)]


def _cells_table(records: list[dict[str, Any]]) -> Table:
    columns = ["strategy", "m", "n", "d", "radius", "batch", "threads", "iteration s", "inner products", "fired %"]
    columns += ["candidates %", "structure", "peak", "build s", "paid for after"]
    dense = {
        _without_strategy(record["cell"]): record
        for record in records
        if record["cell"]["strategy"] == "dense" and record["status"] == "done"
    }
    rows = []
    for record in records:
        cell, sizes = record["cell"], record.get("sizes", {})
        row = [cell["strategy"], str(cell["width"])]
        row += [str(sizes.get(name) or cell[name] or "-") for name in ("inputs", "features")]
        row += [f"{cell['radius']:g}", str(cell["batch_size"] or "all")]
        row.append(str(cell["threads"] or record["machine"]["processors"]))
        if record["status"] != "done":
            rows.append([*row, record["status"], *["-"] * (len(columns) - len(row) - 1)])
            continue
        row += [seconds_text(record["seconds_per_iteration"]), quantity(record["work"]["inner_products"])]
        row += [_per_cent(record[name][-1]) if name in record else "-" for name in ("fired_share", "candidates_share")]
        peak = record["peak_bytes"]
        row += [quantity(record["bytes"], "B"), "-" if peak is None else quantity(peak, "B")]
        row.append(seconds_text(record["build_seconds"]))
        base = dense.get(_without_strategy(cell))
        row.append("-" if base is None or base is record else _paid_by_steps(record, base).text())
        rows.append(row)
    return Table(columns, rows, folded=len(rows) > 12)


def _paid_by_steps(record: dict[str, Any], dense: dict[str, Any]) -> PaidAfter:
    """Step k of both cells does the same training: their differences are what a step saved."""
    pairs = zip(dense["seconds"][1:], record["seconds"][1:], strict=True)
    saved = median_of([theirs - own for theirs, own in pairs])
    return paid_after(record["build_seconds"] - dense["build_seconds"], saved)


def _without_strategy(cell: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in cell.items() if name != "strategy"}, sort_keys=True)


def _training(path: Path, content: dict[str, Any]) -> Section:
    settings, history = content["settings"], content["history"]
    epochs = [float(epoch + 1) for epoch in range(len(history["loss"]))]
    section = Section(f"Training: {settings['dataset']}, {settings['width']} neurons")
    section.lead = [
        f"Strategy {settings['strategy']}, {len(epochs)} epochs, batches of {settings['batch_size']}, rate "
        f"{settings['learning_rate']:g} falling to 0 after {settings['schedule_epochs']} epochs, seed "
        f"{settings['seed']}; PGD of radius {settings['radius']:g} in l{settings['norm']} with {settings['steps']} "
        f"steps; {content['ending']}.",
    ]
    judged = "inputs held out" if settings["patience"] is not None else "test inputs"
    for title, label, names, per_cent in (
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
            section.figures.append(
                Markup(lines(title, "epoch", label, series, from_zero=not per_cent, percent=per_cent))
            )
    shares = [
        Series(kind, epochs, _times(history[name], settings["width"]), number)
        for number, (kind, name) in enumerate((("candidates", "candidates_share"), ("fired", "fired_share")))
        if epochs
    ]
    if shares:
        section.figures.append(Markup(lines("Candidates and fired neurons", "epoch", "neurons per input", shares)))
    section.facts = [("file", str(path))]
    return section
