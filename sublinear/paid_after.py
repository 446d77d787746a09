"""When a structure has saved, against scanning all neurons, what its building took."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sublinear.intervals import Interval


@dataclass(frozen=True)
class PaidAfter:
    """Training steps after which a structure has paid for itself: at best, most likely, and at worst.

    0 is at once, infinity never. `earliest` and `latest` belong to the ends of the confidence in what a step saves, and
    are None where there is none.
    """

    steps: float
    earliest: float | None
    latest: float | None

    def text(self) -> str:
        """Such as "120 (95-160)"."""
        if self.earliest is None or self.latest is None or self.earliest == self.latest:
            return _text(self.steps)
        if math.isinf(self.latest):
            return f"{_text(self.steps)} (earliest {_text(self.earliest)})"
        return f"{_text(self.steps)} ({_text(self.earliest)}-{_text(self.latest)})"


def paid_after(extra: float, saved: Interval) -> PaidAfter:
    """`extra`: seconds that the structure takes more to build; `saved`: seconds that it saves in a training step."""
    return PaidAfter(
        _steps(extra, saved.value),
        None if saved.high is None else _steps(extra, saved.high),
        None if saved.low is None else _steps(extra, saved.low),
    )


def _steps(extra: float, saved: float) -> float:
    return math.inf if saved <= 0 else float(max(0, math.ceil(extra / saved)))


def _text(steps: float) -> str:
    return "never" if math.isinf(steps) else "at once" if steps == 0 else f"{steps:,.0f}".replace(",", "\u2009")
