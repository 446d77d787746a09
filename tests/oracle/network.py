"""The two-layer network: how it is drawn, which neurons fire, its outputs and their gradient by the input."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from oracle.arithmetic import exponential, in_turn, inner_product, logarithm
from oracle.random_numbers import Purpose, RandomStream


@dataclass
class Network:
    """All arrays and both numbers in one dtype: weights (m, d), output_weights (m, c), biases (m,)."""

    weights: np.ndarray
    output_weights: np.ndarray
    biases: np.ndarray
    threshold: np.floating
    scale: np.floating
    activation: str

    @classmethod
    def of(cls, net) -> Network:
        """A copy of a network of the library."""
        T = net.dtype.type
        arrays = (np.array(each) for each in (net.weights, net.output_weights, net.biases))
        return cls(*arrays, T(net.threshold), T(net.scale), net.activation)

    def copy(self) -> Network:
        return replace(self, weights=self.weights.copy(), biases=self.biases.copy())

    @property
    def dtype(self) -> np.dtype:
        return self.weights.dtype

    @property
    def shift(self) -> np.floating:
        """What a fired neuron's pre-activation is lowered by."""
        return self.threshold if self.activation == "shifted" else self.dtype.type(0)

    def pre_activations(self, x: np.ndarray) -> np.ndarray:
        """(n, m)."""
        return inner_product(x[:, None, :], self.weights) + self.biases

    def fired(self, x: np.ndarray) -> np.ndarray:
        """Which neurons fire (n, m)."""
        return self.pre_activations(x) >= self.threshold

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """(n, c), summed over the fired neurons."""
        z = self.pre_activations(x)
        passed = np.where(z >= self.threshold, z - self.shift, 0)
        return in_turn(passed[:, :, None] * self.output_weights, 1) * self.scale


class FreshSums:
    """A batch of inputs on the way of an attack whose sums are over the fired neurons, wherever it is."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Goes to x (n, d); outputs there (n, c)."""
        self.x = x
        return self.network.outputs(x)

    def gradient(self, by_outputs: np.ndarray) -> np.ndarray:
        """The gradient by the inputs (n, d) where it is, from that by the outputs (n, c)."""
        coefficients = inner_product(self.network.output_weights, by_outputs[:, None, :])
        coefficients = np.where(self.network.fired(self.x), coefficients, 0)
        return in_turn(coefficients[:, :, None] * self.network.weights, 1)


class LinearForm:
    """A batch of inputs on the way of an attack whose sums follow the neurons that change sides at each move."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.fired: np.ndarray | None = None

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Goes to x (n, d); outputs there (n, c)."""
        net = self.network
        now = net.fired(x)
        before = np.zeros_like(now) if self.fired is None else self.fired
        signs = now.astype(net.dtype) - before.astype(net.dtype)
        coefficients = signs[:, :, None] * net.output_weights  # (n, m, c)
        moved = coefficients[..., None] * net.weights[:, None, :]
        offsets = coefficients * (net.biases - net.shift)[:, None]
        self.A = sum_by_signs(net, now) if self.fired is None else in_turn(moved, 1, self.A)
        self.B = in_turn(offsets, 1, 0.0 if self.fired is None else self.B)
        self.fired = now
        return (inner_product(self.A, x[:, None, :]) + self.B) * net.scale

    def gradient(self, by_outputs: np.ndarray) -> np.ndarray:
        """The gradient by the inputs (n, d) where it is, from that by the outputs (n, c)."""
        return in_turn(by_outputs[..., None] * self.A, 1)


def outputs_together(c: int, count: int) -> int:
    """How many outputs share patterns of signs where `count` neurons are summed; 1 where that adds no fewer rows."""
    best, rows = 1, count * c
    for together in range(2, min(c, 5) + 1):
        needed = count * -(-c // together) + c * 2 ** (together - 1)
        if needed < rows:
            best, rows = together, needed
    return best


def sum_by_signs(net: Network, fired: np.ndarray) -> np.ndarray:
    """The sums of a_rk w_r over the neurons that fire (n, c, d)."""
    c, size = net.output_weights.shape[1], np.abs(net.output_weights[0, 0])
    is_signs = size > 0 and (np.abs(net.output_weights) == size).all()
    sums = np.empty((len(fired), c, net.weights.shape[1]), net.dtype)
    for i, firing in enumerate(fired):
        together = outputs_together(c, int(firing.sum())) if is_signs else 1
        if together == 1:
            coefficients = np.where(firing[:, None], net.output_weights, 0)
            sums[i] = in_turn(coefficients[:, :, None] * net.weights[:, None, :], 0)
            continue
        for first in range(0, c, together):
            positive = net.output_weights[:, first : first + together] > 0
            bits = positive[:, 1:] != positive[:, :1]
            pattern = bits @ (1 << np.arange(bits.shape[1]))
            rows = np.where(positive[:, :1], net.weights, -net.weights)
            patterns = range(2 ** bits.shape[1])
            of_pattern = np.array([in_turn(np.where((firing & (pattern == p))[:, None], rows, 0), 0) for p in patterns])
            for k in range(positive.shape[1]):
                minus = np.array([k > 0 and p >> (k - 1) & 1 for p in patterns], bool)
                sums[i, first + k] = in_turn(np.where(minus, -size, size)[:, None] * of_pattern, 0)
    return sums


def visit(network: Network, gradients: int) -> FreshSums | LinearForm:
    """How outputs are summed on the way of an attack that asks for so many gradients."""
    c = network.output_weights.shape[1]
    sums = 1.0 if c == 1 else 3.0 * -(-c // 5)
    is_linear = sums + 0.05 * c * gradients <= 2.0 * gradients
    return LinearForm(network) if is_linear else FreshSums(network)


def draw_network(
    d: int,
    m: int,
    c: int,
    init: str,
    seed: int,
    dtype: str,
    coupled: bool = False,
    kappa: float | None = None,
    bias: str | None = None,
    bias_value: float = 0.0,
    activation: str | None = None,
) -> Network:
    """The network of an initialisation."""
    T = np.dtype(dtype).type
    named = init in ("gao", "zhang")  # those with small weights and random biases
    deviation = 1 / math.sqrt(m) if named else 1.0
    log_m = float(logarithm(np.float64(m)))
    size = {"gao": exponential(-0.2 * log_m), "zhang": exponential(-log_m / 3)}.get(init, 1.0)
    share = {"ntk": 0.4, "gao": 0.4, "hu": 0.48, "zhang": 0.0}[init]
    draws_biases = named if bias is None else bias == "gaussian"
    pairs = m // 2 if coupled else m
    weights = deviation * RandomStream(seed, Purpose.WEIGHTS).normals(pairs * d).reshape(pairs, d)
    biases = np.full(pairs, bias_value)
    if draws_biases:
        biases = deviation * RandomStream(seed, Purpose.BIASES).normals(pairs)
    signs = RandomStream(seed, Purpose.OUTPUT_WEIGHTS)
    a = np.array([[size if signs.next() >> 63 else -size for _ in range(c)] for _ in range(pairs)])
    if coupled:
        weights, biases, a = np.repeat(weights, 2, 0), np.repeat(biases, 2), np.repeat(a, 2, 0)
        a[1::2] *= -1
    threshold = (math.sqrt(share * log_m) if kappa is None else kappa) * (
        deviation * math.sqrt(2.0 if draws_biases else 1.0)
    )
    scale = 1.0 if named else 1 / math.sqrt(m)
    chosen = activation or ("jump" if init == "gao" else "shifted")
    return Network(weights.astype(T), a.astype(T), biases.astype(T), T(threshold), T(scale), chosen)
