"""The library's threads: how many, in forked children, and where the system grants none."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import sublinear as sl

# Every call that uses threads, in a process of its own, so that what hangs can be ended.
_CALLS = """
import multiprocessing, resource, sys, threading
import numpy as np
import sublinear as sl

random = np.random.default_rng(1)
points, labels = random.standard_normal((400, 6)), random.integers(0, 2, 400) * 2 - 1
index = sl.BallTree(points)

def calls(threads=3):
    net = sl.TwoLayerNetwork.random(6, 600, seed=2)
    sl.Trainer(net, "margin", attack=sl.PGD(radius=0.1), loss="logistic", threads=threads).fit(points, labels, epochs=2)
    reported = index.report_batch(points, 0.5, threads=threads)
    return reported.ids.tobytes(), net.weights.tobytes(), net.decision_function(points, threads=threads).tobytes()

def in_children(count):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map_async(calls, [3] * count).get(timeout=60)
"""


@pytest.fixture
def run(tmp_path):
    """Runs a script away from the source tree, whose package is not the installed one."""

    def call(script):
        command = [sys.executable, "-c", _CALLS + script]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)

    return call


@pytest.mark.posix
def test_forked_children_train_report_and_predict_as_their_parent(run):
    done = run("""
before = calls()
assert in_children(4) == [before] * 4
assert calls() == before
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.posix
def test_children_forked_while_another_thread_trains_have_threads_of_their_own(run):
    done = run("""
expected, stop = calls(), threading.Event()

def go_on():
    while not stop.is_set():
        index.report_batch(points, 0.5, threads=3)

other = threading.Thread(target=go_on)
other.start()
try:
    assert in_children(6) == [expected] * 6
finally:
    stop.set()
    other.join()
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits a processor's address space so")
@pytest.mark.posix
def test_threads_that_the_system_does_not_grant_are_done_without(run):
    done = run("""
expected = calls(1)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (7 << 20), resource.RLIM_INFINITY))
try:
    threading.Thread(target=print).start()
    sys.exit("a thread could be started: this shows nothing")
except RuntimeError:
    pass
assert calls(8) == expected
""")
    assert done.returncode == 0, done.stderr


def test_the_default_number_of_threads_heeds_the_environment(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    every = sl.default_threads()
    assert 1 <= every <= os.cpu_count()
    for value, expected in ("1", 1), ("1,4", 1), ("100000", every), ("0", every), ("many", every), ("", every):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert sl.default_threads() == expected


def test_the_default_number_of_threads_heeds_threadpoolctl():
    before = sl.default_threads()
    assert [each["num_threads"] for each in threadpool_info() if each["internal_api"] == "sublinear"] == [before]
    for api in None, "openmp":
        with threadpool_limits(limits=1, user_api=api):
            assert sl.default_threads() == 1
        assert sl.default_threads() == before
    with threadpool_limits(limits=1, user_api="blas"):
        assert sl.default_threads() == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this processor's system has no affinity")
@pytest.mark.posix
def test_the_default_number_of_threads_heeds_the_affinity_of_the_calling_thread():
    seen = []

    def ask():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        seen.append(sl.default_threads())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == [1]


def test_workers_of_joblib_share_the_processors():
    from joblib import Parallel, cpu_count, delayed

    workers = 2
    threads = Parallel(n_jobs=workers, backend="loky")(delayed(sl.default_threads)() for _ in range(workers))
    assert threads == [max(1, min(sl.default_threads(), cpu_count() // workers))] * workers


def test_an_error_about_threads_names_them():
    with pytest.raises(ValueError, match="threads is 0; give an integer >= 1"):
        sl.BruteForce(np.ones((2, 2))).report_batch(np.ones((1, 2)), 0.0, threads=0)
