"""Which data the cells of a sweep ran on: known by content, whatever the path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sublinear.datasets.sized import read_sized, takes_option
from sublinear.identity import short_hash

if TYPE_CHECKING:
    from sublinear.scaling import Cell

#: Data set, inputs, features and seed: what decides which rows a cell's are taken from.
Source = tuple[str, int, int, int]


def is_drawn(dataset: str) -> bool:
    """Whether it is a generator, whose content follows sizes and seed."""
    return any(takes_option(dataset, option) for option in ("n", "d", "seed"))


def source_of(cell: Cell) -> Source:
    """Of sets that are not drawn the name alone."""
    sizes = (cell.inputs, cell.features, cell.seed) if is_drawn(cell.dataset) else (0, 0, 0)
    return (cell.dataset, *sizes)


@dataclass(frozen=True)
class Content:
    """The hash of a source's content, and the normalization of cells that name none; None where not known."""

    sha256: str | None = None
    normalization: str | None = None


def contents_now(cells: Iterable[Cell]) -> dict[Source, Content]:
    """The content of each source; of one that cannot be loaded its cells will tell."""
    contents: dict[Source, Content] = {}
    for source in dict.fromkeys(map(source_of, cells)):
        try:
            samples = read_sized(*source)
            contents[source] = Content(samples.sha256, samples.normalization)
        except (ValueError, TypeError, OSError, MemoryError, ImportError):
            contents[source] = Content()
    return contents


def cell_key(cell: dict[str, Any], content: Content) -> str:
    """Equal for cells that do the same, by whatever path their data was given; by the path if no more is known."""
    if content.sha256 is None:
        return json.dumps(cell, sort_keys=True)
    normalization = cell["normalization"] or content.normalization
    return json.dumps(cell | {"dataset": content.sha256, "normalization": normalization}, sort_keys=True)


def content_of(record: dict[str, Any]) -> Content:
    """What a cell's record says of its data."""
    data = record.get("dataset")
    told = [data.get(name) if isinstance(data, dict) else None for name in ("sha256", "normalization")]
    return Content(*(each if isinstance(each, str) else None for each in told))


def content_name(record: dict[str, Any]) -> str:
    """What tells data sets apart in fits: the hash, but the name of what is drawn, which is other points for every
    size and seed, and where the hash is not known."""
    dataset: str = record["cell"]["dataset"]
    return dataset if is_drawn(dataset) else content_of(record).sha256 or dataset


def check_content(dataset: str, before: Content, now: Content, where: str) -> None:
    """ValueError if the content `now` is known not to be the one that `where` has."""
    theirs, ours = before.sha256, now.sha256
    if theirs is not None and ours is not None and theirs != ours:
        raise ValueError(
            f"data set {dataset} has other content than {where}: sha256 {short_hash(ours)}, there "
            f"{short_hash(theirs)}; put the data back as they were, or give another folder with --out"
        )
