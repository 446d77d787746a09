"""Data and names that the benchmarks share.

Names are written out, not read from the package: parameters must be the same for every commit that is compared.
"""

import functools
import os

import numpy as np

import sublinear as sl

#: Set SUBLINEAR_BENCH_LARGE=1 for sizes at which asymptotics show; the default ends in minutes.
LARGE = os.environ.get("SUBLINEAR_BENCH_LARGE", "0") == "1"

POINTS = 200_000 if LARGE else 20_000
WIDTH = 16_384 if LARGE else 1_024
QUERIES = 64
ONE_PERCENT = 2.326  # where a hundredth of standard normal numbers begins

INDEXES = ("brute-force", "quantized-scan", "kd-tree", "ball-tree", "partition-tree", "convex-layers")
SERVES = {"partition-tree": range(1, 17), "convex-layers": range(2, 3)}
STRATEGIES = ("dense", "weights", "data", "dtree", "wtree", "margin", "static", "simhash")
DIMENSIONS = (2, 4, 8, 16, 64)


def gaussian_points(count, dimension, seed=0):
    """Standard normal points, float32."""
    return np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)


def require_served(index, dimension):
    """Skips what an index does not serve, as asv wants it: NotImplementedError in setup."""
    if dimension not in SERVES.get(index, range(1, 1000)):
        raise NotImplementedError(f"{index} does not serve {dimension} dimensions")


def require_strategy(strategy):
    """Skips what a commit does not have yet."""
    if strategy not in sl.STRATEGIES:
        raise NotImplementedError(f"there is no strategy {strategy}")


def unit_normals(count, dimension, seed=1):
    """Random directions, float32: over Gaussian points the products are then standard normal in any dimension."""
    normals = gaussian_points(count, dimension, seed)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def inner_products_ratio(index, dimension):
    """Inner products of a batch of queries over an index of standard normal points, as a share of points x queries."""
    limits = np.full(QUERIES, ONE_PERCENT)
    work = index.report_batch(unit_normals(QUERIES, dimension), limits, threads=1).work
    return work.inner_products / (QUERIES * len(index))


@functools.cache
def unit_digits():
    """Scikit-learn's digits with rows of length 1, float32, and their classes."""
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    return (inputs / np.linalg.norm(inputs, axis=1, keepdims=True)).astype(np.float32), labels


def digits_trainer(strategy, threads=1):
    """A trainer of a network for `unit_digits`, with nothing built yet."""
    return sl.Trainer(
        sl.TwoLayerNetwork.random(64, WIDTH, n_outputs=10, seed=0),
        strategy=strategy,
        attack=sl.PGD(radius=0.05, steps=10),
        loss="cross-entropy",
        learning_rate=100.0,
        batch_size=64,
        threads=threads,
        seed=0,
    )


def trained_network():
    """The network of `digits_trainer` after an epoch."""
    trainer = digits_trainer("margin")
    trainer.fit(*unit_digits())
    return trainer.net
