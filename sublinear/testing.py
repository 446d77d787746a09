"""What indexes, strategies, losses, attacks and optimizers promise, as calls: ours are held to it by them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from sublinear import _training
from sublinear.attacks import Attack
from sublinear.errors import ConformanceError
from sublinear.indexes import INDEXES, HalfSpaceIndex, index_serves, register_index, unregister_index
from sublinear.losses import Loss
from sublinear.optimizers import Optimizer
from sublinear.strategies import STRATEGIES, Strategy, register_strategy, unregister_strategy
from sublinear.training_checks import hold_attack, hold_loss, hold_optimizer

__all__ = ["ConformanceError", "check_attack", "check_index", "check_loss", "check_optimizer", "check_strategy"]

_CHECKED = "under-check"


def check_index(index: str | Callable[..., Any]) -> None:
    """Holds an index, by name or by the factory that `register_index` takes, to what `HalfSpaceIndex` promises.

    On integers (where products tie), clusters, lines, subnormal and huge numbers; through histories of insert, erase
    and move; with one thread and several; in every rounding mode; empty; with bad arguments, which have to change
    nothing; copied, saved, pickled; inside the strategies "weights", "data" and "static", where training has to end
    with the bits of "dense". An approximate one may miss points, and nothing else. Takes some seconds to a minute.

    Raises ConformanceError with the smallest case found; ValueError for an unknown name.
    """
    with _registered(index, INDEXES, register_index, unregister_index) as name:
        for single in (True, False):
            _passed(_training.check_index, name, single)
        _check_from_python(INDEXES[name])
        for strategy in ("weights", "data", "static"):
            if all(index_serves(name, dimensions + 2) for dimensions in (1, 2, 3, 5, 6, 12, 17, 19)):
                _passed(_training.check_strategy, strategy, name, True)


def check_strategy(strategy: str | Strategy | Callable[..., Any]) -> None:
    """Holds a strategy, by name or by the factory that `register_strategy` takes, to what strategies promise.

    Every neuron that fires in a ball is proposed, in both norms, on integers and others, to the last bit, while rows
    move; with one thread and several; with little memory; bad arguments are refused; and training ends with the bits of
    "dense". An approximate one may miss neurons, and nothing else. Takes some seconds to a minute.

    Raises ConformanceError with the smallest case found; ValueError for an unknown name.
    """
    if callable(strategy):
        with _registered(strategy, STRATEGIES, register_strategy, unregister_strategy) as name:
            _check_chosen(Strategy(name))
    else:
        _check_chosen(Strategy.of(strategy))


def check_loss(loss: str | Loss) -> None:
    """Holds a loss, by name or an instance of your own class, to what losses promise.

    Asked twice it gives the same; a row alone has the bits that it has among others; derivatives are slopes (at a kink:
    between those of its sides); large outputs give no NaN; training ends with the same bits for every strategy and
    number of threads. Takes a fraction of a second.

    Raises ConformanceError with the case that breaks it.
    """
    _passed(hold_loss, loss)


def check_attack(attack: Attack) -> None:
    """Holds an attack to what attacks promise.

    Points are finite and in the ball, also where gradients are 0; the same seeds end at the same points; an input alone
    goes where it goes among others; runs end; training ends with the same bits for every strategy and number of
    threads. In float32 and float64. Takes a fraction of a second. (An attack that stays on the slice is not tried.)

    Raises ConformanceError with the case that breaks it.
    """
    _passed(hold_attack, attack)


def check_optimizer(optimizer: str | Optimizer) -> None:
    """Holds an optimizer, by name or an instance, to what optimizers promise.

    A row alone goes where it goes among others; training that goes on from the state that was kept has the bits of
    training that was never stopped; training ends with the same bits for every strategy and number of threads; with
    biases trained and not. Takes a fraction of a second.

    Raises ConformanceError with the case that breaks it.
    """
    _passed(hold_optimizer, optimizer)


def _check_chosen(strategy: Strategy) -> None:
    for single in (True, False):
        _passed(_training.check_strategy, strategy.name, strategy.index or "", single)


def _passed(check: Callable[..., None], *arguments: Any) -> None:
    try:
        check(*arguments)
    except RuntimeError as error:  # as PluginError is
        raise ConformanceError(str(error)) from error


@contextmanager
def _registered(
    given: str | Callable[..., Any],
    known: Any,
    register: Callable[..., object],
    unregister: Callable[[str], None],
) -> Iterator[str]:
    """The name of what is checked: its own, or one for the time of the check."""
    if isinstance(given, str):
        if given not in known:
            raise ValueError(f"there is nothing called {given!r} to check; known are {', '.join(map(repr, known))}")
        yield given
        return
    register(_CHECKED, given, replace=True)
    try:
        yield _CHECKED
    finally:
        unregister(_CHECKED)


def _check_from_python(index_class: type[HalfSpaceIndex]) -> None:
    """What only Python has: pickles, and threads that share an index."""
    name = index_class.name
    dimension = next((d for d in (3, 2, 1, 4, 8, 16) if index_serves(name, d)), None)
    if dimension is None:
        return
    rng = np.random.default_rng(0)
    points, normals = rng.integers(-4, 5, (500, dimension)), rng.integers(-4, 5, (40, dimension))
    index = index_class(points.astype(np.float32))
    index.erase([3, 499])
    expected = index.report_batch(normals, 2, threads=1)
    again = pickle.loads(pickle.dumps(index))
    reported = again.report_batch(normals, 2)
    if not (np.array_equal(reported.ids, expected.ids) and again.next_id == 500 and type(again) is index_class):
        raise ConformanceError(f"index {name!r}: what was pickled has the same class, answers and ids to come")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: index.report_batch(normals, 2, threads=2).ids, range(16)))
    if not all(np.array_equal(each, expected.ids) for each in answers):
        raise ConformanceError(f"index {name!r}: four threads that ask together get what one alone gets")
