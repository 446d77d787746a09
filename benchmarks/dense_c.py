"""Dense training in C (dense_c.c)."""

from __future__ import annotations

import ctypes

import numpy as np

from compiled_c import UnavailableError, address, compiled, sgemm
from examples import Floats
from problem import Problem


class _Task(ctypes.Structure):
    _fields_ = (
        ("sgemm", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ["inputs", "width", "input_tile", "neuron_tile", "most_fired"]),
        ("threshold", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("threads", ctypes.c_int32),
    )


LONG_ROW = 256  # coordinates from which a tile of neurons is too large for the cache
ALIGNED = 16  # coordinates that dense_c.c takes together; rows are padded with zeros


def padded(rows: Floats) -> Floats:
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % ALIGNED))))


class CPeer:
    def __init__(self, problem: Problem, threads: int) -> None:
        if problem.width % ALIGNED:
            raise UnavailableError(f"dense_c.c takes a width that {ALIGNED} divides")
        self.problem, self.threads = problem, threads
        self.rows = padded(problem.weights)
        self.code = compiled("dense_c.c", D=self.rows.shape[1], OUTPUTS=problem.outputs)

    @property
    def weights(self) -> Floats:
        return self.rows[:, : self.problem.inputs.shape[1]]

    def tiles(self, inputs: int) -> tuple[int, int]:
        """Inputs and neurons that are worked on together: the fastest that were found, by lanes and row length."""
        if self.rows.shape[1] > LONG_ROW:
            input_tile, neuron_tile = 64, 256
        else:
            input_tile, neuron_tile = (256, 1024) if self.code.lanes() == 16 else (128, 512)
        return min(inputs, input_tile, max(32, inputs // self.threads)), min(self.problem.width, neuron_tile)

    def step(self, x: Floats, targets: Floats, rate: float) -> None:
        problem = self.problem
        input_tile, neuron_tile = self.tiles(len(x))
        task = _Task(
            sgemm=sgemm(),
            inputs=len(x),
            width=problem.width,
            input_tile=input_tile,
            neuron_tile=neuron_tile,
            most_fired=problem.width // 2 + 1024,
            threshold=problem.threshold,
            scale=problem.scale,
            threads=self.threads,
        )
        x, targets = padded(x), np.ascontiguousarray(targets)
        weights, signs = address(self.rows), address(problem.signs)
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
