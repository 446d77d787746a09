"""What the extension modules return has the types that their stubs state; stubtest compares names and arguments.

mypy believes the stubs: without this test nothing would notice a tuple with another number of counts.
"""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import os
import subprocess
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import sublinear as sl
from sublinear import _certification, _kernels, _reporting, _training
from sublinear.work import Work, WorkCounts

POINTS = np.eye(4)
LABELS = np.array([1.0, -1.0, 1.0, 1.0])
ZEROS = np.zeros(4)
IDS = np.arange(2)
HASHING = {**_training.hashing_defaults(), "seed": 0}


def stub(module: str) -> dict[str, Any]:
    """The names that a stub declares; annotations are text."""
    source = Path(sl.__file__).with_name(f"{module}.pyi").read_text()
    names: dict[str, Any] = {"__name__": module}
    exec(compile("from __future__ import annotations\n" + source, f"{module}.pyi", "exec"), names)
    return names


def results_of(names: dict[str, Any], module: str) -> dict[str, Any]:
    """What each function, method and property of a stub returns: "function" or "Class.method"."""
    found = {}
    own = {name: value for name, value in names.items() if getattr(value, "__module__", None) == module}
    for name, value in own.items():
        members = {name: value} if isinstance(value, types.FunctionType) else {}
        if isinstance(value, type):
            members = {f"{name}.{each}": member for each, member in vars(value).items() if not each.startswith("_")}
        for full, member in members.items():
            function = member.fget if isinstance(member, property) else member
            found[full] = get_type_hints(function, names)["return"]
    return found


def fits(value: object, stated: Any) -> bool:
    """Whether a value is of a type as stubs state it."""
    parts = get_args(stated)
    origin = get_origin(stated)
    if stated is Any:
        return True
    if stated is None or stated is types.NoneType:
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        return type(value) is tuple and len(value) == len(parts) and all(map(fits, value, parts))
    if origin is list:
        return type(value) is list and all(fits(each, parts[0]) for each in value)
    if origin is dict:
        return type(value) is dict and all(fits(k, parts[0]) and fits(v, parts[1]) for k, v in value.items())
    if origin is np.ndarray:
        (scalar,) = get_args(parts[1])
        return isinstance(value, np.ndarray) and (scalar is Any or value.dtype.type is scalar)
    return type(value).__name__ == stated.__name__


def index() -> Any:
    return _reporting.make_index("brute-force", POINTS, 32, None)


def network() -> Any:
    return _training.make_network(POINTS, np.ones((4, 1)), np.zeros((1, 4)), 0.5, 1.0, "shifted")


def trainer(average: float = 0.0) -> Any:
    return _training.make_trainer(
        network(), POINTS, LABELS, "margin", "", 0, HASHING, sl.NoAttack().options(), "logistic", np.empty(0), 2, 0, 1,
        False, "gradient", _training.optimizer_defaults(), average,
    )  # fmt: skip


def predictor() -> Any:
    return _training.make_predictor(network(), "", 2.0, 1)


def certifier() -> Any:
    return _certification.make_certifier(POINTS, np.ones((4, 1)), np.zeros((1, 4)), 0.5, 1.0, "shifted", 2.0, "", 1)


def low_rank() -> Any:
    return _training.make_low_rank(POINTS, 0)


def three_layers() -> Any:
    return _training.random_three_layers(False, 4, 4, 0, -1.0, False, 0)


def three_layer_trainer() -> Any:
    return _training.make_three_layer_trainer(three_layers(), POINTS, LABELS, 2, 0, 1)


def registered(module: Any) -> object:
    module.register_index("stub", True, 1, 9, lambda points: None)
    return module.unregister_index("stub")


def registered_strategy() -> object:
    _training.register_strategy("stub", "nothing", "-", True, lambda *problem: None)
    return _training.unregister_strategy("stub")


def empty_plugin() -> bytes:
    """A library that brings nothing."""
    folder = tempfile.mkdtemp()
    source, library = os.path.join(folder, "plugin.c"), os.path.join(folder, "plugin.so")
    with open(source, "w") as file:
        text = f"sublinear {sl.__version__}, libstdc++, interface 1"
        file.write(f'const char* sublinear_plugin_interface(void) {{ return "{text}"; }}\n')
        file.write("void sublinear_plugin(void* registry) { (void)registry; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return os.fsencode(library)


SPARSE = np.array([0, 1]), np.array([2], np.int32), np.array([1.0])

#: An example of every function, method and property.
EXAMPLES: dict[str, dict[str, Callable[[], object]]] = {
    "_kernels": {
        "inner_products": lambda: _kernels.inner_products(POINTS, np.array([1], np.int32), ZEROS),
        "simd_level": _kernels.simd_level,
        "build_info": _kernels.build_info,
        "available_memory": _kernels.available_memory,
        "resolve_threads": lambda: _kernels.resolve_threads(0),
        "replace_file": lambda: _kernels.replace_file(b"/dev/null", b"x"),
        "remove_leftovers": lambda: _kernels.remove_leftovers(b"/nonexistent-folder/x"),
    },
    "_reporting": {
        "Index.size": lambda: index().size(),
        "Index.dimension": lambda: index().dimension(),
        "Index.bytes": lambda: index().bytes(),
        "Index.pages": lambda: index().pages(),
        "Index.next_id": lambda: index().next_id(),
        "Index.copy": lambda: index().copy(),
        "Index.to_bytes": lambda: index().to_bytes(),
        "Index.insert": lambda: index().insert(POINTS),
        "Index.erase": lambda: index().erase(IDS),
        "Index.move": lambda: index().move(IDS, POINTS[:2]),
        "Index.report": lambda: index().report(POINTS, ZEROS, 1, True, 0),
        "Index.report_page": lambda: index().report_page(POINTS[:1], 0.0, 0, 0),
        "Index.top": lambda: index().top(POINTS, 2, 1),
        "Index.count": lambda: index().count(POINTS, ZEROS, 1),
        "crossing_numbers": lambda: _reporting.crossing_numbers(POINTS[:, :2].copy(), 1, POINTS[:, :2].copy(), ZEROS),
        "index_names": _reporting.index_names,
        "index_serves": lambda: _reporting.index_serves("kd-tree", 3),
        "register_index": lambda: _reporting.register_index("stub", True, 1, 9, print)
        or _reporting.unregister_index("stub"),
        "unregister_index": lambda: registered(_reporting),
        "load_plugin": lambda: _reporting.load_plugin(empty_plugin()),
        "choose_index": lambda: _reporting.choose_index(100, 3, 1, 0.1),
        "make_index": index,
        "from_bytes": lambda: _reporting.from_bytes(memoryview(index().to_bytes()), False),
        "describe_bytes": lambda: _reporting.describe_bytes(memoryview(index().to_bytes())),
    },
    "_certification": {
        "Certifier.certify": lambda: certifier().certify(
            POINTS, LABELS, np.full(4, 0.1), "quadratic", 25, 0, 40, 2, 0, 1
        ),
        "Certifier.reachable": lambda: certifier().reachable(POINTS, np.full(4, 0.1), 1),
        "make_certifier": certifier,
    },
    "_training": {
        "Network.threshold": lambda: network().threshold,
        "Network.scale": lambda: network().scale,
        "Network.activation": lambda: network().activation,
        "Network.outputs": lambda: network().outputs,
        "Network.version": lambda: network().version,
        "Network.copy": lambda: network().copy(),
        "Network.reading": lambda: network().reading(),
        "Network.view": lambda: network().view("weights"),
        "Trainer.steps_done": lambda: trainer().steps_done(),
        "Trainer.steps_per_epoch": lambda: trainer().steps_per_epoch(),
        "Trainer.set_steps_done": lambda: trainer().set_steps_done(3),
        "Trainer.bytes": lambda: trainer().bytes(),
        "Trainer.inputs": lambda: trainer().inputs(),
        "Trainer.trains_on": lambda: trainer().trains_on(POINTS),
        "Trainer.candidates": lambda: trainer().candidates(IDS),
        "Trainer.step": lambda: trainer().step(0.1),
        "Trainer.optimizer_state": lambda: trainer().optimizer_state(),
        "Trainer.set_optimizer_state": lambda: trainer().set_optimizer_state({}, {}),
        "Trainer.averaged": lambda: trainer(0.5).averaged(),
        "Trainer.raise_late": lambda: trainer().raise_late(),
        "Predictor.decision_function": lambda: predictor().decision_function(POINTS, 1),
        "Predictor.fired": lambda: predictor().fired(POINTS, 1),
        "Predictor.attack": lambda: predictor().attack(POINTS, LABELS, sl.PGD(0.1).options(), "logistic", 0, 1),
        "LowRank.is_single": lambda: low_rank().is_single,
        "LowRank.shape": lambda: low_rank().shape,
        "LowRank.rank": lambda: low_rank().rank,
        "LowRank.rank_limit": lambda: low_rank().rank_limit,
        "LowRank.flushes": lambda: low_rank().flushes,
        "LowRank.nbytes": lambda: low_rank().nbytes,
        "LowRank.apply": lambda: low_rank().apply(*SPARSE, 1),
        "LowRank.add_rank": lambda: low_rank().add_rank(*SPARSE, *SPARSE, 1),
        "LowRank.flush": lambda: low_rank().flush(1),
        "LowRank.to_dense": lambda: low_rank().to_dense(1),
        "ThreeLayers.dimension": lambda: three_layers().dimension,
        "ThreeLayers.scalars": lambda: three_layers().scalars,
        "ThreeLayers.hidden": lambda: three_layers().hidden(),
        "ThreeLayers.arrays": lambda: three_layers().arrays(),
        "ThreeLayers.decision_function": lambda: three_layers().decision_function(POINTS, 1),
        "ThreeLayers.fired": lambda: three_layers().fired(POINTS, 1),
        "ThreeLayerTrainer.steps_per_epoch": lambda: three_layer_trainer().steps_per_epoch(),
        "ThreeLayerTrainer.set_steps_done": lambda: three_layer_trainer().set_steps_done(3),
        "ThreeLayerTrainer.first_work": lambda: three_layer_trainer().first_work(),
        "ThreeLayerTrainer.step": lambda: three_layer_trainer().step(0.1),
        "loss_names": _training.loss_names,
        "optimizer_names": _training.optimizer_names,
        "optimizer_defaults": _training.optimizer_defaults,
        "check_optimizer": lambda: _training.check_optimizer("adam", _training.optimizer_defaults()),
        "initialization_names": _training.initialization_names,
        "strategy_infos": _training.strategy_infos,
        "register_index": lambda: _training.register_index("stub", True, 1, 9, print)
        or _training.unregister_index("stub"),
        "unregister_index": lambda: registered(_training),
        "register_strategy": lambda: _training.register_strategy("stub", "nothing", "-", True, print)
        or _training.unregister_strategy("stub"),
        "unregister_strategy": registered_strategy,
        "load_plugin": lambda: _training.load_plugin(empty_plugin()),
        "firing_limits": lambda: _training.firing_limits(POINTS, POINTS[:, 0].copy(), 0.5, POINTS, 0.1, 2.0),
        "check_index": lambda: _training.check_index("convex-layers", True),
        "check_strategy": lambda: _training.check_strategy("dtree", "", True),
        "hashing_defaults": _training.hashing_defaults,
        "make_network": network,
        "random_network": lambda: _training.random_network(
            True, "ntk", 4, 4, 1, 0, -1.0, False, None, 0.0, None
        ),
        "make_trainer": trainer,
        "make_predictor": predictor,
        "check_labels": lambda: _training.check_labels("logistic", LABELS, 1),
        "losses_at": lambda: _training.losses_at("logistic", POINTS[:, :1].copy(), LABELS),
        "uniform_rows": lambda: _training.uniform_rows(IDS.astype(np.uint64), 3),
        "judge": lambda: _training.judge("logistic", POINTS[:, :1].copy(), LABELS),
        "make_low_rank": low_rank,
        "make_three_layers": lambda: _training.make_three_layers(
            POINTS, POINTS, np.ones((1, 4)), 0.1, 0.1, 1.0, 0
        ),
        "random_three_layers": three_layers,
        "make_three_layer_trainer": three_layer_trainer,
    },
}  # fmt: skip


@pytest.mark.parametrize("module", EXAMPLES)
def test_results_have_the_types_that_stubs_state(module):
    stated = results_of(stub(module), module)
    assert stated.keys() == EXAMPLES[module].keys(), "every function of a stub has an example here"
    for name, example in EXAMPLES[module].items():
        value = example()
        assert fits(value, stated[name]), f"{module}.{name} returns {value!r}; its stub says {stated[name]}"


def test_there_are_as_many_counts_as_work_has_fields():
    assert len(get_args(WorkCounts)) == len(dataclasses.fields(Work))
    *_, counts = index().count(POINTS, ZEROS, 1)
    assert dataclasses.asdict(Work(*counts))["candidates"] == counts[3]


def test_extension_classes_cannot_be_subclassed():
    for module in ("_certification", "_reporting", "_training"):
        for value in vars(importlib.import_module(f"sublinear.{module}")).values():
            if isinstance(value, type):
                with pytest.raises(TypeError, match="not an acceptable base type"):
                    builtins.type("Sub", (value,), {})
