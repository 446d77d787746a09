"""The record of counted work."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Work:
    """What a call did, in counts that are the same at every SIMD level and thread count.

    inner_products: of the full dimension, of whatever precision. bounds: tree nodes or blocks tested. candidates:
    neurons (points) proposed. added: those of them that an approximate strategy took at random, to fill up its answers.
    fired: neurons that fired (points reported) by the canonical test. rows_moved: weight rows whose stored value
    changed. rows_reasked: (neuron, input) pairs asked again because an answer had expired.
    """

    inner_products: int = 0
    bounds: int = 0
    candidates: int = 0
    added: int = 0
    fired: int = 0
    rows_moved: int = 0
    rows_reasked: int = 0

    def __add__(self, other: Work) -> Work:
        mine, others = self.as_dict(), other.as_dict()
        return Work(**{name: mine[name] + others[name] for name in mine})

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)
