"""What the cells of a sweep show together: means over seeds, and growth over sizes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sublinear.experiments.cell import SIZES, Cell
from sublinear.growth import Growth, fit_growth
from sublinear.intervals import Interval, mean_of, median_of
from sublinear.paid_after import PaidAfter, paid_after
from sublinear.sweep_data import content_name

Record = dict[str, Any]

#: What cells of one sweep may differ in, beside the seed; of the others in what is timed.
AXES = (
    *("strategy", "dataset", "normalization", "width", "inputs", "features", "radius", "norm", "adversary", "steps"),
    *("batch_size", "epochs", "learning_rate", "optimizer", "loss", "init", "kappa", "activation", "coupled"),
    *("train_biases", "random_start", "restarts", "dtype", "max_bytes", "threads"),
)


@dataclass(frozen=True)
class Setting:
    """The cells that differ in the seed only: independent runs, each seed once."""

    cell: dict[str, Any]
    records: tuple[Record, ...]

    @property
    def done(self) -> list[Record]:
        """The cells that ended as they should."""
        return [record for record in self.records if record["status"] == "done"]

    @property
    def cost(self) -> float:
        """As `Cell.cost`."""
        return Cell.of(self.records[0]["cell"]).cost

    def mean(self, name: str) -> Interval | None:
        """The mean of a figure over the seeds that have it, with 95 % confidence from two seeds on."""
        found = [value for value in (figure(record, name) for record in self.done) if value is not None]
        return mean_of(found) if found else None

    def size(self, axis: str) -> int | None:
        """As it was, or where no cell got that far as it was asked for; None for whatever the set has."""
        sizes: dict[str, int] = next((record["sizes"] for record in self.records if "sizes" in record), {})
        return sizes.get(axis) or self.cell[axis] or None

    def paid_after(self, dense: Setting) -> PaidAfter | None:
        """When it had paid for itself against the same seeds of `dense`; None without common ones.

        A step's saving is the mean over seeds, with their confidence; of a single seed the median of its steps, each
        beside the same step of `dense`, which did the same training.
        """
        theirs = {record["cell"]["seed"]: record for record in dense.done}
        pairs = [(record, theirs[record["cell"]["seed"]]) for record in self.done if record["cell"]["seed"] in theirs]
        if not pairs:
            return None
        extra = mean_of([own["build_seconds"] - other["build_seconds"] for own, other in pairs]).value
        if len(pairs) > 1:
            name = "seconds_per_iteration"
            return paid_after(extra, mean_of([other[name] - own[name] for own, other in pairs]))
        (own, other) = pairs[0]
        begin = 1 if len(own["seconds"]) > 1 else 0
        steps = zip(own["seconds"][begin:], other["seconds"][begin:], strict=True)
        share = len(own["seconds"]) / own["steps"]  # of whole training these are epochs
        return paid_after(extra, median_of([share * (others - seconds) for seconds, others in steps]))


def figure(record: Record, name: str) -> float | None:
    """A figure of a cell that is done: "seconds" an iteration, counts of work, bytes, or a share in the last step."""
    if name == "seconds":
        return float(record["seconds_per_iteration"])
    if name in ("fired_share", "candidates_share"):
        return float(record[name][-1]) if name in record else None
    value = record["work"].get(name) if name not in record else record[name]
    return None if value is None else float(value)


def settings_of(records: Iterable[Record]) -> list[Setting]:
    """The records by setting, in the order of the first of each; a cell that is there twice counts once."""
    groups: dict[str, dict[int, Record]] = {}
    for record in records:
        groups.setdefault(_key(record, "seed"), {}).setdefault(record["cell"]["seed"], record)
    return [Setting(json.loads(key), tuple(group.values())) for key, group in groups.items()]


def _key(record: Record, *without: str) -> str:
    told = {name: value for name, value in record["cell"].items() if name not in without}
    return json.dumps(told | {"content": content_name(record)}, sort_keys=True)


def varying(cells: Iterable[dict[str, Any]]) -> list[str]:
    """The axes in which these cells differ."""
    cells = list(cells)
    return [name for name in AXES if len({cell[name] for cell in cells}) > 1]


def words(name: str, value: Any) -> str:
    """An axis and its value as tables and legends have it: "m 64", "batch all"."""
    if name in ("dataset", "content"):
        return str(value)
    if value is None and name not in ("batch_size", "threads"):
        return f"{name.replace('_', ' ')} default"
    if name in ("batch_size", "threads"):
        return f"{name.removesuffix('_size')} {value or 'all'}"
    told = SIZES.get(name, name.replace("_", " "))
    return f"{told} {value:g}" if isinstance(value, float) else f"{told} {value}"


@dataclass(frozen=True)
class Line:
    """Growth of one figure ("seconds" or "inner_products") of one strategy over one size, everything else equal."""

    strategy: str
    axis: str
    figure: str
    fixed: dict[str, Any]
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    growth: Growth


def growth_lines(records: Iterable[Record]) -> list[Line]:
    """Fits a line wherever cells that are done differ in one size (m, n or d) only, as `fit_growth` does over seeds.

    In the order of m, n, d, then of what is fixed, then of the exponents of counted work: what grows least comes first.
    """
    done = [record for setting in settings_of(records) for record in setting.done]
    lines = []
    for axis in SIZES:
        groups: dict[str, list[Record]] = {}
        for record in done:
            groups.setdefault(_key(record, axis, "seed"), []).append(record)
        for key, group in groups.items():
            lines += [line for name in ("seconds", "inner_products") if (line := _line(group, key, axis, name))]
    counted = {_place(line): line.growth.exponent for line in lines if line.figure == "inner_products"}
    return sorted(
        lines,
        key=lambda line: (
            list(SIZES).index(line.axis),
            [comparable(line.fixed[name]) for name in AXES if name in line.fixed],
            counted.get(_place(line), line.growth.exponent),
        ),
    )


def comparable(value: Any) -> tuple[bool, str, Any]:
    """None first, then numbers, then text."""
    return value is not None, type(value).__name__ if isinstance(value, str) else "", value


def _line(group: list[Record], key: str, axis: str, name: str) -> Line | None:
    sizes = [float(record["cell"][axis] or record["sizes"].get(axis, 0)) for record in group]
    values = [value for value in (figure(record, name) for record in group) if value is not None]
    if len(values) < len(group) or min(values) <= 0:
        return None
    growth = fit_growth(sizes, values, [record["cell"]["seed"] for record in group])
    if growth is None:
        return None
    fixed = json.loads(key)
    return Line(fixed.pop("strategy"), axis, name, fixed, tuple(sizes), tuple(values), growth)


def _place(line: Line) -> tuple[str, str, str]:
    return line.strategy, line.axis, json.dumps(line.fixed, sort_keys=True)
