"""Adversarial training with one strategy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import as_floats, as_integer, as_labels, as_number, as_points, as_seed, as_threads
from sublinear.attacks import Attack, NoAttack, check_attack, require_inputs
from sublinear.callbacks import Callback
from sublinear.evaluation import check_loss, core_loss, evaluate, prepare, signs, takes_signs, two_classes
from sublinear.history import EpochSums, History, Progress
from sublinear.losses import Loss
from sublinear.network import TwoLayerNetwork
from sublinear.optimizers import Optimizer
from sublinear.reported import Reported
from sublinear.schedules import LearningRate, as_schedule, rate_at
from sublinear.strategies import Hashing, Strategy
from sublinear.work import Work, WorkCounts


class DivergenceError(ArithmeticError):
    """Training produced numbers that are not finite; the network is as it was before the step that was refused."""


class Trainer:
    """Trains a network in place: for each batch, attacks its inputs, then takes one gradient step on the weights.

    The trained weights (and biases) are the same, bit for bit, for every exact strategy, number of threads and SIMD
    level.

    Parameters
    ----------
    net : TwoLayerNetwork
    strategy : str or Strategy
        How neurons are found; a key of `STRATEGIES`, "name:index", or a `Strategy`. An exact one changes speed and
        memory only.
    attack : PGD, FGSM, NoAttack or another Attack
        Default `NoAttack()`.
    loss : str or Loss
        One of `LOSSES`; "cross-entropy" for networks with several outputs, the others for one. Or a loss of your own.
        The mean over the batch is minimised.
    learning_rate : float, schedule or callable (step, steps_per_epoch) -> float
        A schedule derives from `Schedule`.
    batch_size : int >= 1, optional
        Default: all inputs, one step an epoch, in their own order. Smaller batches visit the inputs in an order that is
        a function of (seed, epoch).
    threads : int >= 1, optional
        Default `default_threads()`; changes speed only.
    seed : int
        Of the order of inputs and of random starts.
    train_biases : bool
        Whether the step moves the biases too (Yang et al. 2023); by default they stay as they are.
    optimizer : str or Optimizer
        How steps follow from gradients: one of `OPTIMIZERS`, "name:choice=number,..." such as "momentum:momentum=0.8",
        or an `Optimizer`, also one of your own. "gauss-newton" (Hu, Song, Weinstein, Zhuo 2022) is for the loss
        "squared" and networks with one output: with the derivatives J of the batch's outputs, ``w -= rate * J.T @ g``
        with ``(J @ J.T + lambda I) g = f - y``, through the n x n Gram matrix of the fired pairs alone; a rate of 1 is
        the full step. Costs n^2 products, n^2 doubles, and a Cholesky factor (above 2048 inputs conjugate gradients).
    damping : float > 0, default 1e-6
        Of "gauss-newton" given by its name: lambda, in units of the mean of J J^T's diagonal.

    average : float in (0, 1], optional
        Keeps an average of the weights after each step beside them, for `averaged`: the share of it that is kept in a
        step, such as 0.999 (an exponential average), or 1 for the mean over all steps. Costs its memory, and as many
        rows as steps move: rows that stay add in closed form. Training itself is as it was.

    Notes
    -----
    Labels: two values for "logistic" (-1 and 1, or any two, the smaller one -1; later calls of `fit` keep those of the
    first), class indices 0 ... c - 1 for "cross-entropy", numbers for the others. Steps release the GIL. One thread at
    a time may call `fit`, others raise RuntimeError; meanwhile other threads may ask the network, between steps, and
    train it with trainers of their own.
    """

    def __init__(
        self,
        net: TwoLayerNetwork,
        strategy: str | Strategy = "margin",
        attack: Attack | None = None,
        loss: str | Loss = "cross-entropy",
        learning_rate: float | LearningRate = 1.0,
        batch_size: int | None = None,
        threads: int | None = None,
        seed: int = 0,
        train_biases: bool = False,
        optimizer: str | Optimizer = "gradient",
        damping: float = 1e-6,
        average: float | None = None,
    ) -> None:
        if not isinstance(net, TwoLayerNetwork):
            raise TypeError(f"net is {net!r}; give a TwoLayerNetwork")
        self.net = net
        self.strategy = Strategy.of(strategy)
        self.attack = NoAttack() if attack is None else check_attack(attack)
        self.loss = check_loss(loss)
        self.learning_rate = as_schedule(learning_rate)
        self.batch_size = None if batch_size is None else as_integer(batch_size, "batch_size", 1)
        self.seed = as_seed(seed)
        self.train_biases = bool(train_biases)
        self.damping = as_number(damping, "damping", positive=True)
        named = optimizer == "gauss-newton"
        self.optimizer = Optimizer("gauss-newton", damping=damping) if named else Optimizer.of(optimizer)
        self.average = None if average is None else as_number(average, "average", positive=True)
        if self.average is not None and self.average > 1:
            raise ValueError(f"average is {average!r}; give a share in (0, 1], or None")
        self._threads = as_threads(threads)
        self._at_work = threading.Lock()
        self._core: _training.Trainer | None = None
        self._labels: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None  # and weights of inputs; copies
        self._classes: tuple[float, float] | None = None
        self._steps_done = 0
        self._build_seconds = 0.0
        self._remembered: dict[str, NDArray[Any]] = {}  # by the optimizer; what `resume_at` was given

    @property
    def steps_done(self) -> int:
        """Steps taken so far, over all calls of `fit`.

        After data that make epochs of another number of steps, that many times the epochs taken, begun ones included.
        """
        return int(self._core.steps_done()) if self._core is not None else self._steps_done

    def resume_at(self, steps: int, optimizer_state: dict[str, NDArray[Any]] | None = None) -> None:
        """Goes on as if `steps` steps had been taken: with the order of inputs and random starts that come then.

        `optimizer_state` is what the optimizer remembers, as `optimizer_state` gave it; default: what it does now.
        ValueError for the state of another optimizer or network, at once or in the next `fit`.
        """
        steps = as_integer(steps, "steps")
        if optimizer_state is not None:
            if self._core is not None:
                self._core.set_optimizer_state(*_parts_of(optimizer_state, self.net.dtype))
            self._remembered = dict(optimizer_state)
        self._steps_done = steps
        if self._core is not None:
            self._core.set_steps_done(self._steps_done)

    def optimizer_state(self) -> dict[str, NDArray[Any]]:
        """What the optimizer remembers between steps: copies, arrays by name; empty for those that remember nothing."""
        if self._core is None:
            return dict(self._remembered)
        values, numbers = self._core.optimizer_state()
        return {f"values.{name}": array for name, array in values.items()} | {
            f"numbers.{name}": array for name, array in numbers.items()
        }

    def averaged(self) -> TwoLayerNetwork:
        """A network with the average of the weights after each step, and of biases that are trained.

        As `average` says. ValueError where none is kept, or before `fit`.
        """
        if self.average is None:
            raise ValueError("the trainer keeps no average; make it with average=0.999, say")
        if self._core is None:
            raise ValueError("there is no average yet; call fit first")
        return TwoLayerNetwork._of(self._core.averaged())

    @property
    def build_seconds(self) -> float:
        """Seconds that the strategy's structure took to build, the last time."""
        return self._build_seconds

    @property
    def nbytes(self) -> int:
        """Bytes the strategy's structure holds now; 0 before the first `fit`."""
        return int(self._core.bytes()) if self._core is not None else 0

    def candidates(self) -> Reported:
        """The neurons that the strategy proposes now for each training input, ascending. ValueError before `fit`."""
        if self._core is None or self._labels is None:
            raise ValueError("there are no training inputs yet; call fit first, with epochs=0 to build only")
        indptr, ids, work = self._core.candidates(np.arange(len(self._labels[0])))
        return Reported(indptr, ids, Work(*work), self.net.width)

    def recall(self) -> float:
        """Of the neurons that fire at the training inputs, the share that the strategy proposes now: 1 if it is exact.

        Costs a scan of all neurons for all inputs. ValueError before `fit`.
        """
        proposed = self.candidates()
        assert self._core is not None
        fired = self.net.fired(self._core.inputs(), threads=self._threads or None)
        if len(fired.ids) == 0:
            return 1.0
        return float(np.isin(_pairs(fired), _pairs(proposed), assume_unique=True).mean())

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        epochs: int = 1,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        callbacks: Iterable[Callable[[Progress], object]] = (),
        sample_weight: ArrayLike | None = None,
    ) -> History:
        """Trains until `epochs` more epochs have ended; returns their figures.

        X is (n, d), y (n,). `sample_weight` (n,), numbers >= 0, says how much each input counts, beside their mean: the
        loss is sum w_i loss_i / sum w_i over all inputs. Called again with equal data it goes on where it stopped,
        structures kept: 3 + 3 epochs end with the bits of 6. With other data, also an array changed in place, the
        structures are built again; if epochs then have another number of steps, it goes on with a whole epoch.
        Data are copied: what callbacks do to the arrays does not matter.

        `validation` (X, y) is judged after each epoch, clean and attacked. Each of `callbacks` is called after every
        step with a `Progress`; one that returns False ends the call after that step. A `Callback` is told of epochs,
        too. Ctrl-C raises KeyboardInterrupt
        within a second, after a step or within a long one, which then has not happened.

        Raises ValueError or TypeError for data that does not fit, before anything changed; MemoryError if the structure
        may not be that large; DivergenceError if the loss or a step is not finite, with the weights before that step;
        RuntimeError if another thread, or the caller of this callback, is in the middle of `fit`.
        """
        if not self._at_work.acquire(blocking=False):
            raise RuntimeError(
                "the trainer is in the middle of a call of fit, of another thread or the one whose callback this is; "
                "call it when that has returned, or give each thread a trainer of its own"
            )
        try:
            return self._fit(X, y, as_integer(epochs, "epochs"), validation, tuple(callbacks), sample_weight)
        finally:
            self._at_work.release()

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        epochs: int,
        validation: tuple[ArrayLike, ArrayLike] | None,
        watching: tuple[Callable[[Progress], object], ...],
        sample_weight: ArrayLike | None,
    ) -> History:
        core, judged_on = self._prepare(X, y, validation, sample_weight)
        history = History()
        per_epoch = core.steps_per_epoch()
        go_on = True
        while go_on and len(history.seconds) < epochs:
            sums, ended = EpochSums(), False
            while not ended:
                rate = rate_at(self.learning_rate, self.steps_done, per_epoch)
                began = time.perf_counter()
                clean, robust, count, ended, counted = _step(core, rate)
                took = time.perf_counter() - began
                step = per_epoch if ended else self.steps_done % per_epoch
                progress = Progress(
                    len(history.seconds) + ended, epochs, step, per_epoch, robust, count, took, Work(*counted), clean
                )
                sums = sums.with_step(progress)
                for callback in watching:  # every one is told, also after one that asks to stop
                    go_on = callback(progress) is not False and go_on
                core.raise_late()
                if not go_on and not ended:
                    return history
            figures = sums.figures(self.net.width)
            if judged_on is not None:
                judged = evaluate(
                    self.net,
                    *judged_on,
                    self.loss,
                    self.attack,
                    self.seed,
                    self._threads or None,
                )
                figures |= {f"validation_{name}": figure for name, figure in judged.as_dict().items()}
            for name, figure in figures.items():
                getattr(history, name).append(figure)
            for callback in watching:
                if isinstance(callback, Callback):
                    go_on = callback.epoch(len(history.seconds), figures) is not False and go_on
        return history

    def _prepare(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: tuple[ArrayLike, ArrayLike] | None,
        sample_weight: ArrayLike | None,
    ) -> tuple[_training.Trainer, tuple[NDArray[Any], NDArray[Any]] | None]:
        """What trains on these data, and copies of the data to judge on."""
        points = as_points(X, "X", self.net.n_features, self.net.dtype)
        labels = as_labels(y, len(points), self.loss)
        if len(points) == 0:
            raise ValueError("X has no rows; training needs at least one input")
        weights = np.empty(0) if sample_weight is None else as_floats(sample_weight, 1, "sample_weight", np.float64)
        classes = None
        if takes_signs(self.loss):
            classes = self._classes or ((-1.0, 1.0) if np.isin(labels, (-1, 1)).all() else two_classes(labels))
            labels = signs(labels, classes)
        judged_on = None
        if validation is not None:
            held_out, held_out_labels = prepare(self.net, *validation, self.loss, classes)
            judged_on = held_out.copy(), held_out_labels.copy()
        # Compared with copies (of the inputs the core has one anyway): callers may change their arrays in place.
        if (
            self._core is not None
            and self._labels is not None
            and all(map(np.array_equal, self._labels, (labels, weights)))
            and self._core.trains_on(points)
        ):
            return self._core, judged_on
        require_inputs(self.attack, points)
        began = time.perf_counter()
        core = _training.make_trainer(
            self.net._core,
            points,
            labels,
            self.strategy.name,
            self.strategy.index or "",
            self.strategy.max_bytes or 0,
            (self.strategy.hashing or Hashing()).as_dict(),
            self.attack.options(),
            core_loss(self.loss),
            weights,
            self.batch_size or 0,
            self.seed,
            self._threads,
            self.train_biases,
            self.optimizer.name,
            self.optimizer.choices(),
            self.average or 0.0,
        )
        self._build_seconds = time.perf_counter() - began
        steps = self.steps_done
        if self._core is not None and (before := self._core.steps_per_epoch()) != core.steps_per_epoch():
            steps = -(-steps // before) * core.steps_per_epoch()
        core.set_steps_done(steps)
        if remembered := self.optimizer_state():
            core.set_optimizer_state(*_parts_of(remembered, self.net.dtype))
        self._core, self._labels, self._classes = core, (labels.copy(), weights.copy()), classes
        return core, judged_on


def _parts_of(
    state: dict[str, NDArray[Any]], dtype: np.dtype[Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.float64]]]:
    """The arrays of a state as the core takes them: those of the network's dtype, and the others."""
    parts: dict[str, dict[str, NDArray[Any]]] = {"values": {}, "numbers": {}}
    for full, array in state.items():
        kind, _, name = full.partition(".")
        if kind not in parts or not name:
            raise ValueError(f"the optimizer's state has {full!r}; give one that optimizer_state returned")
        parts[kind][name] = as_floats(array, 1, full, dtype if kind == "values" else np.dtype(np.float64))
    return parts["values"], parts["numbers"]


def _step(core: _training.Trainer, rate: float) -> tuple[float, float, int, bool, WorkCounts]:
    try:
        return core.step(rate)
    except OverflowError as error:
        raise DivergenceError(str(error)) from None


def _pairs(reported: Reported) -> NDArray[np.int64]:
    """A number for each reported pair of query and id."""
    return np.repeat(np.arange(len(reported)) * reported.columns, np.diff(reported.indptr)) + reported.ids
