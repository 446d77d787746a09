"""What a training run tells of itself: after a step, over an epoch, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from sublinear.work import Work


@dataclass(frozen=True)
class Progress:
    """Where a call of `fit` is, after a step: epochs ended of `epochs`, and steps done of the current epoch.

    robust_loss, inputs, seconds, work: mean loss at the attacked inputs of the step's batch, their number, and what the
    step took. loss: the same at the inputs themselves.
    """

    epoch: int
    epochs: int
    step: int
    steps_per_epoch: int
    robust_loss: float
    inputs: int
    seconds: float
    work: Work
    loss: float = math.nan


@dataclass
class History:
    """Figures of each epoch of one call of `fit`, a list each.

    loss, robust_loss: means over the inputs, each just before its step. fired_share, candidates_share: fired neurons
    and candidates per input, divided by the width. seconds: of the steps, without validation. work: counted work.
    clean_loss ... robust_accuracy: on the validation data after the epoch; empty without validation.
    """

    loss: list[float] = field(default_factory=list)
    robust_loss: list[float] = field(default_factory=list)
    fired_share: list[float] = field(default_factory=list)
    candidates_share: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    validation_clean_loss: list[float] = field(default_factory=list)
    validation_clean_accuracy: list[float | None] = field(default_factory=list)
    validation_robust_loss: list[float] = field(default_factory=list)
    validation_robust_accuracy: list[float | None] = field(default_factory=list)

    def extend(self, later: History) -> None:
        """Appends the epochs of a later call of `fit`."""
        for name, column in vars(later).items():
            getattr(self, name).extend(column)

    def as_dict(self) -> dict[str, list[Any]]:
        """The lists by name, with work as dictionaries: ready for JSON."""
        columns = dict(vars(self))
        columns["work"] = [work.as_dict() for work in self.work]
        return columns


@dataclass(frozen=True)
class EpochSums:
    """Sums over the steps of an epoch that has not ended: losses by the input, inputs, seconds, work."""

    loss: float = 0.0
    robust_loss: float = 0.0
    inputs: int = 0
    seconds: float = 0.0
    work: Work = field(default_factory=Work)

    def with_step(self, step: Progress) -> EpochSums:
        """The sums with one step more."""
        return EpochSums(
            self.loss + step.inputs * step.loss,
            self.robust_loss + step.inputs * step.robust_loss,
            self.inputs + step.inputs,
            self.seconds + step.seconds,
            self.work + step.work,
        )

    def figures(self, width: int) -> dict[str, Any]:
        """The entry of an epoch with at least one step in each column of `History` that needs no validation."""
        pairs = self.inputs * width
        return {
            "loss": self.loss / self.inputs,
            "robust_loss": self.robust_loss / self.inputs,
            "fired_share": self.work.fired / pairs,
            "candidates_share": self.work.candidates / pairs,
            "seconds": self.seconds,
            "work": self.work,
        }

    def losses(self) -> str:
        """The mean losses so far, in words; of at least one step."""
        clean = "" if math.isnan(self.loss) else f"loss {self.loss / self.inputs:.4g}, "  # peers do not say it
        return f"{clean}robust loss {self.robust_loss / self.inputs:.4g}"

    def as_dict(self) -> dict[str, Any]:
        """The sums by name, with work as a dictionary: ready for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, content: dict[str, Any]) -> EpochSums:
        """What `as_dict` gave; nothing for an empty table."""
        return cls(**{**content, "work": Work(**content["work"])}) if content else cls()
