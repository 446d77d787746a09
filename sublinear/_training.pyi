from typing import Any

import numpy as np
from numpy.typing import NDArray

_Counts = tuple[int, int, int, int, int, int, int]

class Network:
    @property
    def threshold(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def activation(self) -> str: ...
    @property
    def outputs(self) -> int: ...
    @property
    def version(self) -> int: ...
    def copy(self) -> Network: ...
    def view(self, what: str) -> NDArray[Any]: ...

class Trainer:
    def steps_done(self) -> int: ...
    def steps_per_epoch(self) -> int: ...
    def set_steps_done(self, steps: int) -> None: ...
    def bytes(self) -> int: ...
    def candidates(self, inputs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], _Counts]: ...
    def step(self, learning_rate: float) -> tuple[float, float, int, bool, _Counts]: ...

class Predictor:
    def decision_function(self, points: NDArray[Any], threads: int) -> NDArray[Any]: ...
    def fired(self, points: NDArray[Any], threads: int) -> tuple[NDArray[np.int64], NDArray[np.int64], _Counts]: ...
    def attack(
        self,
        points: NDArray[Any],
        labels: NDArray[np.float64],
        attack: dict[str, Any],
        loss: str,
        seed: int,
        threads: int,
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...

def loss_names() -> list[str]: ...
def initialization_names() -> list[str]: ...
def strategy_infos() -> list[tuple[str, str, str, bool, str]]: ...
def hashing_defaults() -> dict[str, Any]: ...
def make_network(
    weights: NDArray[Any],
    output_weights: NDArray[Any],
    biases: NDArray[Any],
    threshold: float,
    scale: float,
    activation: str,
) -> Network: ...
def random_network(
    single: bool,
    init: str,
    dimension: int,
    width: int,
    outputs: int,
    seed: int,
    kappa: float,
    coupled: bool,
    bias: str | None,
    bias_value: float,
    activation: str | None,
) -> Network: ...
def make_trainer(
    network: Network,
    inputs: NDArray[Any],
    labels: NDArray[np.float64],
    strategy: str,
    index: str,
    max_bytes: int,
    hashing: dict[str, Any],
    attack: dict[str, Any],
    loss: str,
    weights: NDArray[np.float64],
    batch_size: int,
    seed: int,
    threads: int,
    train_biases: bool,
) -> Trainer: ...
def make_predictor(network: Network, index: str, norm: float, threads: int) -> Predictor: ...
def check_labels(loss: str, labels: NDArray[np.float64], outputs: int) -> None: ...
def judge(
    loss: str, outputs: NDArray[np.float64], labels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]: ...
