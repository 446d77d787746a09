"""Records of counted work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

_Self = TypeVar("_Self", bound="Counts")


class Counts:
    """A record of counts that adds up, count by count."""

    def __add__(self: _Self, other: _Self) -> _Self:
        mine, others = self.as_dict(), other.as_dict()
        return type(self)(**{name: mine[name] + others[name] for name in mine})

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return dict(vars(self))


@dataclass(frozen=True)
class Work(Counts):
    """What a call did, in counts that are the same at every SIMD level and thread count.

    inner_products: of the full dimension, of whatever precision. quantized: those of them that read a row's copy in 8
    bits instead of the row (attacks). bounds: tree nodes or blocks tested. candidates: neurons (points) proposed.
    added: those of them that an approximate strategy took at random, to fill up its answers. fired: neurons that fired
    (points reported) by the canonical test. rows_moved: weight rows whose stored value changed. rows_reasked: (neuron,
    input) pairs asked again because an answer had expired.
    """

    inner_products: int = 0
    quantized: int = 0
    bounds: int = 0
    candidates: int = 0
    added: int = 0
    fired: int = 0
    rows_moved: int = 0
    rows_reasked: int = 0


#: A `Work`, count by count, as the extension modules return it.
WorkCounts = tuple[int, int, int, int, int, int, int, int]
