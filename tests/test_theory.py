"""Theory beside measurement: the formulas against brute force, the measurements against NumPy."""

from __future__ import annotations

import json
import math
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
from sublinear.cli import app
from sublinear.predictions import (
    eigenvalue_bound,
    firing_bound,
    firing_probability,
    query_exponent,
    separation,
    shifted_kernel,
    union_probability,
)
from sublinear.theory import TheorySettings, _Run, by_place, theory

SMALL = TheorySettings(
    widths=(128, 256, 512), inputs=(30,), features=(6,), iterations=8, steps=3, seeds=2, strategies=("dense", "margin")
)


@pytest.fixture(scope="module")
def content():
    return theory(SMALL)


def unit(n, d, seed=0):
    points = np.random.default_rng(seed).standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_gaussian_tails_are_those_of_scipy():
    from scipy.stats import norm

    for kappa in (0.0, 0.5, 2.0, 5.0):
        assert firing_probability(kappa) == pytest.approx(norm.sf(kappa), rel=1e-12)
        assert firing_probability(kappa) <= firing_bound(kappa)
        assert union_probability(kappa, 7) == pytest.approx(1 - norm.cdf(kappa) ** 7, rel=1e-9)


@pytest.mark.parametrize("kappa", [0.0, 0.7, 1.8])
def test_the_shifted_kernel_is_what_drawn_neurons_estimate(kappa):
    X = unit(8, 3)
    X[1], X[2] = X[0], -X[0]  # equal and opposite inputs
    kernel = shifted_kernel(X, kappa)
    draws = 400_000
    fires = (np.random.default_rng(1).standard_normal((draws, 3)) @ X.T >= kappa).astype(float)
    together = fires.T @ fires / draws
    error = 5 * np.sqrt(together * (1 - together) / draws) + 1e-5
    assert (np.abs((X @ X.T) * together - kernel) <= error).all()
    assert kernel[0, 1] == pytest.approx(firing_probability(kappa))
    assert kernel[0, 2] == pytest.approx(0, abs=1e-7)
    with pytest.raises(ValueError, match="has length 2"):
        shifted_kernel(2 * X, kappa)


def test_the_eigenvalue_bound_holds_where_inputs_are_apart():
    for seed in range(5):
        X = unit(12, 4, seed)
        for kappa in (0.0, 1.0, 2.0):
            smallest = np.linalg.eigvalsh(shifted_kernel(X, kappa))[0]
            assert smallest >= eigenvalue_bound(kappa, separation(X), len(X)) > 0


def test_separation_is_over_pairs_and_signs():
    X = unit(9, 4)
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    expected = min(min(np.linalg.norm(X[i] - X[j]), np.linalg.norm(X[i] + X[j])) for i, j in pairs)
    assert separation(X) == pytest.approx(expected)
    assert separation(np.vstack([X, -X[3]])) == pytest.approx(0, abs=1e-7)
    assert [query_exponent(d) for d in (2, 3, 4, 5, 6, 16)] == [0, 0, 0.5, 0.5, pytest.approx(2 / 3), 0.875]


@pytest.mark.parametrize("init", ["ntk", "gao"])
def test_measurements_are_those_of_dense_numpy(init):
    data = sl.load_dataset("sphere:n=40,d=6", normalization="unit")
    settings = TheorySettings(init=init, iterations=6, steps=3, coupled=init == "ntk")
    run = _Run(settings, data, 300, 0.1, seed=3)
    start, net, X = run.start, run.net, np.asarray(run.X, np.float64)

    def scores(of, points):
        return points @ np.asarray(of.weights, np.float64).T + np.asarray(of.biases, np.float64)

    before = scores(start, X) >= start.threshold
    assert run.share(run.fired_before) == pytest.approx(before.mean())
    assert run.union() == pytest.approx(before.any(axis=0).mean())
    after, moved = (scores(net, points) >= net.threshold for points in (X, np.asarray(run.attacked, np.float64)))
    assert run.flips(net, run.attacked) == pytest.approx((after != moved).sum() / after.sum())
    assert run.flips(net, run.attacked) > 0
    change = np.asarray(net.weights, np.float64) - np.asarray(start.weights, np.float64)
    assert run.drift() == pytest.approx(np.linalg.norm(change, axis=1).max())
    assert run.kernel() == pytest.approx((X @ X.T) * (before.astype(float) @ before.T) / 300)
    gaps = []
    for points in (X, np.asarray(run.attacked, np.float64)):
        linear = ((scores(start, points) >= start.threshold) * (points @ change.T)) @ start.output_weights[:, 0]
        gaps.append(np.abs(start.scale * linear - net.decision_function(points)).max())
    assert run.pseudo_gap() == pytest.approx(max(gaps), rel=1e-4)
    assert run.history.robust_loss[-1] < run.history.robust_loss[0]


def test_claims_have_what_tables_show(content):
    told = {"date", "settings", "command", "versions", "build", "machine"}
    assert set(content) == {"format", "datasets", "claims", "curves"} | told
    assert [len(each["sha256"]) for each in content["datasets"]] == [64] * len(content["datasets"])
    names = {claim["name"] for claim in content["claims"]}
    assert {"fired share at the start", "fired on any input", "drift of a neuron", "gap to the pseudo-network"} <= names
    assert {"margin: inner products an iteration", "dense: bytes", "smallest eigenvalue, drawn"} <= names
    for claim in content["claims"]:
        assert all(math.isfinite(value) for value in claim["measured"])
        if claim["low"] is not None:
            assert claim["low"] <= claim["mean"] <= claim["high"]
        if claim["relation"] in ("at most", "at least"):
            assert claim["holds"] is (
                claim["mean"] <= claim["theory"] if claim["relation"] == "at most" else claim["mean"] >= claim["theory"]
            )
    shares = [claim for claim in content["claims"] if claim["name"] == "fired share at the start"]
    assert [claim["at"]["m"] for claim in shares] == [128, 256, 512]
    for claim in shares:
        kappa = math.sqrt(0.4 * math.log(claim["at"]["m"]))
        assert claim["theory"] == pytest.approx(firing_probability(kappa), rel=1e-6)
        assert claim["mean"] == pytest.approx(claim["theory"], rel=0.25)
    bounds = [claim for claim in content["claims"] if claim["name"] == "smallest eigenvalue, limit"]
    assert all(claim["holds"] for claim in bounds)
    (dense,) = (claim for claim in content["claims"] if claim["name"] == "dense: bytes")
    assert dense["mean"] == pytest.approx(1)
    assert len(content["curves"]) == 3
    for name in ("robust_loss", "fired_share"):
        assert [len(column) for column in content["curves"][0][name]] == [8, 8]


def test_coupled_neurons_start_at_loss_one_half(content):
    first = [claim for claim in content["claims"] if claim["name"] == "robust loss, first"]
    assert all(claim["measured"] == [0.5, 0.5] for claim in first)


def test_clean_training_contracts_as_fast_as_the_theory_says():
    clean = theory(TheorySettings(widths=(2048,), inputs=(10,), features=(12,), radii=(0.0,), seeds=2, iterations=10))
    (claim,) = (claim for claim in clean["claims"] if claim["name"] == "loss, last over first")
    assert claim["holds"]
    assert 0 < claim["mean"] < claim["theory"] < 1


def test_the_program_prints_and_writes_it(tmp_path, content):
    program, *arguments = shlex.split(content["command"])
    assert program == "sublinear"
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*arguments, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert max(len(line) for line in done.output.splitlines() if not line.startswith("Written:")) <= 80
    assert "n = 30, d = 6, radius 0.05" in done.output
    written = json.loads((tmp_path / "theory.json").read_text())
    assert written["command"] == content["command"]
    counted = [claim for claim in content["claims"] if "second" not in claim["name"]]
    again = [claim for claim in written["claims"] if "second" not in claim["name"]]
    assert again == json.loads(json.dumps(counted))


def test_a_report_shows_claims_beside_their_bounds(tmp_path, content):
    (tmp_path / "theory.json").write_text(json.dumps(content))
    sl.write_report([tmp_path], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Theory beside measurement: ntk, n = 30, d = 6, radius 0.05" in page
    for text in (
        "Q(kappa)",
        "radius of the theory",
        "independent inputs",
        "mean loss under attack",
        "share of neurons, under attack",
        "neurons m",
    ):
        assert text in page
    rows = sl.load_results(tmp_path)
    assert len(rows) == len(content["claims"])
    assert {row["kind"] for row in rows} == {"theory"}


def test_places_keep_their_claims_apart():
    grid = theory(TheorySettings(**{**SMALL.__dict__, "widths": (64, 128), "radii": (0.0, 0.1), "seeds": 1}))
    places = by_place(grid["claims"])
    assert list(places) == ["n = 30, d = 6, radius 0", "n = 30, d = 6, radius 0.1"]
    assert all(claim["at"]["radius"] == 0.1 for claim in places["n = 30, d = 6, radius 0.1"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"widths": ()}, "widths is empty"),
        ({"init": "he"}, "known are 'ntk'"),
        ({"strategies": ("simhash",)}, "approximate"),
        ({"radii": (-1.0,)}, "radius is -1"),
        ({"seeds": 0}, "seeds is 0"),
        ({"iterations": 1}, "iterations is 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        TheorySettings(**changes)


def test_data_of_many_classes_is_refused():
    with pytest.raises(ValueError, match="10 classes"):
        theory(TheorySettings(dataset="digits", features=(0,), widths=(64,)))
