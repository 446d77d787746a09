"""Dense computations of other libraries, which strategies are compared with."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sublinear.attacks import PGD
from sublinear.network import TwoLayerNetwork
from sublinear.threads import default_threads

if TYPE_CHECKING:
    from sublinear.experiments.settings import Experiment


class Peer(Protocol):
    """Trains a network with all neurons for every input."""

    def step(self, points: NDArray[Any], labels: NDArray[np.int64], rate: float) -> float:
        """One step on this batch; returns its mean loss at the attacked inputs."""

    def network(self) -> TwoLayerNetwork:
        """A network with the weights as they are now."""


def _numpy(net: TwoLayerNetwork, attack: PGD, threads: int) -> Peer:
    from sublinear.dense_peer import DensePeer

    return DensePeer(net, attack)


def _torch(net: TwoLayerNetwork, attack: PGD, threads: int) -> Peer:
    from sublinear.torch_peer import TorchPeer

    return TorchPeer(net, attack, threads)


#: Every peer by name: a function of the network, the attack and the number of threads.
PEERS: dict[str, Callable[[TwoLayerNetwork, PGD, int], Peer]] = {"numpy": _numpy, "torch": _torch}


#: What their libraries are called.
LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch"}


def installed_peers() -> tuple[str, ...]:
    """Those whose library is there; nothing is imported."""
    return tuple(name for name in PEERS if importlib.util.find_spec(name) is not None)


def make_peer(name: str, settings: Experiment, net: TwoLayerNetwork) -> Peer:
    """The peer that trains what `settings` say. ValueError for what peers do not know, ImportError without it."""
    attack = settings.attack()
    known = (settings.loss, settings.optimizer, settings.train_biases) == ("cross-entropy", "gradient", False)
    if not known or not isinstance(attack, PGD) or attack.random_start or attack.clip or attack.domain:
        raise ValueError(
            f"{name} knows cross-entropy, gradient descent and PGD without random starts, box or domain; leave it out "
            "where others are asked for"
        )
    return PEERS[name](net, attack, settings.threads or default_threads())


@contextmanager
def peer_threads(settings: Experiment) -> Iterator[None]:
    """While it lasts, BLAS has as many threads as strategies have."""
    with threadpool_limits(settings.threads or default_threads()):
        yield


def batches(n: int, size: int, order: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The rows of each step of an epoch: all in their order, or minibatches in an order of their own."""
    rows = np.arange(n) if size in (0, n) or size > n else order.permutation(n)
    for begin in range(0, n, size or n):
        yield rows[begin : begin + (size or n)]


def products_of_step(settings: Experiment, inputs: int) -> int:
    """Inner products of a step on so many inputs: two for each step of the attack, and two for the update."""
    return (2 * settings.steps + 2) * settings.width * inputs
