"""Losses of your own."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


class Loss:
    """A loss of your own: derive from it, give `evaluate`, and pass an instance where a loss's name would go.

    It is asked for many inputs at a time, with the GIL. Every answer is checked; what is wrong is a `PluginError` that
    names the class, before weights change. Where an input's loss and derivatives depend on the other inputs of the
    call, results differ between strategies and numbers of threads: which inputs come together depends on both.
    `sl.testing.check_loss` tries that, and the derivatives. docs/extending.md has an example.

    Attributes
    ----------
    labels : str
        What labels are, and how many outputs there are: "numbers" (one output), "signs" (-1 and 1, or any two values;
        one output) or "classes" (class indices; two outputs or more). A class attribute; default "numbers".
    """

    labels: str = "numbers"

    def evaluate(self, outputs: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The losses (n,) at `outputs` (n, c), float64, for labels (n,), float64, and their derivatives (n, c)."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate(outputs, labels)")
