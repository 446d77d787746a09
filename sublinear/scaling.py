"""How strategies scale: sweeps of timed training steps, with settings by their plural names."""

from __future__ import annotations

from dataclasses import dataclass

from sublinear.arrays import as_integer
from sublinear.datasets import dataset_name
from sublinear.experiments.cell import PEER, Cell
from sublinear.experiments.grid import Grid
from sublinear.experiments.texts import plural


@dataclass(frozen=True)
class Sweep:
    """A grid of timed cells: every combination is one. Everything is checked when it is made.

    The rate is constant; `iterations` steps are timed after one that is not. `inputs` takes the first ones of the
    training inputs; `features` is for generators that have the option d. Repeat k, from 0, has the seed `seed` + k.
    """

    strategies: tuple[str, ...] = ("dense", "margin", PEER)
    widths: tuple[int, ...] = (1024, 2048, 4096, 8192)
    inputs: tuple[int, ...] = (0,)
    features: tuple[int, ...] = (0,)
    radii: tuple[float, ...] = (0.05,)
    batch_sizes: tuple[int, ...] = (0,)
    threads: tuple[int, ...] = (0,)
    repeats: int = 1
    dataset: str = "digits"
    normalization: str | None = None
    steps: int = 10
    norm: str = "2"
    learning_rate: float = 50.0
    iterations: int = 10
    max_bytes: int = 0
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", dataset_name(self.dataset))
        as_integer(self.repeats, "repeats", 1)
        as_integer(self.iterations, "iterations", 1)
        self._grid()

    def _grid(self) -> Grid:
        names = ("strategy", "width", "inputs", "features", "radius", "batch_size", "threads")
        shared = ("dataset", "normalization", "steps", "norm", "learning_rate", "iterations", "max_bytes", "dtype")
        lists = {name: getattr(self, plural(name)) for name in names} | {
            name: (getattr(self, name),) for name in shared
        }
        return Grid(lists | {"seed": tuple(range(self.seed, self.seed + self.repeats)), "schedule": ("constant",)})

    def cells(self) -> list[Cell]:
        """Every cell, as `Grid.cells`."""
        return self._grid().cells()
