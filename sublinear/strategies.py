"""The strategies: how training finds the neurons that can fire."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sublinear import _training
from sublinear.arrays import as_integer, as_number
from sublinear.indexes import INDEXES
from sublinear.registry import Registry

if TYPE_CHECKING:
    from sublinear.plugins import FindingProblem

#: Of those of the library and the registered ones: structure, source, whether it is exact, what option it takes.
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
        _info(self.name)
        if self.hashing is not None and self._option != "hashing":
            raise ValueError(f"strategy {self.name!r} does not hash; give hashing with 'simhash' only")
        if self.index is not None and self._option != "index":
            raise ValueError(
                f"strategy {self.name!r} has no index inside; give index with 'weights', 'data' or 'static' only"
            )
        if self.index is not None and self.index != "auto" and self.index not in INDEXES:
            raise ValueError(f"index is {self.index!r}; known are 'auto', {', '.join(map(repr, INDEXES))}")
        if self.index is not None and self.index != "auto":
            INDEXES[self.index]  # one of an installed package is loaded
        if self.max_bytes is not None:
            as_integer(self.max_bytes, "max_bytes", 1)

    @property
    def _option(self) -> str:
        return _info(self.name)[3]

    @property
    def structure(self) -> str:
        """What the structure is over."""
        return _info(self.name)[0]

    @property
    def source(self) -> str:
        """The paper it implements."""
        return _info(self.name)[1]

    @property
    def exact(self) -> bool:
        """Whether training ends with the bits of "dense"."""
        inside = self.index is None or self.index == "auto" or INDEXES[self.index].exact
        return _info(self.name)[2] and inside

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
        """A strategy from its name, from "name:index" or "simhash:BITSxTABLES", or itself.

        The name of an index alone stands for "weights" with it inside.
        """
        if isinstance(given, Strategy):
            return given
        if not isinstance(given, str):
            raise TypeError(f"strategy is {given!r}; give a name, 'name:index' or a Strategy")
        name, _, option = given.partition(":")
        if not option and name in INDEXES and name not in STRATEGIES:
            return cls("weights", name)
        if option and name in STRATEGIES and _info(name)[3] == "hashing":
            return cls(name, hashing=Hashing.parse(option))
        return cls(name, option or None)


def _info(name: str) -> tuple[str, str, bool, str]:
    """Structure, source, whether it is exact, option; ValueError for an unknown name."""
    if name not in _INFOS and name in STRATEGIES:
        STRATEGIES[name]  # of an installed package: registers it
    if name not in _INFOS:
        raise ValueError(f"strategy is {name!r}; known are {', '.join(map(repr, STRATEGIES))}")
    return _INFOS[name]


def register_strategy(
    name: str,
    factory: Callable[[FindingProblem], Any],
    *,
    exact: bool | None = None,
    structure: str | None = None,
    source: str | None = None,
    replace: bool = False,
) -> Strategy:
    """Adds a strategy of your own to `STRATEGIES`; returns it. docs/extending.md has examples.

    Parameters
    ----------
    name : str
        Small letters, digits, "-", "_" and ".".
    factory : callable (FindingProblem) -> object
        Makes the strategy over neurons and training inputs. The object has ``candidates(ids)``, which gives for each
        position of `ids` (Q,), a training input, the neurons that can fire somewhere in its ball: too many maybe, too
        few never. As ``(indptr, ids)``, a CSR matrix, a boolean array (Q, width), or a list with an array of ids for
        each input; each id once, in any order. And ``moved(rows, displacements)``: those rows (k,) of
        `problem.weights` and `problem.biases` have new values and moved by at most so much since the last call
        (a structured array (k,) with the fields "euclidean", "dual", "bias"). Where it has
        ``candidates_at(points, radius)``, it serves points that are not training inputs. ``nbytes`` counts its memory.
    exact : bool, optional
        Whether it misses nobody, so that training ends with the bits of "dense". Default: the factory's attribute
        `exact`, else True.
    structure, source : str, optional
        What it is made of, and the paper it implements, for tables. Default: the factory's attributes of those names,
        else its own name and "-".
    replace : bool, default False
        Whether a strategy that was registered under the name is replaced.

    Raises
    ------
    ValueError
        For a name that is taken, or not of those letters.
    TypeError
        If the factory cannot be called.

    Notes
    -----
    Every answer is checked; of an exact strategy one input in 64 is looked up by a scan, the first among them. A neuron
    that fires and is missing is a `PluginError` before weights change by it. Calls come with the GIL.
    """
    if not callable(factory):
        raise TypeError(f"the factory of strategy {name!r} is {factory!r}; give a callable that is given the problem")
    claims = bool(getattr(factory, "exact", True) if exact is None else exact)
    over = structure or getattr(factory, "structure", None) or getattr(factory, "__qualname__", type(factory).__name__)
    paper = source or getattr(factory, "source", None) or "-"
    if replace and name in STRATEGIES.registered():
        unregister_strategy(name)

    def make(*problem: Any) -> object:
        from sublinear.plugins import OutsideStrategy

        return OutsideStrategy(name, factory, *problem)

    _training.register_strategy(name, str(over), str(paper), claims, make)
    return add_registered(name, str(over), str(paper), claims)


def add_registered(name: str, structure: str, source: str, exact: bool) -> Strategy:
    """A strategy that the core knows by this name. For the library's own modules."""
    _INFOS[name] = structure, source, exact, ""
    STRATEGIES.add(name, Strategy(name))
    return STRATEGIES[name]


def unregister_strategy(name: str) -> None:
    """Forgets a strategy that `register_strategy` added; trainers that use it go on. ValueError for any other."""
    STRATEGIES.remove(name)
    _training.unregister_strategy(name)
    del _INFOS[name]


#: Every strategy by name, with its defaults; `register_strategy` and the entry points "sublinear.strategies" of
#: installed packages add to them.
STRATEGIES: Registry[Strategy] = Registry(
    {name: Strategy(name) for name in _INFOS}, "sublinear.strategies", register_strategy
)

#: The names of those of this library that end with the bits of "dense".
EXACT_STRATEGIES: tuple[str, ...] = tuple(name for name in _INFOS if _info(name)[2])

#: The names of those that `compare` runs unless told otherwise.
COMPARED_STRATEGIES: tuple[str, ...] = ("dense", "weights", "data", "dtree", "wtree", "margin")
