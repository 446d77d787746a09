"""Callbacks of training that are told of epochs, too."""

from __future__ import annotations

from typing import Any

from sublinear.history import Progress


class Callback:
    """Is told how training goes: derive from it, give `step` or `epoch` or both, and pass an instance in `callbacks`.

    Either may return False to end the call of `fit` after that step. What they raise ends it, too, and is raised; the
    step has taken place. Any callable that takes a `Progress` is a callback of steps.
    """

    def step(self, progress: Progress) -> object:
        """After every step."""
        return None

    def epoch(self, epoch: int, figures: dict[str, Any]) -> object:
        """After every epoch, which `fit` counts from 1: its figures by name, as `History` has them; with validation
        those on the validation data, too."""
        return None

    def __call__(self, progress: Progress) -> object:
        return self.step(progress)
