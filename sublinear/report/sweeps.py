"""Sweeps: growth over sizes with fitted lines, and a table of all settings."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from sublinear.experiments.cell import PEER, SIZES, Cell
from sublinear.experiments.grid import sweep_command
from sublinear.report.figures import Series, lines
from sublinear.report.parts import Section, Table, machine_facts
from sublinear.report.telling import Styles, mean_text, per_cent, times, told_apart
from sublinear.sweep_results import (
    AXES,
    Line,
    Record,
    Setting,
    comparable,
    figure,
    growth_lines,
    settings_of,
    varying,
    words,
)
from sublinear.tables import quantity, seconds_text

#: Lines of one figure that can still be followed; more settings than fit have figures of their own, up to so many.
_MOST_LINES = 8
_MOST_SETTINGS = 2


def sweep_sections(records: list[Record], styles: Styles) -> list[Section]:
    """One section for all cells that differ in nothing but axes and seeds."""
    sweeps: dict[str, list[Record]] = {}
    for record in records:
        together = {*AXES, "seed"} - {"dataset", "normalization"}
        shared = {name: value for name, value in record["cell"].items() if name not in together}
        sweeps.setdefault(json.dumps(shared, sort_keys=True), []).append(record)
    names = told_apart([(json.loads(key), "") for key in sweeps])
    return [_sweep(group, name, styles) for group, name in zip(sweeps.values(), names, strict=True)]


def _sweep(records: list[Record], name: str, styles: Styles) -> Section:
    settings = settings_of(records)
    axes = [name for name in AXES if name != "strategy"]
    settings.sort(
        key=lambda each: (each.cost, [comparable(each.cell[name]) for name in axes], styles[each.cell["strategy"]])
    )
    cell, done = records[0]["cell"], [record for setting in settings for record in setting.done]
    seeds = sorted({record["cell"]["seed"] for record in records})
    section = Section(f"Scaling: {cell['dataset']}" + (f" ({name})" if name else ""))
    section.lead = [
        f"{sum(len(setting.records) for setting in settings)} cells, {len(done)} done, of {len(settings)} settings and "
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}; {cell['iterations']} training steps of each are "
        f"timed (median), rate {cell['learning_rate']:g}; PGD in l{cell['norm']} with {cell['steps']} steps; "
        f"{cell['dtype']}. Sizes are m neurons, n training inputs, d features.",
    ]
    if any(record["cell"]["strategy"] == PEER for record in done):
        section.lead.append(f"{PEER} is the dense computation by matrix products, the peer to beat.")
    fits = growth_lines(records)
    _add_exponents(section, fits)
    _add_size_figures(section, done, fits, styles)
    _add_steps(section, settings, styles)
    section.notes += [
        f"{Cell(**record['cell']).label()}: {record['status']}: {record['error']}"
        for setting in settings
        for record in setting.records
        if record["status"] != "done"
    ]
    section.more = _settings_table(settings)
    own = ("memory available", "date", "content of the data")  # of each cell
    section.facts = [fact for fact in machine_facts(records[0]) if fact[0] not in own]
    machines = {record["machine"]["cpu"] for record in records}
    if len(machines) > 1:
        section.notes.append(f"Cells ran on different processors ({', '.join(sorted(machines))}): compare counts.")
    section.command = sweep_command([Cell.of(record["cell"]) for record in records])
    return section


def _add_exponents(section: Section, fits: list[Line]) -> None:
    """A row for each line; in the order of `growth_lines`: by size, by setting, then what grows least first."""
    differ = varying(line.fixed | {"strategy": "", line.axis: 0} for line in fits) if fits else []
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for line in fits:
        at = _at(line.fixed, differ)
        key = (line.strategy, SIZES[line.axis], at or "-", f"{line.growth.points} x {line.growth.seeds}")
        rows.setdefault(key, {})[line.figure] = line.growth.text()
    if not rows:
        return
    columns = ["strategy", "grows with", "at", "exponent of inner products", "exponent of seconds", "sizes x seeds"]
    table = [
        [*key[:3], texts.get("inner_products", "-"), texts.get("seconds", "-"), key[3]] for key, texts in rows.items()
    ]
    section.tables.append(Table(columns, table, folded=len(table) > 12))
    section.notes.append(
        "Exponents of power laws, for each setting those that grow least first; in brackets with 95 % confidence, the "
        "wider of what the seeds and what the bends of the line allow."
    )


def _at(fixed: dict[str, Any], names: list[str]) -> str:
    return ", ".join(words(name, fixed[name]) for name in names if name in fixed)


#: Figures over a size: title, axis, and what records call it.
_FIGURES = (
    ("Seconds per iteration", "seconds", "seconds"),
    ("Counted work", "inner products per iteration", "inner_products"),
    ("Memory of the structure", "bytes", "bytes"),
)


def _add_size_figures(section: Section, done: list[Record], fits: list[Line], styles: Styles) -> None:
    for axis in SIZES:
        groups: dict[str, list[Record]] = {}
        for record in done:
            fixed = {name: record["cell"][name] for name in AXES if name not in (axis, "strategy")}
            groups.setdefault(json.dumps(fixed), []).append(record)
        several = {key: group for key, group in groups.items() if len({record["cell"][axis] for record in group}) > 1}
        if not several:
            continue
        strategies = {record["cell"]["strategy"] for group in several.values() for record in group}
        differ = varying({"strategy": "", axis: 0, **json.loads(key)} for key in several)
        together = len(several) * len(strategies) <= _MOST_LINES
        parts = [list(several.items())] if together else [[item] for item in several.items()]
        for part in parts[:_MOST_SETTINGS]:
            for title, label, name in _FIGURES:
                series = [
                    each
                    for number, (key, group) in enumerate(part)
                    for each in _series(
                        axis, name, group, _at(json.loads(key), differ) if together else "", number, fits, styles
                    )
                ]
                suffix = "" if together else f" ({_at(json.loads(part[0][0]), differ)})"
                if series:
                    x_label = {"width": "neurons m", "inputs": "training inputs n", "features": "features d"}[axis]
                    drawing = lines(f"{title} over {SIZES[axis]}{suffix}", x_label, label, series, log=True)
                    section.figures.append(Markup(drawing))
        if len(parts) > _MOST_SETTINGS:
            section.notes.append(
                f"Figures over {SIZES[axis]} are of the first {_MOST_SETTINGS} of {len(parts)} settings; the tables "
                "and the CSV file have all."
            )


def _series(
    axis: str, name: str, group: list[Record], at: str, number: int, fits: list[Line], styles: Styles
) -> list[Series]:
    """One for each strategy of a setting: every seed's point, and the fitted line or else the line of the means."""
    found = []
    for strategy in styles.sorted({record["cell"]["strategy"] for record in group}):
        own = [record for record in group if record["cell"]["strategy"] == strategy]
        points = sorted((float(record["cell"][axis]), figure(record, name) or 0.0) for record in own)
        points = [(x, y) for x, y in points if x > 0 and y > 0]
        if not points:
            continue
        line = next((fit for fit in fits if _is_of(fit, axis, name, own[0]["cell"])), None)
        legend = ", ".join(filter(None, (strategy, at)))
        if line is None:
            xs = sorted({x for x, _ in points})
            ys = [[y for place, y in points if place == x] for x in xs]
            found.append(
                Series(legend, xs, [sum(each) / len(each) for each in ys], styles[strategy], number, mark=number)
            )
            continue
        ends = (points[0][0], points[-1][0])
        found.append(
            Series(
                f"{legend}, {SIZES[axis]}^{line.growth.exponent:.2f}",
                [x for x, _ in points],
                [y for _, y in points],
                styles[strategy],
                number,
                ends,
                tuple(line.growth.at(x) for x in ends),
                mark=number,
            )
        )
    return found


def _is_of(fit: Line, axis: str, name: str, cell: dict[str, Any]) -> bool:
    same = (fit.strategy, fit.axis, fit.figure) == (cell["strategy"], axis, name)
    return same and all(fit.fixed[each] == cell[each] for each in AXES if each not in (axis, "strategy"))


def _add_steps(section: Section, settings: list[Setting], styles: Styles) -> None:
    """Candidates and fired neurons over the steps of the largest cells: a figure for each setting, of one seed."""
    done = [setting for setting in settings if setting.done and "fired_share" in setting.done[0]]
    largest = max((setting.cost for setting in done), default=0)
    groups: dict[str, list[Setting]] = {}
    for setting in done:
        if setting.cost == largest:
            fixed = {name: setting.cell[name] for name in AXES if name != "strategy"}
            groups.setdefault(json.dumps(fixed), []).append(setting)
    differ = varying({"strategy": "", **json.loads(key)} for key in groups) if groups else []
    for key, group in list(groups.items())[:_MOST_SETTINGS]:
        series: list[Series] = []
        exact_shown = False
        for setting in group:
            record, strategy, width = setting.done[0], setting.cell["strategy"], setting.cell["width"]
            steps = [float(step + 2) for step in range(len(record["fired_share"]))]
            style = styles[strategy]
            series.append(Series(f"{strategy}, candidates", steps, times(record["candidates_share"], width), style))
            if record["exact"] and exact_shown:
                continue
            exact_shown = exact_shown or record["exact"]
            who = "exact strategies" if record["exact"] else strategy
            series.append(Series(f"{who}, fired", steps, times(record["fired_share"], width), style, 1))
        at = ", ".join(filter(None, (f"m = {group[0].cell['width']}", _at(json.loads(key), differ))))
        title = f"Candidates and fired neurons, {at}"
        section.figures.append(Markup(lines(title, "training step", "neurons per input", series)))


def _settings_table(settings: list[Setting]) -> Table:
    columns = ["strategy", "m", "n", "d", "radius", "batch", "threads", "seeds", "iteration s", "inner products"]
    columns += ["fired %", "candidates %", "structure", "peak", "build s", "paid for after"]
    dense = {_beside(setting): setting for setting in settings if setting.cell["strategy"] == "dense"}
    rows = []
    for setting in settings:
        cell = setting.cell
        row = [cell["strategy"], *(str(setting.size(axis) or "-") for axis in SIZES)]
        row += [f"{cell['radius']:g}", str(cell["batch_size"] or "all")]
        row.append(str(cell["threads"] or setting.records[0]["machine"]["processors"]))
        row.append(f"{len(setting.done)}/{len(setting.records)}")
        if not setting.done:
            rows.append([*row, setting.records[0]["status"], *["-"] * (len(columns) - len(row) - 1)])
            continue
        row += [mean_text(setting.mean("seconds"), seconds_text), mean_text(setting.mean("inner_products"), quantity)]
        row += [mean_text(setting.mean(name), per_cent) for name in ("fired_share", "candidates_share")]
        row += [mean_text(setting.mean(name), lambda value: quantity(value, "B")) for name in ("bytes", "peak_bytes")]
        row.append(mean_text(setting.mean("build_seconds"), seconds_text))
        base = dense.get(_beside(setting))
        paid = None if base is None or base is setting else setting.paid_after(base)
        rows.append([*row, "-" if paid is None else paid.text()])
    return Table(columns, rows, folded=len(rows) > 12)


def _beside(setting: Setting) -> str:
    return json.dumps({name: value for name, value in setting.cell.items() if name != "strategy"}, sort_keys=True)
