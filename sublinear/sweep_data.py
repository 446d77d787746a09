"""Which data the cells of a sweep ran on: known by content, whatever the path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sublinear.datasets.sized import read_sized, takes_option
from sublinear.identity import short_hash

if TYPE_CHECKING:
    from sublinear.experiments.cell import Cell

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


class Contents:
    """The content of each source of a sweep's cells: of files and bundled sets as it is now.

    What is drawn is loaded by the cells alone; of it, and of what cannot be loaded, the first cell that says it counts.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._of: dict[Source, Content] = {}
        for source in dict.fromkeys(map(source_of, cells)):
            self._of[source] = Content()
            if not is_drawn(source[0]):
                with suppress(ValueError, TypeError, OSError, MemoryError, ImportError):  # its cells will say it
                    samples = read_sized(*source)
                    self._of[source] = Content(samples.sha256, samples.normalization)

    def __getitem__(self, cell: Cell) -> Content:
        return self._of.get(source_of(cell), Content())

    def check(self, cell: Cell, found: Content, where: str) -> None:
        """ValueError if the cell's data is known not to be the one `found`, which `where` has."""
        source, known = source_of(cell), self[cell]
        if source not in self._of or found.sha256 is None:
            return
        if known.sha256 is None:
            self._of[source] = found
        elif known.sha256 != found.sha256:
            raise ValueError(
                f"data set {cell.dataset} has other content than {where}: sha256 {short_hash(known.sha256)}, there "
                f"{short_hash(found.sha256)}; put the data back as they were, or give another folder with --out"
            )


def cell_key(cell: dict[str, Any], content: Content) -> str:
    """Equal for cells that do the same, by whatever path their data was given; by the name if no more is known."""
    if content.sha256 is None or is_drawn(cell["dataset"]):
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
