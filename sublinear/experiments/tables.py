"""What sweeps show in a terminal of 80 columns: what was learnt, and who wins where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from sublinear.experiments.contests import BASE, Contest, contests_of
from sublinear.intervals import Interval
from sublinear.peers import PEERS
from sublinear.sweep_results import Record, Setting, varying, words
from sublinear.tables import broken_name, plain_table, quantity, reach_text, seconds_text


def place_text(setting: Setting, names: Iterable[str]) -> str:
    """Where a setting is among others that differ in these: "m 1024, radius 0.05"."""
    return ", ".join(
        words(name, setting.size(name) if name in ("inputs", "features") else setting.cell[name]) for name in names
    )


def learning_tables(records: Sequence[Record]) -> list[tuple[str, Table]]:
    """A table for each setting, under its name, one row a strategy: accuracies in per cent and milliseconds of a step,
    means over the seeds; "+-" half of their 95 % confidence, of accuracies in points and of times in per cent."""
    contests = contests_of(records)
    axes = place_axes(contests)
    return [(place_text(each.settings[0], axes), _learning_table(each)) for each in contests]


def _learning_table(contest: Contest) -> Table:
    columns = (
        "strategy",
        "seeds",
        "clean\n%",
        "+-\n",
        "robust\n%",
        "+-\n",
        "step\nms",
        "+-\n%",
        "build\ns",
        "memory\n",
    )
    table = plain_table(columns, 1)
    for setting in contest.settings:
        ended = len(setting.done)
        row = [broken_name(setting.cell["strategy"])]
        row.append(str(ended) if ended == len(setting.records) else f"{ended}/{len(setting.records)}")
        if ended:
            row += accuracy_texts(setting.mean("clean_accuracy")) + accuracy_texts(setting.mean("robust_accuracy"))
            seconds, build, memory = (setting.mean(name) for name in ("seconds", "build_seconds", "bytes"))
            assert seconds is not None
            row += [f"{1000 * seconds.value:.3g}", reach_text(seconds)]
            row += [
                "-" if build is None else seconds_text(build.value),
                "-" if memory is None else quantity(memory.value, "B"),
            ]
        else:
            row += [setting.records[0]["status"], *["-"] * (len(columns) - len(row) - 1)]
        table.add_row(*row)
    return table


def place_axes(contests: Sequence[Contest]) -> list[str]:
    """In what settings differ, beside strategy and seed."""
    return [name for name in varying(each.settings[0].cell for each in contests) if name != "strategy"]


def accuracy_texts(mean: Interval | None) -> list[str]:
    """Per cent, and half of the interval in points."""
    if mean is None:
        return ["-", "-"]
    half = mean.half_width
    return [f"{100 * mean.value:.1f}", "-" if half is None else f"{100 * half:.1f}"]


def interval_text(found: Interval | None) -> str:
    """Such as "0.84 [0.80, 0.88]"."""
    if found is None:
        return "-"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{ends}"


def contest_table(contests: Sequence[Contest]) -> Table:
    """One row for each setting in which strategies met: the fastest, beside `dense` and beside the peers that ran."""
    columns, *rows = contest_rows(contests)
    table = plain_table(tuple(columns))
    for row in rows:
        table.add_row(*row)
    return table


def contest_rows(contests: Sequence[Contest]) -> list[list[str]]:
    """The cells of `contest_table`, of settings in which two strategies or more ended; the columns' names first."""
    met = [each for each in contests if len(each.ended) > 1 and each.fastest is not None]
    peers = [name for name in PEERS if any(each.of(name) for each in met)]
    rows = [
        ["setting", "fastest", f"time over\n{BASE}", "paid for\nafter steps", *(f"time over\n{each}" for each in peers)]
    ]
    axes = place_axes(met)
    for contest in met:
        assert contest.fastest is not None
        name = contest.fastest.cell["strategy"]
        paid = contest.paid_after(name)
        who = " or ".join([name, *contest.ties])
        over = "-" if name == BASE else interval_text(contest.over(name))
        row = [place_text(contest.settings[0], axes) or "-", who, over, "-" if paid is None else paid.text()]
        rows.append([*row, *(interval_text(contest.over(name, peer)) for peer in peers)])
    return rows


def contest_note(contests: Sequence[Contest]) -> str:
    """What the intervals are of, and how many of them will miss."""
    rows = contest_rows(contests)
    count = sum("[" in cell for row in rows for cell in row)
    said = (
        "Times are of a step, their ratios geometric means over the seeds, paired; in brackets with 95 % confidence "
        "(Student's t; from six seeds on the bootstrap)."
    )
    if count > 1:
        said += f" There are {count} intervals: about {max(1, round(count / 20))} of them may miss by chance."
    return said
