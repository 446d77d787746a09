"""What threads bring: the library's own, and Python's, which run side by side only where the GIL is released."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import sublinear as sl

from .common import ONE_PERCENT, POINTS, digits_trainer, gaussian_points, trained_network, unit_digits, unit_normals


def build(threads):
    points = gaussian_points(POINTS, 64)
    return lambda: sl.KDTree(points)


def report(threads):
    index, normals = sl.KDTree(gaussian_points(POINTS, 8)), unit_normals(1024, 8)
    limits = np.full(len(normals), ONE_PERCENT)
    return lambda: index.report_batch(normals, limits, threads=threads)


def predict(threads):
    network, inputs = trained_network(), unit_digits()[0]
    return lambda: network.decision_function(inputs, threads=threads)


def attack(threads):
    network, (inputs, labels) = trained_network(), unit_digits()
    return lambda: sl.attack_inputs(network, inputs, labels, sl.PGD(0.05), "cross-entropy", threads=threads)


def epoch(threads):
    trainer, (inputs, labels) = digits_trainer("dense", threads), unit_digits()
    return lambda: trainer.fit(inputs, labels)


#: Each makes a call that may be made again and again, on objects of its own.
CALLS = {call.__name__: call for call in (build, report, predict, attack, epoch)}


def longest_silence(call):
    """For how long a Python thread that only counts stood still, at most, as a share of the call beside it."""
    counting, ended = threading.Event(), threading.Event()
    longest = 0.0

    def count():
        nonlocal longest
        last, go_on = time.perf_counter(), True
        while go_on:
            go_on = not ended.is_set()  # read before the clock, so that the last pause counts too
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
            counting.set()

    counter = threading.Thread(target=count)
    counter.start()
    counting.wait()
    began = time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    ended.set()
    counter.join()
    return longest / seconds


class Threads:
    """The library's own threads. A build is not here: it takes one."""

    param_names = ("call", "threads")
    params = (tuple(name for name in CALLS if name != "build"), (1, 2))

    def setup(self, call, threads):
        self.call = CALLS[call](threads)

    def time_call(self, call, threads):
        self.call()


class PythonThreads:
    """Does the GIL go? Then two calls, of one thread each, take as long as one where two cores are free."""

    param_names = ("call",)
    params = (tuple(CALLS),)
    tries = 20

    def setup(self, call):
        self.calls = [CALLS[call](threads=1) for _ in range(2)]
        self.pool = ThreadPoolExecutor(len(self.calls))

    def teardown(self, call):
        self.pool.shutdown()

    def time_one_after_another(self, call):
        for each in self.calls:
            each()

    def time_two_python_threads(self, call):
        for running in [self.pool.submit(each) for each in self.calls]:
            running.result()

    def track_gil_kept(self, call):
        """1 if another Python thread stands still for most of the call. A busy machine may hold it up as long, but not
        at every try, so this is as certain as a count."""
        return int(all(longest_silence(self.calls[0]) > 0.5 for _ in range(self.tries)))

    track_gil_kept.unit = "calls"
