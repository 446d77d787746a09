"""How strategies scale: one training run for each cell of a grid, one file for each cell."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from sublinear.arrays import as_integer, as_number, as_seed
from sublinear.attacks import PGD, parse_norm
from sublinear.datasets import dataset_name
from sublinear.datasets.sized import load_sized, takes_option
from sublinear.dense_peer import DensePeer
from sublinear.files import command, remove_leftovers, write_whole
from sublinear.history import Progress
from sublinear.identity import provenance, weights_hash
from sublinear.info import peak_memory, reset_peak_memory
from sublinear.interrupts import Interrupt, deferred_interrupt
from sublinear.locks import locked_folder
from sublinear.network import TwoLayerNetwork
from sublinear.strategies import Strategy
from sublinear.sweep_data import Content, Contents, cell_key, content_of
from sublinear.trainer import DivergenceError, Trainer

#: The dense computation in NumPy, beside the strategies.
PEER = "numpy"

#: The axes of a sweep that are sizes, over which growth is fitted.
SIZES = {"width": "m", "inputs": "n", "features": "d"}

_FORMAT = "sublinear-cell-2"


@dataclass(frozen=True)
class Cell:
    """One training run of a sweep. `batch_size` 0 is the full batch, `inputs` and `features` 0 what the set has.

    `seed` is that of the network, the order of inputs, the split and the data of generators: cells that differ in it
    alone are independent runs of the same setting, and there are no other repeats.
    """

    strategy: str
    width: int
    inputs: int
    features: int
    radius: float
    batch_size: int
    threads: int
    seed: int
    dataset: str
    normalization: str | None
    steps: int
    norm: str
    learning_rate: float
    iterations: int
    max_bytes: int
    dtype: str

    @property
    def cost(self) -> float:
        """Multiplications of one dense evaluation, up to a factor: for the order of cells and the time left."""
        inputs = self.batch_size or self.inputs or 1000
        return float(self.width * inputs * (self.features or 64) * (self.steps + 1) * (self.iterations + 1))

    @property
    def file(self) -> str:
        """The name of its file: what differs most often, and a hash of everything."""
        text = json.dumps(asdict(self), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        sizes = f"m{self.width}-n{self.inputs}-d{self.features}-seed{self.seed}"
        return f"{self.strategy.replace(':', '-')}-{sizes}-{digest}.json"

    def label(self) -> str:
        """For progress bars and messages."""
        sizes = f"m {self.width}" + (f", n {self.inputs}" if self.inputs else "")
        sizes += f", d {self.features}" if self.features else ""
        return f"{self.strategy}, {sizes}"


@dataclass(frozen=True)
class Sweep:
    """The grid: every combination is a cell. Text, numbers and tuples of them; everything is checked when it is made.

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
        for name in ("strategies", "widths", "inputs", "features", "radii", "batch_sizes", "threads"):
            values = getattr(self, name)
            if len(values) == 0:
                raise ValueError(f"{name} is empty; give at least one")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} has {', '.join(map(str, values))}; give each once")
        for name in ("widths", "inputs", "features", "batch_sizes", "threads"):
            for value in getattr(self, name):
                as_integer(value, name, 1 if name == "widths" else 0)
        for name in ("repeats", "iterations"):
            as_integer(getattr(self, name), name, 1)
        as_integer(self.max_bytes, "max_bytes")
        as_seed(as_integer(self.seed, "seed") + self.repeats - 1)
        as_number(self.learning_rate, "learning_rate", 0)
        for radius in self.radii:
            PGD(radius, self.steps, norm=parse_norm(self.norm))
        for name in self.strategies:
            if name != PEER:
                Strategy.of(name)
        if self.features != (0,) and not takes_option(self.dataset, "d"):
            raise ValueError(
                f"features is given and dataset {self.dataset!r} has its own; give a generator, such as sphere"
            )

    def cells(self) -> list[Cell]:
        """Every cell, cheap ones first; those of the same sizes stand together, and strategies take turns in them."""
        shared = {each.name: getattr(self, each.name) for each in fields(Cell) if hasattr(self, each.name)}
        for axis in ("inputs", "features", "threads", "seed"):
            del shared[axis]
        axes = (self.widths, self.inputs, self.features, self.radii, self.batch_sizes, self.threads)
        cells = [
            Cell(
                strategy=strategy,
                width=m,
                inputs=n,
                features=d,
                radius=radius,
                batch_size=batch,
                threads=threads,
                seed=seed,
                **shared,
            )
            for m, n, d, radius, batch, threads in itertools.product(*axes)
            for seed in range(self.seed, self.seed + self.repeats)
            for strategy in self.strategies
        ]
        return sorted(cells, key=lambda cell: cell.cost)


class CellTimeout(Exception):
    """A cell took longer than it may."""


def run_cell(cell: Cell, timeout: float | None = None) -> dict[str, Any]:
    """Trains one cell and returns its record, ready for JSON; what goes wrong is in the record, not raised.

    "status" is "done", "refused" (by memory), "timeout" (checked between steps) or "failed" (the data does not fit, or
    the loss diverged); "error" says why.
    """
    record = blank_record(cell)
    began = time.perf_counter()
    try:
        record |= {"status": "done", **_figures(cell, timeout)}
    except MemoryError as error:
        record |= {"status": "refused", "error": str(error) or "out of memory"}
    except CellTimeout as error:
        record |= {"status": "timeout", "error": str(error)}
    except (ValueError, TypeError, OSError, DivergenceError) as error:
        record |= {"status": "failed", "error": str(error)}
    record["seconds_in_all"] = time.perf_counter() - began
    return record


def blank_record(cell: Cell) -> dict[str, Any]:
    """What every record begins with."""
    told = provenance(sweep_command([cell]), cell, cell.threads or None)
    del told["settings"]  # they are the cell
    return {"format": _FORMAT, "cell": asdict(cell), **told}


def _figures(cell: Cell, timeout: float | None) -> dict[str, Any]:
    with deferred_interrupt() as interrupt:  # in the middle of an import it would leave half a module
        return _measured(cell, timeout, interrupt)


def _measured(cell: Cell, timeout: float | None, interrupt: Interrupt) -> dict[str, Any]:
    data = load_sized(cell.dataset, cell.inputs, cell.features, cell.seed, cell.normalization)
    net = TwoLayerNetwork.random(data.n_features, cell.width, data.classes, seed=cell.seed, dtype=cell.dtype)
    attack = PGD(cell.radius, cell.steps, norm=parse_norm(cell.norm))
    X, y = data.X_train.astype(net.dtype), data.y_train
    sizes = {"inputs": len(X), "features": data.n_features, "outputs": data.classes}
    reset_peak_memory()
    run = _run_peer if cell.strategy == PEER else _run_strategy
    deadline = math.inf if timeout is None else time.perf_counter() + timeout

    def check_time() -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        if time.perf_counter() > deadline:
            raise CellTimeout(f"took more than {timeout:g} seconds; give a higher timeout or smaller sizes")

    check_time()
    return {
        "sizes": sizes,
        "dataset": data.as_dict(),
        **run(cell, net, attack, X, y, check_time),
        "peak_bytes": peak_memory(),
    }


def _run_strategy(
    cell: Cell, net: TwoLayerNetwork, attack: PGD, X: Any, y: Any, check_time: Callable[[], None]
) -> dict[str, Any]:
    strategy = Strategy.of(cell.strategy).replace(max_bytes=cell.max_bytes or None)
    trainer = Trainer(
        net,
        strategy,
        attack=attack,
        learning_rate=cell.learning_rate,
        batch_size=cell.batch_size or None,
        threads=cell.threads or None,
        seed=cell.seed,
    )
    steps: list[Progress] = []

    def watch(progress: Progress) -> bool:
        steps.append(progress)
        check_time()
        return len(steps) <= cell.iterations

    per_epoch = math.ceil(len(X) / (cell.batch_size or len(X)))
    trainer.fit(X, y, epochs=math.ceil((cell.iterations + 1) / per_epoch), callbacks=[watch])
    timed = steps[1:]
    works = [step.work.as_dict() for step in timed]
    pairs = [step.inputs * net.width for step in timed]
    return {
        "exact": strategy.exact,
        "build_seconds": trainer.build_seconds,
        "seconds": [step.seconds for step in steps],
        "seconds_per_iteration": statistics.median(step.seconds for step in timed),
        "work": {name: statistics.fmean(work[name] for work in works) for name in works[0]},
        "fired_share": [step.work.fired / size for step, size in zip(timed, pairs, strict=True)],
        "candidates_share": [step.work.candidates / size for step, size in zip(timed, pairs, strict=True)],
        "robust_loss": [step.robust_loss for step in steps],
        "bytes": trainer.nbytes,
        "recall": None if strategy.exact else trainer.recall(),
        "weights_sha256": weights_hash(net),
    }


def _run_peer(
    cell: Cell, net: TwoLayerNetwork, attack: PGD, X: Any, y: Any, check_time: Callable[[], None]
) -> dict[str, Any]:
    peer = DensePeer(net, attack)
    size = cell.batch_size or len(X)
    starts = itertools.cycle(range(0, len(X), size))
    seconds, losses = [], []
    for _ in range(cell.iterations + 1):
        begin = next(starts)
        began = time.perf_counter()
        losses.append(peer.step(X[begin : begin + size], y[begin : begin + size], cell.learning_rate))
        seconds.append(time.perf_counter() - began)
        check_time()
    evaluations = (2 * cell.steps + 2) * net.width * min(size, len(X))  # two products a step, and two for the update
    return {
        "exact": False,
        "build_seconds": 0.0,
        "seconds": seconds,
        "seconds_per_iteration": statistics.median(seconds[1:]),
        "work": {"inner_products": evaluations},
        "robust_loss": losses,
        "bytes": 0,
    }


class Executor(Protocol):
    """Where cells run."""

    def run(self, cells: list[Cell], timeout: float | None) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in the order in which they end."""


class InThisProcess:
    """One cell after the other, here. A timeout is noticed between steps."""

    def run(self, cells: list[Cell], timeout: float | None) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in order."""
        for cell in cells:
            yield cell, run_cell(cell, timeout)


#: (cell that ended, or None before the first; cost of those done; cost of all; cells done; cells in all)
Watcher = Callable[[Cell | None, float, float, int, int], object]


def sweep_cells(
    sweep: Sweep,
    folder: Path,
    executor: Executor | None = None,
    timeout: float | None = None,
    retry: bool = False,
    watch: Watcher | None = None,
) -> list[dict[str, Any]]:
    """Runs every cell of the sweep that has no record in `folder` yet; returns the records of all cells.

    Each cell's record is written whole as soon as it ends, so that a sweep which is stopped in any way goes on where it
    was. Records of cells that were refused, failed or timed out count as ended, unless `retry`. Times are those of the
    machine that ran the cell; its record says which. One sweep at a time has a folder: OSError if it is in use.

    Data is known by its content: a cell that ran on the same content by another path is the same cell. ValueError,
    before anything runs, where `folder` has cells of the same data set with other content.
    """
    with locked_folder(folder):
        return _sweep_cells(sweep, folder, executor, timeout, retry, watch)


def _sweep_cells(
    sweep: Sweep, folder: Path, executor: Executor | None, timeout: float | None, retry: bool, watch: Watcher | None
) -> list[dict[str, Any]]:
    if timeout is not None:
        timeout = as_number(timeout, "timeout", positive=True)
    cells = sweep.cells()
    with deferred_interrupt() as interrupt:  # as in `_figures`
        contents = Contents(cells)
    if interrupt.asked:
        raise KeyboardInterrupt
    records = _ended(cells, contents, folder, retry)
    total = sum(cell.cost for cell in cells)

    def tell(cell: Cell | None) -> None:
        if watch is not None:
            watch(cell, sum(each.cost for each in records), total, len(records), len(cells))

    tell(None)
    missing = [cell for cell in cells if cell not in records]
    for cell in missing:
        remove_leftovers(folder / cell.file)
    for cell, record in (executor or InThisProcess()).run(missing, timeout) if missing else ():
        try:
            contents.check(cell, content_of(record), f"{cell.label()} met")
        except ValueError as error:
            record = {**blank_record(cell), "status": "failed", "error": str(error)}
        # Of cells that did not get as far as to say it.
        record.setdefault("dataset", {"name": cell.dataset, **asdict(contents[cell])})
        write_whole(folder / cell.file, json.dumps(record, indent=1).encode() + b"\n")
        records[cell] = record
        tell(cell)
    return [records[cell] for cell in cells]


def _ended(cells: list[Cell], contents: Contents, folder: Path, retry: bool) -> dict[Cell, dict[str, Any]]:
    """The records in `folder` that need not be made again, by cell. ValueError as `sweep_cells`."""

    kept: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        if record is None:
            continue
        content = content_of(record)
        contents.check(Cell(**record["cell"]), content, f"the cells in {folder} were run on")
        if record["status"] == "done" or not retry:
            kept[cell_key(record["cell"], content)] = record
            kept.setdefault(cell_key(record["cell"], Content()), record)  # should the data not be there any more
    found = {}
    for cell in cells:
        keys = [cell_key(asdict(cell), content) for content in (contents[cell], Content())]
        record = next((kept[each] for each in keys if each in kept), None)
        if record is not None:
            found[cell] = {**record, "cell": asdict(cell)}
    return found


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in a file, or None where there is none, or none that is whole."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("format") != _FORMAT or not isinstance(record.get("cell"), dict):
        return None
    if record["cell"].keys() != {each.name for each in fields(Cell)}:  # of another version
        return None
    if not isinstance(record["cell"]["dataset"], str):
        return None
    return record if record.get("status") in ("done", "refused", "timeout", "failed") else None


def sweep_command(cells: Iterable[Cell]) -> str:
    """What to type for a sweep that has these cells, which differ in its axes only; and others if they are no grid."""
    cells = list(cells)

    def values(name: str) -> str:
        return ",".join(dict.fromkeys(str(getattr(cell, name)) for cell in cells))

    axes = {"strategies": "strategy", "widths": "width", "inputs": "inputs", "features": "features"}
    axes |= {"radii": "radius", "batch-sizes": "batch_size", "threads": "threads"}
    options: dict[str, Any] = {option: values(name) for option, name in axes.items()}
    seeds = [cell.seed for cell in cells]
    options |= {"seed": min(seeds), "repeats": 1 + max(seeds) - min(seeds)}
    shared = ("dataset", "normalization", "steps", "norm", "learning_rate", "iterations", "max_bytes", "dtype")
    options |= {name.replace("_", "-"): getattr(cells[0], name) for name in shared}
    return command("scaling", options)
