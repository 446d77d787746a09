"""Ctrl-C ends long calls where they are, not when they are done."""

import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import numpy as np
import pytest

import sublinear as sl

pytestmark = pytest.mark.posix


class Bell(Exception):
    pass


def ring(number, frame):
    raise Bell


def place_in_compiled_code(thread):
    """Where in the package's Python code the thread is, if it may be in a call of compiled code."""
    frame = sys._current_frames()[thread]
    path = Path(frame.f_code.co_filename)
    return (path, frame.f_lasti) if path.parent.name == "sublinear" and path.name != "arrays.py" else None


def interrupted(call):
    """Lets a signal come once `call` is within one call of compiled code, which it must end."""
    main, ended = threading.main_thread().ident, threading.Event()

    def wait_and_ring():
        place, times = None, 0
        while not ended.wait(0.02):
            before, place = place, place_in_compiled_code(main)
            times = times + 1 if place is not None and place == before else 0
            if times == 5:
                signal.pthread_kill(main, signal.SIGALRM)
                return

    handler = signal.signal(signal.SIGALRM, ring)
    other = threading.Thread(target=wait_and_ring)
    other.start()
    try:
        with pytest.raises(Bell) as raised:
            call()
    finally:
        ended.set()
        other.join()
        signal.signal(signal.SIGALRM, handler)
    # What is raised after a call has returned does not pass through it.
    assert any("_watched.pxi" in frame.filename for frame in traceback.extract_tb(raised.value.__traceback__))


@pytest.fixture(scope="module")
def many():
    return np.random.default_rng(1).standard_normal((60_000, 64)).astype(np.float32)


@pytest.mark.parametrize("index_class", [sl.BruteForce, sl.QuantizedScan, sl.BallTree])
def test_batch_queries_are_interrupted(index_class, many):
    index = index_class(many)
    for threads in 1, 2:
        interrupted(lambda threads=threads: index.report_batch(many[:20_000], 20.0, threads=threads))
    interrupted(lambda: index.count_batch(many[:20_000], 20.0))
    interrupted(lambda: index.top_batch(many[:20_000], 5))
    assert len(index.report(many[0], -np.inf)) == len(many)


def test_building_an_index_is_interrupted_also_while_points_are_added(many):
    points = np.tile(many, (6, 1))
    interrupted(lambda: sl.BallTree(points))
    index = sl.BallTree(many[:1000])
    interrupted(lambda: index.insert(points))
    assert len(index) == index.next_id == 1000
    assert index.insert(many[:2]).tolist() == [1000, 1001]


def test_networks_and_predictions_are_interrupted(many):
    interrupted(lambda: sl.TwoLayerNetwork.random(64, 2_000_000))
    net = sl.TwoLayerNetwork.random(64, 20_000)
    labels = np.where(many[:, 0] > 0, 1, -1)
    interrupted(lambda: net.decision_function(many))
    net.decision_function(many[:2], index="ball-tree")  # builds the index
    interrupted(lambda: net.decision_function(many, index="ball-tree"))
    interrupted(lambda: net.fired(many))
    attack = sl.PGD(radius=0.1, steps=20)
    interrupted(lambda: sl.evaluate(net, many, labels, "logistic", attack))
    interrupted(lambda: sl.attack_inputs(net, many, labels, attack, "logistic"))


def test_building_a_trainer_is_interrupted(many):
    net = sl.TwoLayerNetwork.random(64, 8_000)
    trainer = sl.Trainer(net, "data", loss="logistic")
    labels = np.where(many[:, 0] > 0, 1, -1)
    interrupted(lambda: trainer.fit(many, labels))
    trainer.fit(many[:100], labels[:100])
    assert trainer.steps_done == 1


@pytest.mark.parametrize("strategy", ["dense", "margin"])
def test_one_large_batch_is_interrupted(strategy, many):
    net = sl.TwoLayerNetwork.random(64, 8_000)
    before = net.weights.tobytes()
    trainer = sl.Trainer(net, strategy, attack=sl.PGD(radius=0.1, steps=40), loss="logistic", learning_rate=1.0)
    labels = np.where(many[:, 0] > 0, 1, -1)
    trainer.fit(many, labels, epochs=0)
    interrupted(lambda: trainer.fit(many, labels))
    assert trainer.steps_done == 0
    assert net.weights.tobytes() == before


def test_judging_in_fit_is_interrupted(many):
    net = sl.TwoLayerNetwork.random(64, 8_000)
    labels = np.where(many[:, 0] > 0, 1, -1)
    trainer = sl.Trainer(net, "margin", attack=sl.PGD(radius=0.1, steps=20), loss="logistic")

    def judge_long():
        trainer.fit(many[:2], labels[:2], validation=(many, labels))

    interrupted(judge_long)
    assert trainer.steps_done == 1


def test_ctrl_c_reaches_a_process_in_a_long_call(tmp_path):
    script = """
import signal
import numpy as np, sublinear as sl
signal.signal(signal.SIGINT, signal.default_int_handler)  # a script in the background ignores it
many = np.random.default_rng(1).standard_normal((60_000, 64)).astype(np.float32)
net = sl.TwoLayerNetwork.random(64, 20_000)
try:
    print("begin", flush=True)
    while True:
        net.decision_function(many)
except KeyboardInterrupt:
    print("ended", net.decision_function(many[:3]).shape, flush=True)
"""
    # Not in the source tree, whose package is not the installed one.
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begin\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=100)
    assert out == "ended (3,)\n"
    assert process.returncode == 0
