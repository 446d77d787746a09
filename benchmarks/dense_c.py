"""Dense training in C (dense_c.c)."""

from __future__ import annotations

import ctypes

import numpy as np

from compiled_c import UnavailableError, address, compiled, sgemm
from problem import Floats, Problem


class _Task(ctypes.Structure):
    _fields_ = (
        ("sgemm", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ["inputs", "width", "outputs", "input_tile", "neuron_tile", "most_fired"]),
        ("threshold", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("threads", ctypes.c_int32),
    )


class CPeer:
    def __init__(self, problem: Problem, threads: int) -> None:
        if problem.inputs.shape[1] != 64 or problem.width % 16:
            raise UnavailableError("dense_c.c takes rows of 64 coordinates and a width that 16 divides")
        self.problem, self.threads = problem, threads
        self.weights = problem.weights.copy()
        self.code = compiled("dense_c.c")

    def step(self, x: Floats, targets: Floats, rate: float) -> None:
        problem = self.problem
        # The fastest on an Intel Xeon with AVX-512, and on an AMD EPYC without: there all fits 512 KiB of L2.
        input_tile, neuron_tile = (256, 1024) if self.code.lanes() == 16 else (128, 512)
        task = _Task(
            sgemm=sgemm(),
            inputs=len(x),
            width=problem.width,
            outputs=problem.outputs,
            input_tile=min(len(x), input_tile, max(32, len(x) // self.threads)),
            neuron_tile=min(problem.width, neuron_tile),
            most_fired=problem.width // 2 + 1024,
            threshold=problem.threshold,
            scale=problem.scale,
            threads=self.threads,
        )
        x, targets = np.ascontiguousarray(x), np.ascontiguousarray(targets)
        weights, signs = address(self.weights), address(problem.signs)
        moved, gradient = np.zeros_like(x), np.empty_like(x)
        for _ in range(problem.steps):
            attacked = x + moved
            if not self.code.attack_gradient(
                ctypes.byref(task), address(attacked), address(targets), weights, signs, address(gradient)
            ):
                raise RuntimeError("more than half of the neurons fire; the C peer has no room for them")
            moved = problem.advance(moved, gradient)
        attacked = x + moved
        self.code.update(ctypes.byref(task), address(attacked), address(targets), weights, signs, ctypes.c_float(rate))
