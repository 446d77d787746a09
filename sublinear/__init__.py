"""Half-space reporting, and adversarial training of wide two-layer networks in the neurons that fire, exactly."""

from importlib import metadata as _metadata

try:
    from sublinear import _kernels
except ImportError as _error:
    raise ImportError(
        f"the compiled modules of sublinear are not in {__path__[0]}: this is its source tree, or it was built for "
        "another Python; install it (pip install .) and start Python in another directory"
    ) from _error

from sublinear.attacks import FGSM, PGD, NoAttack
from sublinear.datasets import DATASETS, Dataset, load_dataset
from sublinear.evaluation import LOSSES, Evaluation, attack_inputs, evaluate
from sublinear.indexes import INDEXES, BallTree, BruteForce, HalfSpaceIndex, KDTree, QuantizedScan
from sublinear.info import build_info, get_cmake_dir, get_include, simd_level
from sublinear.network import TwoLayerNetwork
from sublinear.reported import Reported
from sublinear.schedules import ConstantRate, LinearRate
from sublinear.strategies import STRATEGIES, Strategy
from sublinear.trainer import DivergenceError, History, Progress, Trainer
from sublinear.work import Work

del _kernels

__version__ = _metadata.version("sublinear")

__all__ = [
    "DATASETS",
    "FGSM",
    "INDEXES",
    "LOSSES",
    "PGD",
    "STRATEGIES",
    "BallTree",
    "BruteForce",
    "ConstantRate",
    "Dataset",
    "DivergenceError",
    "Evaluation",
    "HalfSpaceIndex",
    "History",
    "KDTree",
    "LinearRate",
    "NoAttack",
    "Progress",
    "QuantizedScan",
    "Reported",
    "Strategy",
    "Trainer",
    "TwoLayerNetwork",
    "Work",
    "attack_inputs",
    "build_info",
    "evaluate",
    "get_cmake_dir",
    "get_include",
    "load_dataset",
    "simd_level",
]
