"""A cell of a sweep: one strategy trains one network, and what came of it."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer
from sublinear.datasets import Dataset
from sublinear.datasets.sized import load_sized, takes_option
from sublinear.evaluation import evaluate
from sublinear.experiments.settings import Experiment, setting
from sublinear.experiments.texts import plural, value_text
from sublinear.files import command
from sublinear.history import Progress
from sublinear.identity import provenance, weights_hash
from sublinear.info import peak_memory, reset_peak_memory
from sublinear.interrupts import Interrupt, deferred_interrupt
from sublinear.network import TwoLayerNetwork
from sublinear.peers import PEERS, batches, make_peer, peer_threads, products_of_step
from sublinear.strategies import Strategy
from sublinear.trainer import DivergenceError

#: The peer that sweeps have unless told otherwise.
PEER = "numpy"

#: The axes of a sweep that are sizes, over which growth is fitted.
SIZES = {"width": "m", "inputs": "n", "features": "d"}

CELL_FORMAT = "sublinear-cell-3"


@dataclass(frozen=True)
class Cell(Experiment):
    """One training run of a sweep.

    strategy : str
        As `Strategy.of` takes it, or a key of `PEERS`: "numpy" or "torch", the dense computation by matrix products.
    inputs, features : int
        Training inputs, the first of the set; dimensions, for generators that have the option d. 0: what the set has.
    iterations : int
        Training steps that are timed after one that is not; the rate is that of the first ones, and nothing is judged.
        0: whole training over `epochs`, judged on the test inputs at its end.

    `seed` is that of the network, the order of inputs, the split and the data of generators: cells that differ in it
    alone are independent runs of the same setting.
    """

    strategy: str = setting(
        "margin", f"How neurons are found, as in compare; and dense computations: {', '.join(PEERS)}."
    )
    inputs: int = setting(0, "Training inputs, the first ones; 0 = all.")
    features: int = setting(0, "Dimensions, for generators; 0 = what the set has.")
    iterations: int = setting(0, "Steps that are timed, after one that is not; 0 = all epochs, judged at the end.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("inputs", "features", "iterations"):
            as_integer(getattr(self, name), name)
        if self.strategy not in PEERS:
            self._set("strategy", self.finder(self.strategy).label)
        if self.features and not takes_option(self.dataset, "d"):
            raise ValueError(
                f"features is {self.features} and dataset {self.dataset!r} has its own; give a generator, such as "
                "sphere"
            )

    @classmethod
    def of(cls, told: dict[str, Any]) -> Cell:
        """As a record has it, unchecked: it may be of a strategy that is not installed here."""
        cell = object.__new__(cls)
        for name, value in told.items():
            cell._set(name, math.inf if value == "inf" else value)
        return cell

    @property
    def cost(self) -> float:
        """Multiplications of a dense evaluation of every step, up to a factor: for the order of cells."""
        inputs = self.inputs or 1000
        visits = (self.iterations + 1) * (self.batch_size or inputs) if self.iterations else self.epochs * inputs
        return float(self.width * visits * (self.features or 64) * (self.steps + 1))

    @property
    def file(self) -> str:
        """The name of its file: what differs most often, and a hash of every setting."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        sizes = f"m{self.width}-n{self.inputs}-d{self.features}-seed{self.seed}"
        return f"{self.strategy.replace(':', '-')}-{sizes}-{digest}.json"

    def label(self) -> str:
        """For progress bars and messages."""
        sizes = f"m {self.width}" + (f", n {self.inputs}" if self.inputs else "")
        sizes += f", d {self.features}" if self.features else ""
        return f"{self.strategy}, {sizes}"

    def load(self) -> Dataset:
        """Its data."""
        return load_sized(self.dataset, self.inputs, self.features, self.seed, self.normalization)

    def command(self) -> str:
        """What to type to run this cell again."""
        return command("sweep", {plural(name).replace("_", "-"): value_text(v) for name, v in self.as_dict().items()})


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
        with deferred_interrupt() as interrupt:  # in the middle of an import it would leave half a module
            record |= {"status": "done", **_measured(cell, timeout, interrupt)}
    except MemoryError as error:
        record |= {"status": "refused", "error": str(error) or "out of memory"}
    except CellTimeout as error:
        record |= {"status": "timeout", "error": str(error)}
    except (ValueError, TypeError, OSError, ImportError, DivergenceError) as error:
        record |= {"status": "failed", "error": str(error)}
    record["seconds_in_all"] = time.perf_counter() - began
    return record


def blank_record(cell: Cell) -> dict[str, Any]:
    """What every record begins with."""
    told = provenance(cell.command(), cell, cell.threads)
    del told["settings"]  # they are the cell
    return {"format": CELL_FORMAT, "cell": cell.as_dict(), **told}


@dataclass(frozen=True)
class _Task:
    """What a cell trains on, from which network; `check` raises when it has to end."""

    cell: Cell
    data: Dataset
    net: TwoLayerNetwork
    X: NDArray[Any]
    y: NDArray[Any]
    check: Callable[[], None]

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.X) / (self.cell.batch_size or len(self.X)))

    @property
    def epochs(self) -> int:
        """Epochs to begin: all of them, or as many as the timed steps take."""
        cell = self.cell
        return math.ceil((cell.iterations + 1) / self.steps_per_epoch) if cell.iterations else cell.epochs


def _measured(cell: Cell, timeout: float | None, interrupt: Interrupt) -> dict[str, Any]:
    data = cell.load()
    net = cell.network(data.n_features, cell.outputs(data))
    sizes = {"inputs": len(data.X_train), "features": data.n_features, "outputs": data.classes}
    reset_peak_memory()
    deadline = math.inf if timeout is None else time.perf_counter() + timeout

    def check() -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        if time.perf_counter() > deadline:
            raise CellTimeout(f"took more than {timeout:g} seconds; give a higher timeout or smaller sizes")

    check()
    task = _Task(cell, data, net, data.X_train.astype(net.dtype), cell.targets(data.y_train), check)
    if cell.strategy in PEERS:
        with peer_threads(cell):
            figures, trained = _run_peer(task)
    else:
        figures, trained = _run_strategy(task)
    return {
        "sizes": sizes,
        "dataset": data.as_dict(),
        **figures,
        "peak_bytes": peak_memory(),
        **({} if cell.iterations else _judged(cell, data, trained)),
    }


def _judged(cell: Cell, data: Dataset, net: TwoLayerNetwork) -> dict[str, Any]:
    """Of the trained network, on the test inputs, under the attack of training."""
    began = time.perf_counter()
    found = evaluate(net, data.X_test, cell.targets(data.y_test), cell.loss, cell.attack(), cell.seed, cell.threads)
    losses = {"test_loss": found.clean_loss, "robust_test_loss": found.robust_loss}
    accuracies = {"clean_accuracy": found.clean_accuracy, "robust_accuracy": found.robust_accuracy}
    return {**losses, **accuracies, "judging_seconds": time.perf_counter() - began}


def _run_strategy(task: _Task) -> tuple[dict[str, Any], TwoLayerNetwork]:
    cell, net = task.cell, task.net
    strategy = Strategy.of(cell.strategy)
    trainer = cell.trainer(net, strategy)
    steps: list[Progress] = []

    def watch(progress: Progress) -> bool:
        steps.append(progress)
        task.check()
        return not cell.iterations or len(steps) <= cell.iterations

    trainer.fit(task.X, task.y, task.epochs, callbacks=[watch])
    timed = steps[1:] or steps
    works = [step.work.as_dict() for step in timed]
    figures = {
        "exact": strategy.exact,
        "build_seconds": trainer.build_seconds,
        **_times([step.seconds for step in steps], task),
        "work": {name: statistics.fmean(work[name] for work in works) for name in works[0]},
        "fired_share": _by_epoch([step.work.fired / (step.inputs * net.width) for step in timed], task),
        "candidates_share": _by_epoch([step.work.candidates / (step.inputs * net.width) for step in timed], task),
        "robust_loss": _by_epoch([step.robust_loss for step in steps], task),
        "bytes": trainer.nbytes,
        "recall": None if strategy.exact else trainer.recall(),
        "weights_sha256": weights_hash(net),
    }
    return figures, net


def _times(seconds: list[float], task: _Task) -> dict[str, Any]:
    """Of steps: each, or of whole training the sums of its epochs; and the median of a step without the first."""
    every = seconds if task.cell.iterations else _sums(seconds, task.steps_per_epoch)
    step = statistics.median(seconds[1:] or seconds)
    return {"seconds": every, "seconds_per_iteration": step, "steps": len(seconds)}


def _sums(values: list[float], size: int) -> list[float]:
    return [math.fsum(values[begin : begin + size]) for begin in range(0, len(values), size)]


def _by_epoch(values: list[float], task: _Task) -> list[float]:
    """Of each step; of whole training the mean over each epoch, whose first step may be missing."""
    if task.cell.iterations:
        return values
    size = task.steps_per_epoch
    missing = size * task.cell.epochs - len(values)
    parts = [values[max(begin - missing, 0) : begin - missing + size] for begin in range(0, size * task.epochs, size)]
    return [statistics.fmean(part) for part in parts if part]


def _run_peer(task: _Task) -> tuple[dict[str, Any], TwoLayerNetwork]:
    cell, n = task.cell, len(task.X)
    peer = make_peer(cell.strategy, cell, task.net)
    rate = cell.rate(cell.epochs)
    order = np.random.default_rng(cell.seed)
    rows = (batch for _ in range(task.epochs) for batch in batches(n, cell.batch_size, order))
    seconds: list[float] = []
    losses: list[float] = []
    for batch in itertools.islice(rows, cell.iterations + 1 if cell.iterations else None):
        began = time.perf_counter()
        losses.append(peer.step(task.X[batch], task.y[batch], rate(len(seconds), task.steps_per_epoch)))
        seconds.append(time.perf_counter() - began)
        task.check()
    figures = {
        "exact": False,
        "build_seconds": 0.0,
        **_times(seconds, task),
        "work": {"inner_products": products_of_step(cell, min(cell.batch_size or n, n))},
        "robust_loss": _by_epoch(losses, task),
        "bytes": 0,
    }
    return figures, peer.network()
