"""Losses and their derivatives by the outputs, in double."""

from __future__ import annotations

import numpy as np

from oracle.arithmetic import exponential, in_turn, logarithm, sigmoid, softplus


def cross_entropy(f: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    largest = f.max(axis=1)
    shares = exponential(f - largest[:, None])
    total = in_turn(shares, 1)
    target = np.arange(f.shape[1]) == y[:, None]
    value = (largest + logarithm(total)) - f[target]
    return value, shares / total[:, None] - target


def squared(f: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    difference = f[:, 0] - y
    return (0.5 * difference) * difference, difference[:, None]


def absolute(f: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    difference = f[:, 0] - y
    return np.abs(difference), np.sign(difference)[:, None]


def logistic(f: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    margin = -(y * f[:, 0])
    return softplus(margin), (-y * sigmoid(margin))[:, None]


LOSSES = {"absolute": absolute, "squared": squared, "logistic": logistic, "cross-entropy": cross_entropy}


def loss_and_derivative(name: str, outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss (n,) at the outputs (n, c) and its derivative by them (n, c)."""
    return LOSSES[name](outputs.astype(np.float64), np.asarray(labels, np.float64))


def classified_rightly(name: str, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether the class of the outputs (n, c) is the label's (n,); always for losses of numbers."""
    if name == "cross-entropy":
        return outputs.argmax(axis=1) == labels
    return (outputs[:, 0] >= 0) == (labels > 0) if name == "logistic" else np.ones(len(labels), bool)
