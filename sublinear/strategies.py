"""The strategies: how training finds the neurons that can fire."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sublinear import _training
from sublinear.arrays import as_integer, as_number
from sublinear.indexes import INDEXES

#: Structure, source, whether it is exact, and what option it takes.
_INFOS = {info[0]: info[1:] for info in _training.strategy_infos()}
_HASHING = _training.hashing_defaults()


@dataclass(frozen=True)
class Hashing:
    """Choices of the approximate strategy "simhash"; they change which neurons are found, so they change results.

    Parameters
    ----------
    bits : int, 1 to 20
        Sign bits of a bucket. More bits: smaller buckets, fewer neurons proposed, more missed.
    tables : int >= 1
        Hash tables; the defaults are those of the experiments of SLIDE (Chen et al., MLSys 2020) with SimHash. A neuron
        is hashed by bits * tables inner products.
    least_share : float in [0, 1]
        Answers below this share of the neurons are filled up at random.
    rebuild_after, rebuild_growth : float
        The i-th rebuild of the tables comes ``rebuild_after * exp(rebuild_growth * (i - 1))`` steps after the one
        before; meanwhile they are those of older weights.
    """

    bits: int = _HASHING["bits"]
    tables: int = _HASHING["tables"]
    least_share: float = _HASHING["least_share"]
    rebuild_after: float = _HASHING["rebuild_after"]
    rebuild_growth: float = _HASHING["rebuild_growth"]

    def __post_init__(self) -> None:
        as_integer(self.bits, "bits", 1)
        as_integer(self.tables, "tables", 1)
        for name in ("least_share", "rebuild_after", "rebuild_growth"):
            as_number(getattr(self, name), name, 0)

    def as_dict(self) -> dict[str, int | float]:
        """The choices by name."""
        return dataclasses.asdict(self)

    @classmethod
    def parse(cls, text: str) -> Hashing:
        """From "BITSxTABLES", such as "9x50"."""
        bits, _, tables = text.partition("x")
        if not (bits.isdecimal() and tables.isdecimal()):
            raise ValueError(f"hashing is {text!r}; give bits and tables as in '9x50'")
        return cls(int(bits), int(tables))


@dataclass(frozen=True)
class Strategy:
    """One way to find the neurons that can fire near an input. Exact ones change speed and memory, never weights.

    Parameters
    ----------
    name : str
        A key of `STRATEGIES`.
    index : str, optional
        For "weights", "data" and "static": the index inside, a key of `INDEXES` or "auto"; default "ball-tree".
    max_bytes : int, optional
        Most bytes the structure may hold; default: the memory available when it is built. "dtree" and "wtree" raise
        MemoryError above it; candidate lists keep what fits and scan for the rest.
    hashing : Hashing, optional
        For "simhash"; default `Hashing()`.
    """

    name: str
    index: str | None = None
    max_bytes: int | None = None
    hashing: Hashing | None = None

    def __post_init__(self) -> None:
        if self.name not in _INFOS:
            raise ValueError(f"strategy is {self.name!r}; known are {', '.join(map(repr, _INFOS))}")
        if self.hashing is not None and self._option != "hashing":
            raise ValueError(f"strategy {self.name!r} does not hash; give hashing with 'simhash' only")
        if self.index is not None and self._option != "index":
            raise ValueError(
                f"strategy {self.name!r} has no index inside; give index with 'weights', 'data' or 'static' only"
            )
        if self.index is not None and self.index != "auto" and self.index not in INDEXES:
            raise ValueError(f"index is {self.index!r}; known are 'auto', {', '.join(map(repr, INDEXES))}")
        if self.max_bytes is not None:
            as_integer(self.max_bytes, "max_bytes", 1)

    @property
    def _option(self) -> str:
        return _INFOS[self.name][3]

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
        """The name as tables show it, with the index inside, or the bits and tables, where they were chosen."""
        if self.hashing is not None:
            return f"{self.name}:{self.hashing.bits}x{self.hashing.tables}"
        return self.name if self.index is None else f"{self.name}:{self.index}"

    def replace(self, **changes: str | int | Hashing | None) -> Strategy:
        """The same strategy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    @classmethod
    def of(cls, given: str | Strategy) -> Strategy:
        """A strategy from its name, from "name:index" or "simhash:BITSxTABLES", or itself."""
        if isinstance(given, Strategy):
            return given
        if not isinstance(given, str):
            raise TypeError(f"strategy is {given!r}; give a name, 'name:index' or a Strategy")
        name, _, option = given.partition(":")
        if option and _INFOS.get(name, ("", "", True, ""))[3] == "hashing":
            return cls(name, hashing=Hashing.parse(option))
        return cls(name, option or None)


#: Every strategy by name, with its defaults.
STRATEGIES: dict[str, Strategy] = {name: Strategy(name) for name in _INFOS}

#: The names of those that end with the bits of "dense".
EXACT_STRATEGIES: tuple[str, ...] = tuple(name for name, strategy in STRATEGIES.items() if strategy.exact)

#: The names of those that `compare` runs unless told otherwise.
COMPARED_STRATEGIES: tuple[str, ...] = ("dense", "weights", "data", "dtree", "wtree", "margin")
