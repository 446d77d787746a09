"""The library against docs/determinism.md written once more (tests/oracle): the same bits, in hundreds of cases.

Neurons lie within a few ulps of their threshold at the inputs and on the way of the attack, so that whoever sums in
another order, or decides otherwise at the threshold, ends elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

import oracle
import oracle_cases
import sublinear as sl
from oracle.training import linear_rate
from oracle_cases import Case

BLOCKS, CASES = 8, 75  # tests, and cases in each


def library_attack(attack: oracle.Attack):
    return sl.PGD(**asdict(attack)) if attack != oracle.Attack() else sl.NoAttack()


def by_oracle(case: Case, problem: oracle_cases.Problem) -> dict[str, object]:
    net, x, y = problem.network.copy(), problem.x, problem.y
    rate = linear_rate(case.rate, 0.0, case.epochs) if case.falling else case.rate
    history = oracle.train(
        net, x, y, loss=case.loss, rate=rate, epochs=case.epochs, attack=case.attack, batch_size=case.batch_size,
        seed=case.seed, train_biases=case.train_biases, sample_weight=problem.weights, damping=case.damping,
    )  # fmt: skip
    attacked = oracle.attacked_inputs(case.attack, net, case.loss, x, y.astype(float), case.seed)
    return {
        "losses": (history.loss, history.robust_loss),
        "fired shares": history.fired_share,
        "weights": net.weights,
        "biases": net.biases,
        "outputs": net.outputs(x),
        "attacked inputs": attacked,
        "fired there": net.fired(attacked).astype(np.int8),
    }


def by_library(case: Case, problem: oracle_cases.Problem, strategy: str) -> dict[str, object]:
    start, x, y = problem.network, problem.x, problem.y
    net = sl.TwoLayerNetwork(
        start.weights, start.output_weights, start.biases, float(start.threshold), float(start.scale), start.activation
    )
    attack = library_attack(case.attack)
    kept = sl.Strategy.of(strategy)
    if case.tight and strategy in ("dense", "margin"):
        kept = kept.replace(max_bytes=case.m * 8)
    trainer = sl.Trainer(
        net, kept, attack, case.loss, sl.LinearRate(case.rate, 0.0, case.epochs) if case.falling else case.rate,
        batch_size=case.batch_size, threads=1 + case.seed % 2, seed=case.seed, train_biases=case.train_biases,
        optimizer="gradient" if case.damping is None else "gauss-newton", damping=case.damping or 1.0,
    )  # fmt: skip
    history = trainer.fit(x, y, case.epochs, sample_weight=problem.weights)
    classes = (-1.0, 1.0) if case.loss == "logistic" else None
    attacked = sl.attack_inputs(net, x, y, attack, case.loss, case.seed, 1, classes)
    return {
        "losses": (history.loss, history.robust_loss),
        "fired shares": history.fired_share,
        "weights": net.weights,
        "biases": net.biases,
        "outputs": net.decision_function(x).reshape(case.n, -1),
        "attacked inputs": attacked,
        "fired there": net.fired(attacked).to_scipy().toarray().astype(np.int8),
    }


def difference(case: Case) -> str | None:
    """What differs first, or nothing."""
    with np.errstate(all="ignore"):
        problem = oracle_cases.build(case)
        expected = by_oracle(case, problem)
    for strategy in ("dense", case.strategy):
        found = by_library(case, problem, strategy)
        for name, value in expected.items():
            if np.asarray(found[name]).tobytes() != np.asarray(value).tobytes():
                return f"{name} of {strategy}:\n{found[name]!r}\nby the oracle:\n{value!r}"
    return None


def smallest(case: Case) -> Case:
    """A case that differs and of which no simpler one that was tried does."""
    while True:
        for candidate in oracle_cases.simpler(case):
            try:
                differs = difference(candidate) is not None
            except (ValueError, sl.DivergenceError):
                continue
            if differs:
                case = candidate
                break
        else:
            return case


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_library_gives_the_oracles_bits(block):
    for seed in range(block * CASES, (block + 1) * CASES):
        case = oracle_cases.drawn(seed)
        if difference(case) is not None:
            case = smallest(case)
            pytest.fail(f"{case}\n{difference(case)}")


@pytest.mark.parametrize("init", sl.INITIALIZATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_are_drawn_as_the_oracle_draws_them(init, dtype):
    for seed, (options, c) in enumerate(
        [
            ({}, 1),
            ({"coupled": True, "bias": "gaussian"}, 3),
            ({"bias": "constant", "bias_value": -0.7, "kappa": 1.3, "activation": "jump"}, 2),
            ({"bias": "zero", "coupled": True, "activation": "shifted"}, 1),
        ]
    ):
        net = sl.TwoLayerNetwork.random(5, 46, c, init, seed, dtype=dtype, **options)
        expected = oracle.draw_network(5, 46, c, init, seed, dtype, **options)
        for name in ("weights", "output_weights", "biases"):
            assert getattr(net, name).tobytes() == getattr(expected, name).tobytes(), (name, options)
        assert (net.threshold, net.scale) == (float(expected.threshold), float(expected.scale)), options
        assert net.activation == expected.activation


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cases_are_hostile(dtype):
    """Neurons on and near their threshold, weights that move, neurons that change sides, inputs that are attacked."""
    counted = np.zeros(6)
    for seed in range(100):
        case = replace(oracle_cases.drawn(seed), dtype=dtype)
        with np.errstate(all="ignore"):
            problem = oracle_cases.build(case)
            ends = by_oracle(case, problem)
        net = problem.network
        above = np.abs(net.pre_activations(problem.x) - net.threshold)
        close = above <= 4 * np.spacing(np.abs(net.threshold) + np.abs(net.biases))
        counted += (
            (above == 0).any(axis=0).mean(),
            ((above > 0) & close).any(axis=0).mean(),
            (ends["weights"] != net.weights).any(),
            (ends["fired there"] != net.fired(problem.x)).any(),
            (ends["attacked inputs"] != problem.x).any(),
            np.isfinite(ends["weights"]).all(),
        )
        assert all(each != case for each in oracle_cases.simpler(case))
    assert (counted >= (8, 12, 75, 60, 60, 100)).all(), counted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_three_layer_networks_are_drawn_and_trained_to_the_oracles_bits(dtype):
    flushes = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        d, n, width = int(rng.integers(1, 25)), int(rng.integers(1, 13)), 2 * int(rng.integers(1, 20))
        batch_size = None if rng.random() < 0.4 else int(rng.integers(1, n + 1))
        rate, rank_limit = float(10.0 ** rng.uniform(-2, 0.5)), [None, None, 1, 7][seed % 4]
        options = (float(rng.uniform(0, 0.6)) if seed % 3 else None, bool(seed % 5 == 0), rank_limit)
        x = (rng.standard_normal((n, d)) / np.sqrt(d)).astype(dtype)
        y = rng.choice([-1.0, 1.0], n)
        net = sl.ThreeLayerNetwork.random(d, width, seed, *options, dtype=dtype)
        expected = oracle.draw_three_layers(d, width, seed, dtype, *options)
        assert net.hidden.to_dense().tobytes() == expected.hidden.tobytes()
        assert net.hidden_threshold == float(expected.hidden_threshold)
        history = net.fit(x, y, 4, rate, batch_size, 1 + seed % 2, seed)
        losses = oracle.train_three_layers(expected, x, y, rate, 4, batch_size, seed)
        assert history.loss == losses, seed
        assert net.hidden.to_dense().tobytes() == expected.dense().tobytes(), seed
        assert net.hidden.rank == len(expected.pairs), seed
        assert net.hidden.flushes == expected.flushes, seed
        assert net.decision_function(x).tobytes() == expected.outputs(x).tobytes(), seed
        flushes += expected.flushes
    assert flushes > 50
