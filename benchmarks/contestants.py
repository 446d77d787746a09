"""Who trains in `adversarial_training.py`: this library's strategies and the dense peers, all in one form."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from examples import Floats
from problem import Problem

PEERS = ("eager", "tiled", "compiled", "numpy", "numpy-tiled", "c")


@dataclass
class Contestant:
    """`advance(steps)` takes that many steps more and returns their seconds; `weights()` are what it has trained."""

    name: str
    advance: Callable[[int], list[float]]
    weights: Callable[[], Floats]
    seconds: list[float] = field(default_factory=list)
    work: list[dict[str, int]] = field(default_factory=list)  # of each step, untimed ones included
    fired_share: list[float] = field(default_factory=list)
    stopped: str = ""  # why it takes no more turns


def make_peer(name: str, problem: Problem, rate: float, batch: int | None, threads: int) -> Contestant:
    """ImportError where something it needs is missing."""
    if name in ("eager", "tiled", "compiled"):
        from dense_torch import TorchPeer

        peer: Any = TorchPeer(problem, name, threads)
    elif name == "c":
        from dense_c import CPeer

        peer = CPeer(problem, threads)
    else:
        from dense_numpy import NumpyPeer

        peer = NumpyPeer(problem, problem.width if name == "numpy" else min(problem.width, 1024))

    left: list[Any] = []  # batches of the epoch that has begun
    begun = 0

    def advance(steps: int) -> list[float]:
        nonlocal begun
        if name.startswith("numpy"):  # the C peer leaves OpenBLAS with one thread
            from compiled_c import use_openblas_threads

            use_openblas_threads(threads)
        seconds = []
        for _ in range(steps):
            if not left:
                left.extend(problem.batches(batch, begun))
                begun += 1
            chosen = left.pop(0)
            x, targets = problem.inputs[chosen], np.ascontiguousarray(problem.targets[chosen])
            start = time.perf_counter()
            peer.step(x, targets, rate)
            seconds.append(time.perf_counter() - start)
        return seconds

    return Contestant(name, advance, lambda: peer.weights)


def make_strategy(name: str, problem: Problem, rate: float, batch: int | None, threads: int) -> Contestant:
    import sublinear as sl

    network = problem.network()
    trainer = sl.Trainer(
        network,
        strategy=name,
        attack=problem.attack(),
        loss=problem.loss,
        learning_rate=rate,
        batch_size=batch,
        threads=threads,
        seed=problem.seed,
    )
    targets = problem.targets.astype(float)

    def advance(steps: int) -> list[float]:
        seconds: list[float] = []

        def after_step(progress: Any) -> bool:
            seconds.append(progress.seconds)
            contestant.work.append(progress.work.as_dict())
            contestant.fired_share.append(progress.work.fired / (progress.inputs * problem.width))
            return len(seconds) < steps

        trainer.fit(problem.inputs, targets, epochs=steps, callbacks=[after_step])
        return seconds

    contestant = Contestant(name, advance, lambda: network.weights)
    return contestant
