"""What sections have alike: the looks of strategies, names that tell results apart, and numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sublinear.experiments.cell import PEER
from sublinear.files import reading
from sublinear.identity import short_hash
from sublinear.intervals import Interval
from sublinear.report.results import RESULT, Results
from sublinear.strategies import STRATEGIES
from sublinear.sweep_data import is_drawn


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


#: Settings of a result by name, the more telling first, and what else it is known by: its folder.
Told = tuple[dict[str, Any], str]


def differing(found: Sequence[dict[str, Any]]) -> list[str]:
    """The settings that are not the same in all of these."""
    names = list(dict.fromkeys(name for settings in found for name in settings))
    return [name for name in names if len({str(settings.get(name)) for settings in found}) > 1]


def with_content(told: Sequence[Told], found: Sequence[tuple[Path, dict[str, Any]]]) -> list[Told]:
    """What is told of these results, and the content of their data where a data set is there with several under one
    name: a file that was changed. What is drawn is other points for every seed. ValueError for damaged results."""
    hashes: list[str] = []
    for path, content in found:
        with reading(path, RESULT):
            hashes.append(str(content.get("dataset", {}).get("sha256")))
    contents: dict[str, set[str]] = {}
    for (settings, _), sha256 in zip(told, hashes, strict=True):
        contents.setdefault(str(settings["dataset"]), set()).add(sha256)
    several = {name for name, found in contents.items() if len(found) > 1 and not is_drawn(name)}
    return [
        (settings | ({"content": short_hash(sha256)} if str(settings["dataset"]) in several else {}), folder)
        for (settings, folder), sha256 in zip(told, hashes, strict=True)
    ]


def told_apart(found: Sequence[Told]) -> list[str]:
    """For each result the settings in which they differ, such as "radius 0.1, seed 3"; where they differ in none, the
    folder. "" for a single result."""
    names = differing([settings for settings, _ in found])
    texts = [", ".join(as_words(name, settings[name]) for name in names if name in settings) for settings, _ in found]
    if len(found) < 2:
        return texts
    return [
        text if texts.count(text) == 1 else ", ".join(filter(None, (text, folder)))
        for text, (_, folder) in zip(texts, found, strict=True)
    ]


def in_order(found: Sequence[dict[str, Any]]) -> list[int]:
    """The places of results in the order of the settings in which they differ, numbers by size."""
    names = differing(found)

    def key(place: int) -> list[tuple[bool, float, str]]:
        values = [found[place].get(name) for name in names]
        return [
            (not isinstance(value, (int, float)), value if isinstance(value, (int, float)) else 0.0, str(value))
            for value in values
        ]

    return sorted(range(len(found)), key=key)


def as_words(name: str, value: Any) -> str:
    """A setting as a legend has it: "radius 0.1"."""
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def per_cent(share: float | None, digits: int = 1) -> str:
    """A share as a number of per cent."""
    return "-" if share is None else f"{100 * share:.{digits}f}"


def range_text(first: float, last: float) -> str:
    """Two whole numbers, or one if they are the same."""
    return f"{first:.0f}" if f"{first:.0f}" == f"{last:.0f}" else f"{first:.0f}-{last:.0f}"


def mean_text(interval: Interval | None, text: Callable[[float], str]) -> str:
    """A mean with half of its interval behind it, such as "96.4 \u00b1 0.5"."""
    if interval is None:
        return "-"
    return text(interval.value) + ("" if interval.half_width is None else f" \u00b1 {text(interval.half_width)}")


def times(shares: Iterable[float], width: int) -> list[float]:
    """Shares of the width as numbers of neurons."""
    return [share * width for share in shares]
