from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sublinear.work import WorkCounts

@final
class Certifier:
    def certify(
        self,
        points: NDArray[Any],
        labels: NDArray[np.float64],
        radii: NDArray[np.float64],
        relaxation: str,
        steps: int,
        branches: int,
        attack_steps: int,
        restarts: int,
        seed: int,
        threads: int,
    ) -> tuple[
        NDArray[np.int8], NDArray[np.float64], NDArray[np.int8], NDArray[np.int64], NDArray[Any], WorkCounts
    ]: ...
    def reachable(
        self, points: NDArray[Any], radii: NDArray[np.float64], threads: int
    ) -> tuple[NDArray[np.int64], WorkCounts]: ...

def make_certifier(
    weights: NDArray[Any],
    output_weights: NDArray[Any],
    biases: NDArray[Any],
    threshold: float,
    scale: float,
    activation: str,
    norm: float,
    index: str,
    threads: int,
) -> Certifier: ...
