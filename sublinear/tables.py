"""How results look in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich import box
from rich.table import Table

from sublinear.certification import Certification
from sublinear.compare import Comparison, reference_of, same_bits
from sublinear.contestants import Run
from sublinear.evaluation import Evaluation
from sublinear.experiments.cell import SIZES, Cell
from sublinear.intervals import Interval, middle_half
from sublinear.sweep_results import AXES, Line, Setting, settings_of, varying, words


def quantity(value: float, unit: str = "") -> str:
    """A number with at most three digits and a decimal prefix, such as "1.23M"."""
    for prefix in ("", "k", "M", "G"):
        if abs(value) < 999.5:
            return f"{value:.3g}{prefix}{unit}"
        value /= 1000
    return f"{value:.4g}T{unit}"


def seconds_text(seconds: float) -> str:
    """Seconds in at most five characters up to 99999."""
    return f"{seconds:.3f}" if seconds < 9.9995 else f"{seconds:.1f}" if seconds < 999.95 else f"{seconds:.0f}"


def comparison_table(comparison: Comparison) -> Table:
    """What was counted and learnt, one row a strategy; candidates and fired neurons of the first and the last epoch."""
    table = plain_table(_COLUMNS)
    for run in comparison.runs:
        if run.error is None:
            table.add_row(*_row(comparison, run))
        else:
            table.add_row(broken_name(run.strategy), *["-"] * (len(_COLUMNS) - 1))
    for run in comparison.peers:
        if run.error is None:
            accuracies = (f"{100 * each:.1f}" for each in (run.clean_accuracy, run.robust_accuracy))
            table.add_row(run.strategy, quantity(run.work["inner_products"]), "-", "-", "-", *accuracies, "-")
    return table


def approximate_table(comparison: Comparison) -> Table | None:
    """What approximate strategies found, per input; None where none ran."""
    runs = [run for run in comparison.runs if run.error is None and not run.exact]
    if not runs:
        return None
    table = plain_table(("approximate\nstrategy", "reported\n/input", "added\n/input", "used\n/input", "recall\n%"))
    inputs = len(comparison.data.X_train)
    for run in runs:
        found = (run.work["candidates"] - run.work["added"], run.work["added"], run.work["fired"])
        assert run.recall is not None
        table.add_row(run.strategy, *(f"{each / inputs:.0f}" for each in found), f"{100 * run.recall:.1f}")
    return table


def plain_table(columns: tuple[str, ...], whole: int = 0) -> Table:
    """The first `whole` columns are not narrowed, however many there are."""
    table = Table(box=_BOX, padding=0, pad_edge=False)
    for number, header in enumerate(columns):
        table.add_column(header, justify="right" if number else "left", overflow="fold", no_wrap=number < whole)
    return table


def broken_name(strategy: str) -> str:
    """The name over two lines where it has a part after a colon."""
    return strategy.replace(":", ":\n ")


_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_COLUMNS = (
    "strategy",
    "inner\nprod.",
    "candid.\n/input",
    "fired\n/input",
    "memory\n",
    "clean\n%",
    "robust\n%",
    "same\nbits",
)


def _row(comparison: Comparison, run: Run) -> list[str]:
    width = comparison.network.width

    def change(shares: list[float]) -> str:
        first, last = f"{shares[0] * width:.0f}", f"{shares[-1] * width:.0f}"
        return first if first == last else f"{first}-{last}"

    return [
        broken_name(run.strategy),
        quantity(run.work["inner_products"]),
        change(run.candidates_share),
        change(run.fired_share),
        quantity(run.bytes, "B"),
        f"{100 * run.clean_accuracy:.1f}",
        f"{100 * run.robust_accuracy:.1f}",
        bits_text(run.as_dict(), [each.as_dict() for each in comparison.runs]),
    ]


def bits_text(run: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """Whether a run of results.json has the reference's weights; "ref." is the reference, if it has peers."""
    same = same_bits(run, runs)
    if same is not None:
        return "yes" if same else "NO" if run["exact"] else "no"
    compared = any(same_bits(each, runs) is not None for each in runs)
    return "ref." if compared and run["strategy"] == reference_of(runs) else "-"


def bits_note(runs: list[dict[str, Any]]) -> str:
    """What the weights of the runs in results.json were compared with."""
    reference = reference_of(runs)
    if reference is None:
        return "No exact strategy ended: weights are compared with nothing."
    if not any(same_bits(each, runs) is not None for each in runs):
        return f"Only {reference} ended: its weights are compared with nothing."
    return f"Same bits: whether weights are those of {reference}, to the last bit."


def times_table(comparison: Comparison) -> Table:
    """Seconds of each strategy, and of `dense` if it ran: medians over the epochs, and the middle half of them."""
    ended = [run for run in (*comparison.runs, *comparison.peers) if run.error is None]
    dense = next((run for run in ended if run.strategy == "dense"), None)
    columns = ("strategy", "build\ns", "epoch\ns", "middle\nhalf", *(("of\ndense", "middle\nhalf") if dense else ()))
    table = plain_table(columns)
    for run in ended:
        seconds = run.history["seconds"]
        row = [broken_name(run.strategy) + ("" if run.interleaved else " *"), seconds_text(run.build_seconds)]
        row += spread_texts(middle_half(seconds), seconds_text)
        if dense is not None:
            row += spread_texts(ratios(seconds, dense.history["seconds"]), "{:.2f}".format)
        table.add_row(*row)
    return table


def spread_texts(interval: Interval, text: Callable[[float], str]) -> list[str]:
    """The value, and its ends or "-"."""
    if interval.low is None or interval.high is None:
        return [text(interval.value), "-"]
    return [text(interval.value), f"{text(interval.low)}-{text(interval.high)}"]


def ratios(seconds: list[float], dense: list[float]) -> Interval:
    """Seconds of epochs over those of `dense` in the same rounds: the median and the middle half."""
    return middle_half([own / other for own, other in zip(seconds, dense, strict=True)])


def comparison_caption(comparison: Comparison) -> list[str]:
    """What the table is of, in lines of at most 80 characters."""
    content = comparison.as_dict()
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    return [
        f"{data['name']}: {data['n_train']} training and {data['n_test']} test inputs, {data['n_features']} features, "
        f"{data['classes']} classes",
        f"{network['width']} neurons, {training['epochs']} epochs, batches of {training['batch_size']}, rate "
        f"{training['learning_rate']['first']:g} falling to 0, seed {content['seed']}",
        f"PGD, radius {attack['radius']:g} in l{attack['norm']}, {attack['steps']} steps; {network['dtype']}, "
        f"{content['machine']['simd_level']}, {content['machine']['threads']} threads",
    ]


def info_lines(content: dict[str, Any]) -> str:
    """Names and values, one a line and whole, so that paths can be copied."""
    widest = max(map(len, content))
    texts = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in content.items()}
    return "\n".join(f"{name:{widest}}  {text}".rstrip() for name, text in texts.items())


def evaluation_table(judged: dict[str, Evaluation]) -> Table:
    """One row an attack; the first row is the clean inputs, the last all attacks together where they are several."""
    table = plain_table(("attack", "accuracy %", "loss"))
    first = next(iter(judged.values()))
    rows = [("none", first.clean_accuracy, first.clean_loss)]
    rows += [(name, each.robust_accuracy, each.robust_loss) for name, each in judged.items() if name != "none"]
    for name, accuracy, loss in rows:
        table.add_row(name, "-" if accuracy is None else f"{100 * accuracy:.1f}", f"{loss:.4f}")
    return table


def certification_table(found: list[Certification]) -> Table:
    """One row a ball: what is proved, what is broken, and what neither."""
    table = plain_table(("ball", "certified %", "broken %", "open %"))
    for each in found:
        shares = each.as_dict()
        name = f"l{shares['norm']} {shares['radius']:g}"
        table.add_row(name, *(f"{100 * shares[key]:.1f}" for key in ("certified", "broken", "open")))
    return table


def scaling_table(records: list[dict[str, Any]]) -> Table:
    """One row for each setting: means over its seeds, "+-" half of their 95 % confidence. Shares are of the last step.

    Of the axes, strategy and m and those that differ have columns; `scaling_caption` has the others. Where that leaves
    no room in 80 columns, candidates and peak are left out.
    """
    settings = settings_of(records)
    axes = ["strategy", "width", *(name for name in varying(each.cell for each in settings) if name not in _ALWAYS)]
    repeated = any(len(each.records) > 1 for each in settings)
    spread = ["+-\n%"] if repeated else []
    columns = [_HEADINGS.get(name, name) + "\n" for name in axes] + (["seeds\n"] if repeated else [])
    columns += ["iter.\ns", *spread, "inner\nprod.", *spread, "fired\n%"]
    room = len(columns) <= _MOST_COLUMNS
    table = plain_table((*columns, *(("cand.\n%", "peak\n") if room else ())), len(axes))
    for setting in settings:
        row = [_axis_text(setting, name) for name in axes]
        if repeated:
            ended, all_of_them = len(setting.done), len(setting.records)
            row.append(str(ended) if ended == all_of_them else f"{ended}/{all_of_them}")
        if setting.done:
            row += _with_reach(setting.mean("seconds"), seconds_text, repeated)
            row += _with_reach(setting.mean("inner_products"), quantity, repeated)
            row += _with_reach(setting.mean("fired_share"), _per_cent, False)
            if room:
                row += _with_reach(setting.mean("candidates_share"), _per_cent, False)
                row += _with_reach(setting.mean("peak_bytes"), lambda value: quantity(value, "B"), False)
        else:
            row.append(setting.records[0]["status"])
            row += ["-"] * (len(table.columns) - len(row))
        table.add_row(*row)
    return table


_ALWAYS = ("strategy", "width")
_TOLD = ("inputs", "features", "radius", "batch_size", "threads")  # also where they are the defaults
_HEADINGS = {**SIZES, "batch_size": "batch"}
_MOST_COLUMNS = 9


def _axis_text(setting: Setting, name: str) -> str:
    if name == "strategy":
        return broken_name(setting.cell[name])
    if name in SIZES:
        return str(setting.size(name) or "-")
    return words(name, setting.cell[name]).split()[-1]


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}"


def _with_reach(interval: Interval | None, text: Callable[[float], str], spread: bool) -> list[str]:
    """The mean, and if asked for half of its interval in per cent of it."""
    mean = "-" if interval is None else text(interval.value)
    return [mean, reach_text(interval)] if spread else [mean]


def reach_text(interval: Interval | None) -> str:
    """Half of an interval in per cent of its value, with two digits below 100."""
    if interval is None or interval.half_width is None or interval.value == 0:
        return "-"
    share = 100 * interval.half_width / abs(interval.value)
    return f"{share:.2g}" if share < 99.5 else f"{share:.0f}"


def scaling_caption(records: list[dict[str, Any]]) -> str:
    """What all cells have alike, and which seeds there are."""
    settings = settings_of(records)
    differ = varying(each.cell for each in settings)
    alike = []
    for name in AXES:
        told = name in _TOLD or settings[0].cell[name] != getattr(Cell, name)
        if name not in (*differ, *_ALWAYS, "dataset") and told:
            value = settings[0].size(name) if name in SIZES else settings[0].cell[name]
            alike.append(words(name, value if value is not None else "?"))
    seeds = sorted({record["cell"]["seed"] for record in records})
    alike.append(f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}")
    datasets = ", ".join(dict.fromkeys(str(each.cell["dataset"]) for each in settings))
    text = f"{datasets}: {', '.join(alike)}."
    return text if len(seeds) == 1 else f"{text} Means over the seeds; +-: half of their 95 % confidence, in %."


def growth_table(lines: list[Line]) -> Table:
    """One row for each strategy and size, and whatever else is fixed where it differs between lines."""
    table = plain_table(("strategy", "grows with", "seconds", "inner products", "sizes x\nseeds"))
    names = [name for name in dict.fromkeys(name for line in lines for name in line.fixed) if name != "content"]
    differ = [name for name in names if len({line.fixed[name] for line in lines if name in line.fixed}) > 1]
    rows: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        fixed = ", ".join(words(name, line.fixed[name]) for name in differ if name in line.fixed)
        rows.setdefault((line.strategy, SIZES[line.axis] + (f" ({fixed})" if fixed else "")), {})[line.figure] = line
    for (strategy, axis), figures in rows.items():
        texts = [figures[name].growth.text() if name in figures else "-" for name in ("seconds", "inner_products")]
        growth = next(iter(figures.values())).growth
        table.add_row(strategy, axis, *texts, f"{growth.points} x {growth.seeds}")
    return table


def theory_table(claims: list[dict[str, Any]], sources: list[str]) -> Table:
    """Claims at one n, d and radius: one row for each width, exponents last; sources by their number in the list."""
    table = plain_table(("claim", "m", "predicted", "measured", "ratio", "verdict", ""))
    before = None
    for claim in ordered_claims(claims):
        name = "" if (claim["name"], claim["kind"]) == before else claim["name"]
        before = (claim["name"], claim["kind"])
        number = f"[{sources.index(claim['source']) + 1}]" if claim["source"] in sources else ""
        table.add_row(name, str(claim["at"].get("m", "")), *claim_texts(claim), number)
    return table


def ordered_claims(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All widths of a claim together, exponents last."""
    order = list(dict.fromkeys(claim["name"] for claim in claims))
    return sorted(claims, key=lambda claim: (claim["kind"] == "exponent", order.index(claim["name"])))


def claim_sources(claims: list[dict[str, Any]]) -> list[str]:
    """The papers whose claims these are, each once."""
    return list(dict.fromkeys(claim["source"] for claim in claims if claim["relation"] is not None))


def claim_texts(claim: dict[str, Any]) -> tuple[str, str, str, str]:
    """What is predicted; what was measured, with half of its interval; their ratio; the verdict."""
    power = "m^" if claim["kind"] == "exponent" else ""
    sign = {"at most": "<= ", "at least": ">= "}.get(claim["relation"], "")
    predicted = "-" if claim["predicted_mean"] is None else f"{sign}{power}{claim['predicted_mean']:.3g}"
    measured = f"{power}{claim['mean']:.3g}"
    if claim["low"] is not None:
        measured += f" +-{(claim['high'] - claim['low']) / 2:.1g}"
    ratio = "-" if claim["ratio"] is None else f"{claim['ratio']:.3g}"
    return predicted, measured, ratio, claim["verdict"] or "-"


def theory_note(seeds: int, coupled: bool) -> str:
    """What the intervals and verdicts are of."""
    if seeds == 1:
        said = (
            "One seed: one network and one data set, without an interval. Whether a bound holds is said of these "
            "alone, and of equalities nothing; exponents have the interval of the line's fit."
        )
    else:
        said = (
            f"Means over {seeds} seeds, each with a network and data of its own; +-: half of their 95 % confidence. "
            "Ratio: of measured to predicted, seed by seed. Verdicts: the interval is inside of the bound (holds), "
            "outside (fails) or on both sides of it (open); it has the predicted value (agrees) or not (differs)."
        )
    return said + (
        " Flips at the start are of neurons not in pairs: pairs cancel, and nothing moves." if coupled else ""
    )
