"""Which data the cells of a sweep ran on: known by content, whatever the path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sublinear.datasets.sized import sized_content, takes_option
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


def contents_now(cells: Iterable[Cell]) -> dict[Source, str | None]:
    """The hash of each source's content; None where it cannot be loaded, of which its cells will tell."""
    contents: dict[Source, str | None] = {}
    for source in dict.fromkeys(map(source_of, cells)):
        try:
            contents[source] = sized_content(*source)
        except (ValueError, TypeError, OSError, MemoryError, ImportError):
            contents[source] = None
    return contents


def content_of(record: dict[str, Any]) -> str | None:
    """The hash of the data that a cell's record was measured on; None where it does not say."""
    data = record.get("dataset")
    found = data.get("sha256") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None


def content_name(record: dict[str, Any]) -> str:
    """What tells data sets apart in fits: the hash, but the name of what is drawn, which is other points for every
    size and seed, and where the hash is not known."""
    dataset: str = record["cell"]["dataset"]
    return dataset if is_drawn(dataset) else content_of(record) or dataset


def check_content(dataset: str, before: str | None, now: str | None, where: str) -> None:
    """ValueError if the content `now` is known not to be the one that `where` has."""
    if before is not None and now is not None and before != now:
        raise ValueError(
            f"data set {dataset} has other content than {where}: sha256 {short_hash(now)}, there {short_hash(before)}; "
            "put the data back as they were, or give another folder"
        )
