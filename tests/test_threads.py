"""Objects used from several Python threads: questions go together, changes take turns, and nobody waits for ever.

A wait that would never end is what these tests look for: every join has a generous limit, and none a minimum.
"""

from __future__ import annotations

import copy
import os
import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest

import sublinear as sl

_LIMIT = 300.0  # seconds after which a thread counts as stuck


class Threads:
    """Runs functions side by side, the readers until the writers have ended; raises what any of them raised."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.errors: list[BaseException] = []

    def run(self, writers: list[Callable[[], object]], readers: list[Callable[[], object]]) -> None:
        def writing(work: Callable[[], object]) -> None:
            try:
                work()
            except BaseException as error:
                self.errors.append(error)

        def reading(work: Callable[[], object]) -> None:
            try:
                while not self.stop.is_set():
                    work()
            except BaseException as error:
                self.errors.append(error)

        looking = [threading.Thread(target=reading, args=(work,), daemon=True) for work in readers]
        changing = [threading.Thread(target=writing, args=(work,), daemon=True) for work in writers]
        for thread in looking + changing:
            thread.start()
        for thread in changing:
            thread.join(_LIMIT)
        stuck = [thread for thread in changing if thread.is_alive()]
        self.stop.set()
        for thread in looking:
            thread.join(_LIMIT)
        assert not stuck, "a thread that changes the object was kept out"
        assert not any(thread.is_alive() for thread in looking), "a thread that asks was kept out"
        if self.errors:
            raise self.errors[0]


@pytest.mark.parametrize("name", sl.INDEXES)
def test_an_index_is_asked_while_it_changes(name):
    # All points move together, in one call: whoever sees only some of them past a line has seen half a change.
    count, added, rounds = 20_000, 300, 12
    index = sl.INDEXES[name](np.zeros((count, 2)))
    ids = np.arange(count)

    def change() -> None:
        for step in range(1, rounds + 1):
            index.move(ids, np.full((count, 2), float(step)))
            more = index.insert(np.full((added, 2), -1.0))
            index.erase(more)

    def report() -> None:
        seen = index.report_batch(np.ones((30, 2)), float(rounds), threads=1)
        assert all(len(row) in (0, count) for row in seen)
        assert all(row.max(initial=-1) < seen.columns for row in seen)

    def ask() -> None:
        assert index.count([1.0, 1.0], float(rounds)) in (0, count)
        top, products = index.top([1.0, 1.0], 3)
        assert len(top) == 3
        assert len(set(products.tolist())) == 1
        assert len(index) in (count, count + added)
        assert index.nbytes > 0
        assert index.next_id >= count
        assert len(copy.copy(index)) in (count, count + added)
        assert len(sl.HalfSpaceIndex.from_bytes(index.to_bytes())) in (count, count + added)

    def stream() -> None:
        try:
            found = sum(len(page) for page in index.stream([1.0, 1.0], 2.0 * rounds))
        except RuntimeError:  # it was changed meanwhile
            found = 0
        assert found in (0, count)

    Threads().run([change], [report, ask, stream])
    assert index.count([1.0, 1.0], 2.0 * rounds) == count
    assert index.next_id == count + added * rounds


def test_points_inserted_by_two_threads_get_ids_of_their_own():
    index = sl.KDTree(np.zeros((0, 2)))
    given: list[np.ndarray] = []

    def insert() -> None:
        for _ in range(50):
            given.append(index.insert(np.ones((7, 2))))

    Threads().run([insert, insert], [])
    assert all((np.diff(ids) == 1).all() for ids in given)
    assert sorted(np.concatenate(given).tolist()) == list(range(700))
    assert index.next_id == len(index) == 700


def test_copies_of_an_index_are_on_their_own():
    index = sl.BallTree(np.arange(20.0).reshape(10, 2), leaf_size=3)
    index.erase([2])
    for copied in (index.copy(), copy.copy(index), copy.deepcopy(index)):
        assert type(copied) is sl.BallTree
        assert repr(copied) == repr(index)
        assert copied.to_bytes() == index.to_bytes()
        assert copied.insert([[1.0, 2.0]]).tolist() == [10]
    assert index.next_id == 10
    assert len(index) == 9


def _problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5)).astype(np.float32)
    return X / np.linalg.norm(X, axis=1, keepdims=True), (X[:, 0] > 0) * 2.0 - 1


def _trainer(net: sl.TwoLayerNetwork, strategy: str = "margin") -> sl.Trainer:
    return sl.Trainer(net, strategy, sl.PGD(0.05, 2), "logistic", 0.5, batch_size=20, threads=1)


def test_a_network_is_asked_while_it_is_trained(tmp_path):
    X, y = _problem()
    net = sl.TwoLayerNetwork.random(5, 64)
    states = {net.decision_function(X).tobytes(): net.copy()}
    seen: list[bytes] = []
    evaluations: list[sl.Evaluation] = []

    def train() -> None:
        def note(_: sl.Progress) -> None:
            states[net.decision_function(X, threads=1).tobytes()] = net.copy()

        _trainer(net).fit(X, y, 10, callbacks=[note])

    def ask() -> None:
        seen.append(net.decision_function(X, index="ball-tree", threads=1).tobytes())
        seen.append(net.copy().decision_function(X, threads=1).tobytes())
        net.save(tmp_path / "network")
        seen.append(sl.TwoLayerNetwork.load(tmp_path / "network").decision_function(X, threads=1).tobytes())

    def judge() -> None:
        evaluations.append(sl.evaluate(net, X, y, "logistic", sl.PGD(0.05, 2), threads=1))

    Threads().run([train], [ask, judge])
    assert len(states) == 31
    assert seen
    assert set(seen) <= set(states)
    possible = [sl.evaluate(each, X, y, "logistic", sl.PGD(0.05, 2)) for each in states.values()]
    assert evaluations
    assert all(each in possible for each in evaluations)


def test_two_trainers_of_one_network_take_turns():
    X, y = _problem()
    net = sl.TwoLayerNetwork.random(5, 64)
    trainers = [_trainer(net, strategy) for strategy in ("margin", "weights")]
    Threads().run([lambda each=each: each.fit(X, y, 5) for each in trainers], [lambda: trainers[0].nbytes])
    assert [each.steps_done for each in trainers] == [15, 15]
    assert net.version == 30
    assert np.isfinite(net.weights).all()


def test_a_trainer_that_fits_refuses_to_fit():
    X, y = _problem()
    trainer = _trainer(sl.TwoLayerNetwork.random(5, 64))
    refused: list[str] = []

    def fit_again() -> None:
        with pytest.raises(RuntimeError, match="in the middle of a call of fit"):
            trainer.fit(X, y)
        refused.append(threading.current_thread().name)

    def callback(_: sl.Progress) -> None:
        fit_again()
        Threads().run([fit_again], [])

    trainer.fit(X, y, callbacks=[callback])
    assert len(refused) == 6
    assert trainer.steps_done == 3
    trainer.fit(X, y)
    assert trainer.steps_done == 6


def test_layers_of_low_rank_are_asked_while_they_change():
    layer = sl.LowRankLayer(np.zeros((40, 40)), rank_limit=3)
    one = np.zeros((1, 40))
    one[0, 0] = 1.0
    seen = [0.0]

    def add() -> None:
        for _ in range(200):
            layer.add_rank(one.T, one.T)
        layer.flush()

    def ask() -> None:
        value = float(layer.apply(one, threads=1)[0, 0])
        assert value >= seen[-1]
        assert value == int(value)
        seen.append(value)
        assert 0 <= layer.rank <= 3
        assert layer.nbytes > 0

    Threads().run([add], [ask])
    assert layer.to_dense()[0, 0] == 200


def test_a_thread_does_not_wait_for_itself():
    X, y = _problem()
    net = sl.TwoLayerNetwork.random(5, 64)
    trainer = _trainer(net)
    with net.reading(), net.reading():
        net.decision_function(X)
        with pytest.raises(RuntimeError, match="in the middle of a call on the object"):
            trainer.fit(X, y)
    trainer.fit(X, y)
    assert trainer.steps_done == 3


class Holding:
    """Another thread is in the middle of reading `net`."""

    def __init__(self, net: sl.TwoLayerNetwork) -> None:
        self._net, self._held, self._release = net, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)

    def _hold(self) -> None:
        with self._net.reading():
            self._held.set()
            self._release.wait(_LIMIT)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._held.wait(_LIMIT)

    def __exit__(self, *error: object) -> None:
        self._release.set()
        self._thread.join(_LIMIT)


@pytest.mark.posix
def test_ctrl_c_ends_the_waiting():
    X, y = _problem()
    net = sl.TwoLayerNetwork.random(5, 64)
    trainer = _trainer(net)
    trainer.fit(X, y, 0)
    with Holding(net):
        press = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))

        def fit() -> None:
            press.start()
            trainer.fit(X, y)

        with pytest.raises(KeyboardInterrupt):
            fit()
    trainer.fit(X, y)
    assert trainer.steps_done == 3


@pytest.mark.posix
def test_a_forked_child_does_not_wait_for_threads_that_it_has_not():
    X, y = _problem()
    net = sl.TwoLayerNetwork.random(5, 64)
    trainer = _trainer(net)
    trainer.fit(X, y, 0)
    with Holding(net):
        child = os.fork()
        if child == 0:  # no test's code may go on here
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(_LIMIT))
            try:
                trainer.fit(X, y)
                os._exit(0 if trainer.steps_done == 3 else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert trainer.steps_done == 0
