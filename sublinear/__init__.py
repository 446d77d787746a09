"""Half-space reporting, and adversarial training of wide two-layer networks in the neurons that fire, exactly."""

from importlib import metadata as _metadata

try:
    from sublinear import _kernels
except ImportError as _error:
    raise ImportError(
        f"the compiled modules of sublinear are not in {__path__[0]}: this is its source tree, or it was built for "
        "another Python; install it (pip install .) and start Python in another directory"
    ) from _error

from sublinear.adapters import MaskedIndex, OffsetIndex, ProjectedIndex
from sublinear.attacks import FGSM, PGD, Attack, AttackStart, Here, NoAttack
from sublinear.callbacks import Callback
from sublinear.certification import RELAXATIONS, Certification, CertifiedRadii, certified_radii, certify
from sublinear.checkpoint import Checkpoint
from sublinear.choosing import IndexChoice, choose_index, make_index
from sublinear.datasets import (
    DATASETS,
    DataRecord,
    Dataset,
    dataset_of,
    describe_datasets,
    from_slice,
    load_dataset,
    to_slice,
)
from sublinear.errors import PluginError
from sublinear.evaluation import LOSSES, Evaluation, attack_inputs, evaluate
from sublinear.history import History, Progress
from sublinear.indexes import (
    INDEXES,
    BallTree,
    BruteForce,
    ConvexLayers,
    HalfSpaceIndex,
    KDTree,
    PartitionTree,
    QuantizedScan,
    index_serves,
    register_index,
    unregister_index,
)
from sublinear.info import build_info, get_cmake_dir, get_include, simd_level
from sublinear.losses import Loss
from sublinear.low_rank import LowRankHistory, LowRankLayer, LowRankWork, ThreeLayerNetwork
from sublinear.network import INITIALIZATIONS, TwoLayerNetwork
from sublinear.network_record import NetworkRecord
from sublinear.optimizers import OPTIMIZERS, Optimizer
from sublinear.plugin_libraries import load_plugin
from sublinear.plugins import FindingProblem
from sublinear.reported import Reported, Top
from sublinear.schedules import ConstantRate, LinearRate, Schedule
from sublinear.strategies import (
    COMPARED_STRATEGIES,
    EXACT_STRATEGIES,
    STRATEGIES,
    Hashing,
    Strategy,
    register_strategy,
    unregister_strategy,
)
from sublinear.threads import default_threads
from sublinear.trainer import DivergenceError, Trainer
from sublinear.work import Work

del _kernels

#: What takes long to import, or is seldom needed, by the module it is in.
_LAZY = {
    "Comparison": "sublinear.compare",
    "Experiment": "sublinear.experiments.settings",
    "Grid": "sublinear.experiments.grid",
    "Study": "sublinear.experiments.study",
    "conclusion": "sublinear.experiments.contests",
    "contests_of": "sublinear.experiments.contests",
    "read_study": "sublinear.experiments.study",
    "sweep_cells": "sublinear.experiments.sweep",
    "SublinearClassifier": "sublinear.estimators",
    "SublinearRegressor": "sublinear.estimators",
    "load_results": "sublinear.report",
    "write_report": "sublinear.report",
}


def __getattr__(name: str) -> object:
    # scikit-learn takes a second to import; who only asks an index need not wait for it.
    from importlib import import_module

    if name == "testing":
        return import_module("sublinear.testing")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__version__ = _metadata.version("sublinear")

__all__ = [
    "COMPARED_STRATEGIES",
    "DATASETS",
    "EXACT_STRATEGIES",
    "FGSM",
    "INDEXES",
    "INITIALIZATIONS",
    "LOSSES",
    "OPTIMIZERS",
    "PGD",
    "RELAXATIONS",
    "STRATEGIES",
    "Attack",
    "AttackStart",
    "BallTree",
    "BruteForce",
    "Callback",
    "Certification",
    "CertifiedRadii",
    "Checkpoint",
    "Comparison",
    "ConstantRate",
    "ConvexLayers",
    "DataRecord",
    "Dataset",
    "DivergenceError",
    "Evaluation",
    "Experiment",
    "FindingProblem",
    "Grid",
    "HalfSpaceIndex",
    "Hashing",
    "Here",
    "History",
    "IndexChoice",
    "KDTree",
    "LinearRate",
    "Loss",
    "LowRankHistory",
    "LowRankLayer",
    "LowRankWork",
    "MaskedIndex",
    "NetworkRecord",
    "NoAttack",
    "OffsetIndex",
    "Optimizer",
    "PartitionTree",
    "PluginError",
    "Progress",
    "ProjectedIndex",
    "QuantizedScan",
    "Reported",
    "Schedule",
    "Strategy",
    "Study",
    "SublinearClassifier",
    "SublinearRegressor",
    "ThreeLayerNetwork",
    "Top",
    "Trainer",
    "TwoLayerNetwork",
    "Work",
    "attack_inputs",
    "build_info",
    "certified_radii",
    "certify",
    "choose_index",
    "conclusion",
    "contests_of",
    "dataset_of",
    "default_threads",
    "describe_datasets",
    "evaluate",
    "from_slice",
    "get_cmake_dir",
    "get_include",
    "index_serves",
    "load_dataset",
    "load_plugin",
    "load_results",
    "make_index",
    "read_study",
    "register_index",
    "register_strategy",
    "simd_level",
    "sweep_cells",
    "to_slice",
    "unregister_index",
    "unregister_strategy",
    "write_report",
]
