"""The strategies: how training finds the neurons that can fire."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sublinear import _training
from sublinear.arrays import as_integer
from sublinear.indexes import INDEXES


@dataclass(frozen=True)
class Strategy:
    """One way to find the neurons that can fire near an input. Changes speed and memory, never trained weights.

    Parameters
    ----------
    name : str
        A key of `STRATEGIES`.
    index : str, optional
        For "weights" and "data": the index inside, a key of `INDEXES` or "auto"; default "ball-tree".
    max_bytes : int, optional
        Most bytes the structure may hold; default: the memory available when it is built. "dtree" and "wtree" raise
        MemoryError above it; candidate lists keep what fits and scan for the rest.
    """

    name: str
    index: str | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.name not in _INFOS:
            raise ValueError(f"strategy is {self.name!r}; known are {', '.join(map(repr, _INFOS))}")
        if self.index is not None and self.name not in ("weights", "data"):
            raise ValueError(f"strategy {self.name!r} has no index inside; give index with 'weights' or 'data' only")
        if self.index is not None and self.index != "auto" and self.index not in INDEXES:
            raise ValueError(f"index is {self.index!r}; known are 'auto', {', '.join(map(repr, INDEXES))}")
        if self.max_bytes is not None:
            as_integer(self.max_bytes, "max_bytes", 1)

    @property
    def structure(self) -> str:
        """What the structure is over."""
        return _INFOS[self.name][0]

    @property
    def source(self) -> str:
        """The paper it implements."""
        return _INFOS[self.name][1]

    @property
    def exact(self) -> bool:
        """Whether training ends with the bits of "dense"."""
        return _INFOS[self.name][2]

    @property
    def label(self) -> str:
        """The name as tables show it, with the index inside where one was chosen."""
        return self.name if self.index is None else f"{self.name}:{self.index}"

    def replace(self, **changes: str | int | None) -> Strategy:
        """The same strategy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    @classmethod
    def of(cls, given: str | Strategy) -> Strategy:
        """A strategy from its name, from "name:index", or itself."""
        if isinstance(given, Strategy):
            return given
        if not isinstance(given, str):
            raise TypeError(f"strategy is {given!r}; give a name, 'name:index' or a Strategy")
        name, _, index = given.partition(":")
        return cls(name, index or None)


_INFOS = {name: (structure, source, exact) for name, structure, source, exact in _training.strategy_infos()}

#: Every strategy by name, with its defaults.
STRATEGIES: dict[str, Strategy] = {name: Strategy(name) for name in _INFOS}
