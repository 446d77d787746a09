"""Every setting of a run, in one place: what `train`, `compare`, `scaling` and `sweep` take theirs from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer, as_number, as_seed, float_dtype
from sublinear.attacks import FGSM, PGD, Attack, NoAttack, parse_norm
from sublinear.datasets import Dataset, dataset_name, describe_datasets
from sublinear.evaluation import check_loss
from sublinear.files import command
from sublinear.network import INITIALIZATIONS, TwoLayerNetwork
from sublinear.optimizers import OPTIMIZERS, Optimizer
from sublinear.schedules import ConstantRate, LearningRate, LinearRate
from sublinear.strategies import Strategy
from sublinear.trainer import Trainer

ADVERSARIES = ("pgd", "fgsm", "none")
SCHEDULES = ("linear", "constant")


def setting(default: Any, text: str, default_text: str | None = None) -> Any:
    """A field that is an option of the command line too: `text` is its help, `default_text` what help says of None."""
    return field(default=default, metadata={"help": text, "default": default_text})


@dataclass(frozen=True)
class Experiment:
    """What is trained, on what, against what, and how; a subclass says what is done with it.

    Parameters are those of `load_dataset`, `TwoLayerNetwork.random`, `PGD` or `FGSM`, and `Trainer`; the metadata of
    the fields says what each means. Beside these:

    adversary : "pgd", "fgsm" or "none"
    norm : 2 or inf
        Also as text.
    clip : str or pair, optional
        "LOW:HIGH", the box of attacked inputs.
    batch_size : int
        0 takes all inputs in every step.
    schedule : "linear" or "constant"
        Whether the rate falls to 0 over the epochs, or stays.
    loss : str
        One of `LOSSES`. Other than "cross-entropy" the network has one output and the data two classes, -1 and 1.
    max_bytes : int, optional
        Most bytes a structure may hold, for strategies that do not say it themselves. Changes speed only, but a
        structure that cannot do with so much is refused.
    threads : int, optional
        Changes speed only; 0 is None.

    Everything is checked when it is made: ValueError or TypeError names the setting and what it may be.
    """

    dataset: str = setting("digits", describe_datasets())
    width: int = setting(2048, "Number of neurons.")
    epochs: int = setting(12, "Passes over the training inputs, in all.")
    batch_size: int = setting(64, "Inputs a step; 0 = all.")
    radius: float = setting(0.05, "Radius of the attack's ball.")
    steps: int = setting(10, "Steps of the attack.")
    norm: float = setting(2.0, "Norm of the ball: 2 or inf.")
    learning_rate: float = setting(200.0, "Learning rate, at the start.")
    seed: int = setting(0, "Of split, network, order and drawn data.")
    normalization: str | None = setting(
        None, "Of inputs: none, or steps of standard, minmax, unit, slice joined by +.", "the set's own"
    )
    init: str = setting("ntk", f"Initialisation: {', '.join(INITIALIZATIONS)}.")
    coupled: bool = setting(False, "Neurons in pairs, f = 0 at the start.")
    kappa: float | None = setting(None, "Threshold in standard deviations.", "as the initialisation has it")
    activation: str | None = setting(None, "shifted or jump.", "as the initialisation has it")
    bias: str | None = setting(None, "zero, gaussian or constant.", "as the initialisation has it")
    bias_value: float = setting(0.0, "Of constant biases.")
    train_biases: bool = setting(False, "Train the biases too.")
    loss: str = setting("cross-entropy", "cross-entropy; of two classes also logistic, squared or absolute.")
    optimizer: str = setting("gradient", f"{', '.join(OPTIMIZERS)}; choices as in momentum:momentum=0.8,lazy=false.")
    schedule: str = setting("linear", "linear: the rate falls to 0; constant.")
    adversary: str = setting("pgd", f"The attack: {', '.join(ADVERSARIES)}.")
    step_size: float | None = setting(None, "Of the attack.", "2.5 radius / steps")
    random_start: bool = setting(False, "The attack starts at a random place of the ball.")
    restarts: int = setting(1, "Runs of the attack; more than 1 with random starts.")
    clip: str | None = setting(None, "LOW:HIGH, a box for attacked inputs.", "none")
    domain: str | None = setting(
        None, "slice: the attack stays on the slice that --normalization unit+slice puts data on.", "everywhere"
    )
    dtype: str = setting("float32", "float32 or float64.")
    max_bytes: int | None = setting(None, "Most bytes a structure may hold.", "what is available")
    threads: int | None = setting(None, "Threads; 0 = as many as this process may use.", "0")

    def __post_init__(self) -> None:
        self._set("dataset", dataset_name(self.dataset))
        for name, least in (("width", 1), ("epochs", 1), ("batch_size", 0)):
            as_integer(getattr(self, name), name, least)
        as_number(self.learning_rate, "learning_rate", 0)
        as_seed(self.seed)
        norm: Any = self.norm
        norm = parse_norm(norm) if isinstance(norm, str) else norm
        self._set("norm", PGD(self.radius, self.steps, norm=norm).norm)
        self._set("clip", _clip_text(self.clip))
        self._set("optimizer", str(Optimizer.of(self.optimizer)))
        check_loss(self.loss)
        for name, known in (("adversary", ADVERSARIES), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; known are {', '.join(map(repr, known))}")
        for name in ("max_bytes", "threads"):
            if getattr(self, name) is not None:
                self._set(name, as_integer(getattr(self, name), name) or None)
        self._set("dtype", str(float_dtype(self.dtype)))
        self.attack()
        odd = self.coupled and self.width % 2
        self.network(1, 1, width=self.width if odd else 2)  # what may be said of a network is checked by the network

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def attack(self) -> Attack:
        """The attack of training and evaluation."""
        clip: Any = None if self.clip is None else tuple(map(float, self.clip.split(":")))
        pgd = PGD(
            self.radius, self.steps, self.step_size, self.norm, self.random_start, self.restarts, clip, self.domain
        )
        if self.adversary == "fgsm":
            return FGSM(pgd.radius, pgd.norm, pgd.random_start, pgd.clip, pgd.domain)
        return pgd if self.adversary == "pgd" else NoAttack()

    def network(self, n_features: int, n_outputs: int, **changes: Any) -> TwoLayerNetwork:
        """The network that training starts from."""
        names = ("width", "init", "seed", "coupled", "bias", "activation", "kappa", "dtype", "bias_value")
        options = {name: getattr(self, name) for name in names} | changes
        return TwoLayerNetwork.random(n_features, n_outputs=n_outputs, **options)

    def outputs(self, data: Dataset) -> int:
        """How many outputs the network has. ValueError for a loss that the classes of the data do not fit."""
        if self.loss == "cross-entropy":
            return data.classes
        if data.classes != 2:
            raise ValueError(f"loss is {self.loss!r} and {data.name} has {data.classes} classes; give cross-entropy")
        return 1

    def targets(self, classes: NDArray[np.int64]) -> NDArray[Any]:
        """Class indices as the loss takes them."""
        return classes if self.loss == "cross-entropy" else np.where(classes == 1, 1.0, -1.0)

    def rate(self, epochs: int) -> LearningRate:
        """The learning rate of training over so many epochs."""
        if self.schedule == "constant":
            return ConstantRate(self.learning_rate)
        return LinearRate(self.learning_rate, 0, epochs)

    def finder(self, given: str | Strategy) -> Strategy:
        """The strategy, with `max_bytes` unless it says its own."""
        strategy = Strategy.of(given)
        limited = self.max_bytes is not None and strategy.max_bytes is None
        return strategy.replace(max_bytes=self.max_bytes) if limited else strategy

    def trainer(self, net: TwoLayerNetwork, strategy: str | Strategy, epochs: int | None = None) -> Trainer:
        """What trains the network, for `epochs` epochs in all (default: the setting)."""
        return Trainer(
            net,
            self.finder(strategy),
            self.attack(),
            self.loss,
            self.rate(self.epochs if epochs is None else epochs),
            self.batch_size or None,
            self.threads,
            self.seed,
            self.train_biases,
            self.optimizer,
        )

    def as_dict(self) -> dict[str, Any]:
        """Every setting by name, ready for JSON: an infinite norm is "inf"."""
        content = dataclasses.asdict(self)
        content["norm"] = "inf" if math.isinf(self.norm) else 2
        return content

    def command_of(self, name: str, **changes: Any) -> str:
        """What to type for `sublinear NAME` to do it again."""
        return command(name, {key.replace("_", "-"): value for key, value in (self.as_dict() | changes).items()})


def _clip_text(clip: Any) -> str | None:
    """As "LOW:HIGH"; ValueError for what is no box."""
    if clip is None:
        return None
    ends = clip.split(":") if isinstance(clip, str) else list(clip)
    try:
        low, high = map(float, ends)
    except (TypeError, ValueError):
        raise ValueError(f"clip is {clip!r}; give LOW:HIGH, such as 0:1") from None
    return f"{low!r}:{high!r}"
