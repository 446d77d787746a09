"""Sizes, checked before anything is allocated."""

from __future__ import annotations

from sublinear import _kernels

_COPIES = 4  # of the inputs while they are loaded, split and normalised


def most_values() -> int:
    """How many numbers a dense float64 array of inputs may have in the memory there is now."""
    return _kernels.available_memory() // (8 * _COPIES)


def require_memory(rows: int, columns: int, what: str) -> None:
    """MemoryError, with the bytes, if inputs of this shape and their copies do not fit into the memory there is."""
    if rows * columns > most_values():
        raise MemoryError(
            f"{what}: {rows} x {columns} values need {8 * _COPIES * rows * columns} bytes as dense float64 arrays (the "
            f"inputs, their split and normalization) and {_kernels.available_memory()} are available; give fewer rows "
            "or columns"
        )
