"""Settings and data every test shares."""

import os
import signal
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import settings

import sublinear as sl

# What a script starts in the background ignores Ctrl-C, and so do its children; tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("fixed")

# Libraries too large for the extra "test": not to collect is not to skip, which CI takes for a mistake.
_NEEDED = {
    "test_torch.py": ("torch",),
    "test_torch_optimizers.py": ("torch",),
    "test_onnx.py": ("onnx", "onnxruntime"),
}
collect_ignore = [file for file, names in _NEEDED.items() if not all(map(find_spec, names))]


def pytest_configure(config):
    config.addinivalue_line("markers", "posix: needs what Windows has not: signals, forks, modes of files, devices")


def pytest_collection_modifyitems(items):
    if os.name != "posix":
        for each in items:
            if each.get_closest_marker("posix"):
                each.add_marker(pytest.mark.skip(reason="needs POSIX"))


@pytest.fixture(params=[(kind, dtype) for kind in ("shifted", "jump") for dtype in ("float32", "float64")])
def integer_network(request):
    """A network of small integers with a scale of 1/2, and inputs: every sum is exact, in any order.

    Neuron 0 has z = threshold = 2 at the first input, and one less and one more at the others.
    """
    activation, dtype = request.param
    net = sl.TwoLayerNetwork(
        np.array([[1, 1], [2, -1], [0, 3]], dtype), [[1, 4], [2, -1], [8, 5]], [-1, 0, 0], 2.0, 0.5, activation
    )
    return net, np.array([[1, 2], [1, 1], [2, 2]], dtype)


@pytest.fixture(autouse=True)
def registries_as_they_were():
    """What a test registers, or an example of a page, is gone when it has ended."""
    before = set(sl.INDEXES.registered()), set(sl.STRATEGIES.registered())
    yield
    for name in set(sl.INDEXES.registered()) - before[0]:
        sl.unregister_index(name)
    for name in set(sl.STRATEGIES.registered()) - before[1]:
        sl.unregister_strategy(name)
