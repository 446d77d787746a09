"""Theory beside measurement: the formulas against brute force, the measurements against NumPy."""

from __future__ import annotations

import itertools
import json
import math
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
from sublinear.claims import Claim, claim_of_growth, claim_of_values
from sublinear.cli import app
from sublinear.evaluation import attack_inputs
from sublinear.growth import Growth
from sublinear.intervals import Interval, mean_of
from sublinear.predictions import (
    eigenvalue_bound,
    firing_bound,
    firing_probability,
    query_exponent,
    separation,
    shifted_kernel,
    union_probability,
)
from sublinear.theory import TheorySettings, _run, by_place, theory

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


def drawn(init, coupled, seed=3, radius=0.1, m=300, **changes):
    settings = TheorySettings(init=init, iterations=6, steps=3, coupled=coupled, **changes)
    return _run(settings, 40, 6, m, radius, seed)


@pytest.mark.parametrize(("init", "coupled"), [("ntk", True), ("ntk", False), ("gao", True), ("gao", False)])
def test_measurements_are_those_of_dense_numpy(init, coupled):
    run = drawn(init, coupled)
    start, net, X = run.start, run.net, np.asarray(run.X, np.float64)

    def scores(of, points):
        return points @ np.asarray(of.weights, np.float64).T + np.asarray(of.biases, np.float64)

    before = scores(start, X) >= start.threshold
    assert run.share_at_start() == pytest.approx(before.mean())
    assert run.largest_share_at_start() == pytest.approx(before.mean(axis=1).max())
    assert run.union() == pytest.approx(before.any(axis=0).mean())
    after, moved = (scores(net, points) >= net.threshold for points in (X, np.asarray(run.attacked, np.float64)))
    assert run.flips_at_end() == pytest.approx((after != moved).sum() / after.sum())
    assert run.flips_at_end() > 0
    change = np.asarray(net.weights, np.float64) - np.asarray(start.weights, np.float64)
    assert run.drift() == pytest.approx(np.linalg.norm(change, axis=1).max())
    assert run.kernel() == pytest.approx((X @ X.T) * (before.astype(float) @ before.T) / 300)
    assert run.largest_output_at_start() == pytest.approx(np.abs(start.decision_function(X)).max())
    assert (run.largest_output_at_start() == 0) is coupled
    gaps = []
    for points in (X, np.asarray(run.attacked, np.float64)):
        linear = ((scores(start, points) >= start.threshold) * (points @ change.T)) @ start.output_weights[:, 0]
        changed = net.decision_function(points) - start.decision_function(points)
        gaps.append(np.abs(start.scale * linear - changed).max())
    assert run.pseudo_gap() == pytest.approx(max(gaps), rel=1e-3)
    assert run.history.robust_loss[-1] < run.history.robust_loss[0]


def test_the_gap_leaves_out_what_was_there_before_training():
    """Neurons that are not in pairs start at an f of their own, which no step of training made."""
    run = drawn("ntk", coupled=False)
    run.net = run.start
    assert run.largest_output_at_start() > 0.1
    assert run.pseudo_gap() == 0


def test_gao_trains_and_is_attacked_on_the_slice():
    run = drawn("gao", coupled=True)
    assert run.X.shape == (40, 8)
    for points in (run.X, run.attacked):
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(points[:, -1], 0.5, atol=1e-6)
    moved = np.linalg.norm(run.attacked - run.X, axis=1)
    assert 0.05 < moved.max() <= 0.1 + 1e-6
    assert run.attack.domain == "slice"
    assert drawn("ntk", coupled=True).attack.domain is None


@pytest.mark.parametrize("init", ["ntk", "gao"])
def test_flips_at_the_start_are_of_neurons_that_do_not_cancel(init):
    run = drawn(init, coupled=True)
    assert run.flips(run.start, run._attacked(run.start)) == 0, "pairs cancel, and the attack moves nothing"
    alone = drawn(init, coupled=False)
    assert run.flips_at_start() == alone.flips_at_start() > 0
    attacked = attack_inputs(alone.start, alone.X, alone.y, alone.attack, alone.setup.loss, alone.seed)
    assert alone.flips_at_start() == alone.flips(alone.start, attacked)


def test_gauss_newton_is_that_of_numpy():
    run = drawn("hu", coupled=True, m=2000)
    X, weights = np.asarray(run.X, np.float64), np.array(run.start.weights, np.float64)
    a, scale, threshold = np.asarray(run.start.output_weights[:, 0], np.float64), run.start.scale, run.start.threshold
    residuals = []
    for _ in range(8):
        z = X @ weights.T
        fires = z >= threshold
        rest = scale * (fires * (z - threshold)) @ a - run.y
        residuals.append(np.linalg.norm(rest))
        gram = scale**2 * (X @ X.T) * (fires.astype(float) @ fires.T)
        g = np.linalg.solve(gram + 1e-6 * np.trace(gram) / len(X) * np.eye(len(X)), rest)
        weights -= scale * a[:, None] * (fires.T @ (g[:, None] * X))
    ratios = [after / now for now, after in itertools.pairwise(residuals) if now > 1e-3 * residuals[0]]
    assert run.gauss_newton_ratio() == pytest.approx(max(ratios), rel=0.02)
    assert run.gauss_newton_ratio() < 1


def test_seeds_vary_network_and_data_and_rates():
    clean = {"radius": 0.0, "m": 512}
    runs = [drawn("ntk", True, seed, **clean) for seed in (0, 1)]
    assert not set(runs[0].X.ravel()) & set(runs[1].X.ravel())
    assert runs[0].rate != runs[1].rate
    for run in runs:
        largest = np.linalg.eigvalsh(run.kernel())[-1]
        smallest = np.linalg.eigvalsh(shifted_kernel(run.X, run.kappa))[0]
        assert run.rate == pytest.approx(len(run.X) / largest)
        assert run.contraction() == pytest.approx((1 - smallest / largest / 2) ** 5)
    content = theory(TheorySettings(**{**SMALL.__dict__, "radii": (0.0,), "widths": (128,)}))
    (claim,) = (claim for claim in content["claims"] if claim["name"] == "loss, last over first")
    assert len(set(claim["predicted"])) == 2


@pytest.mark.parametrize(
    ("relation", "measured", "verdict"),
    [
        ("equals", [0.9, 1.0, 1.1], "agrees"),
        ("equals", [1.4, 1.5, 1.6], "differs"),
        ("at most", [0.4, 0.5, 0.6], "holds"),
        ("at most", [1.4, 1.5, 1.6], "fails"),
        ("at most", [0.5, 1.0, 1.6], "open"),
        ("at least", [1.4, 1.5, 1.6], "holds"),
        ("at least", [0.4, 0.5, 0.6], "fails"),
        ("at most", [1.0, 1.0, 1.0], "holds"),
        ("at most", [0.9], "holds"),
        ("at least", [0.9], "fails"),
        ("equals", [1.0], "one seed"),
    ],
)
def test_a_verdict_is_of_the_interval_of_ratios(relation, measured, verdict):
    predicted = [10.0, 20.0, 40.0][: len(measured)]
    values = [ratio * stated for ratio, stated in zip(measured, predicted, strict=True)]
    claim = claim_of_values("it", "them", {}, values, relation, predicted)
    assert claim.verdict == verdict
    expected = mean_of(measured)
    assert (claim.ratio.value, claim.ratio.half_width) == (
        pytest.approx(expected.value),
        None if len(measured) == 1 else pytest.approx(expected.half_width),
    )
    assert claim.interval == mean_of(values)


def test_exponents_are_judged_by_differences():
    growth = Growth(-0.1, 1.0, -0.2, 0.0, 4, 3)
    assert claim_of_growth("it", "them", {}, growth, "equals", 0.0).verdict == "agrees"
    assert claim_of_growth("it", "them", {}, growth, "equals", 0.0).ratio is None
    assert claim_of_growth("it", "them", {}, growth, "at most", 0.3).verdict == "holds"
    assert claim_of_growth("it", "them", {}, growth, "at most", -0.3).verdict == "fails"
    assert claim_of_growth("it", "them", {}, growth, "at most", -0.15).verdict == "open"
    assert claim_of_growth("it", "them", {}, growth).verdict is None
    assert claim_of_growth("it", "them", {}, growth, "at most", -0.2).ratio == Interval(0.5, -0.0, 1.0)
    assert isinstance(claim_of_growth("it", "them", {}, growth), Claim)


@pytest.mark.parametrize(
    ("changes", "share", "bound"),
    [
        ({"kappa": 1.0}, 1.0, 1.0),
        ({"init": "hu"}, None, 0.76),
        ({"init": "ntk"}, None, 0.8),
        ({"init": "gao"}, None, 0.8),
    ],
)
def test_predicted_exponents_are_those_of_the_curves_at_the_same_widths(changes, share, bound):
    widths = (512, 1024, 2048, 4096)
    settings = TheorySettings(
        **{**SMALL.__dict__, "widths": widths, "seeds": 3, "iterations": 2, "strategies": ("dtree",), **changes}
    )
    claims = {claim["name"]: claim for claim in theory(settings)["claims"] if claim["kind"] == "exponent"}
    slope = {"hu": 0.48}.get(settings.init, 0.4)
    kappas = [settings.kappa or math.sqrt(slope * math.log(m)) for m in widths]

    def exponent(values):
        return np.polyfit(np.log(widths), np.log(values), 1)[0]

    fires = exponent([m * firing_probability(kappa) for m, kappa in zip(widths, kappas, strict=True)])
    updates = exponent([m * union_probability(kappa, 30) for m, kappa in zip(widths, kappas, strict=True)])
    fired = claims["fired by an input"]
    assert fired["predicted_mean"] == pytest.approx(fires, abs=1e-3)
    assert share is None or fires == pytest.approx(share)
    assert fired["mean"] == pytest.approx(fires, abs=0.1)
    assert claims["fired by an input, bound"]["predicted_mean"] == pytest.approx(bound, abs=1e-3)
    assert claims["updated in a step"]["predicted_mean"] == pytest.approx(updates, abs=1e-3)
    assert claims["dtree: inner products an iteration"]["predicted_mean"] == pytest.approx(
        max(fires, updates), abs=1e-3
    )


def test_hu_has_a_gauss_newton_row_and_gao_the_exponent_of_its_gap():
    small = {**SMALL.__dict__, "widths": (128, 256), "strategies": ("margin",)}
    hu = theory(TheorySettings(**{**small, "init": "hu"}))["claims"]
    rows = [claim for claim in hu if claim["name"] == "Gauss-Newton residual ratio"]
    assert [claim["at"]["m"] for claim in rows] == [128, 256]
    assert all(claim["verdict"] in ("holds", "open") for claim in rows)
    gao = theory(TheorySettings(**{**small, "init": "gao"}))["claims"]
    (gap,) = (claim for claim in gao if claim["kind"] == "exponent" and claim["name"] == "gap to the pseudo-network")
    drifts = [np.exp(np.mean(np.log(claim["measured"]))) for claim in gao if claim["name"] == "drift times m^(3/5)"]
    assert gap["predicted_mean"] == pytest.approx(2 * math.log2(drifts[1] / drifts[0]) - 0.1)


def test_one_seed_says_that_it_has_no_interval(tmp_path):
    arguments = [
        "theory",
        "--widths",
        "64,128",
        "--inputs",
        "10",
        "--features",
        "4",
        "--iterations",
        "2",
        "--seeds",
        "1",
    ]
    arguments += ["--strategies", "margin", "--out", str(tmp_path)]
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "without an interval" in " ".join(done.output.split())
    for claim in json.loads((tmp_path / "theory.json").read_text())["claims"]:
        assert claim["low"] is None
        assert claim["high"] is None
        assert claim["kind"] == "exponent" or claim["ratio_low"] is None
        if claim["relation"] == "equals":
            assert claim["verdict"] == "one seed"


def test_claims_have_what_tables_show(content):
    told = {"date", "settings", "command", "versions", "build", "machine"}
    assert set(content) == {"format", "datasets", "claims", "curves"} | told
    assert [len(each["sha256"]) for each in content["datasets"]] == [64] * len(content["datasets"])
    names = {claim["name"] for claim in content["claims"]}
    assert {
        "fired share, start",
        "fired on any input, start",
        "drift of a neuron",
        "gap to the pseudo-network",
    } <= names
    assert {"margin: inner products an iteration", "dense: bytes", "smallest eigenvalue, drawn"} <= names
    for claim in content["claims"]:
        assert all(math.isfinite(value) for value in claim["measured"])
        if claim["low"] is not None:
            assert claim["low"] <= claim["mean"] <= claim["high"]
        assert (claim["verdict"] is None) is (claim["relation"] is None) is (claim["predicted"] is None)
        if claim["relation"] is None:
            assert claim["source"] == "no claim"
    shares = [claim for claim in content["claims"] if claim["name"] == "fired share, start"]
    assert [claim["at"]["m"] for claim in shares] == [128, 256, 512]
    for claim in shares:
        kappa = math.sqrt(0.4 * math.log(claim["at"]["m"]))
        assert claim["predicted"] == pytest.approx([firing_probability(kappa)] * 2, rel=1e-6)
        assert claim["mean"] == pytest.approx(claim["predicted_mean"], rel=0.25)
    bounds = [claim for claim in content["claims"] if claim["name"] == "smallest eigenvalue, limit"]
    assert all(claim["verdict"] in ("holds", "open") for claim in bounds)  # of two seeds
    for claim in bounds:
        assert all(ours > theirs for ours, theirs in zip(claim["measured"], claim["predicted"], strict=True))
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
    assert claim["verdict"] == "holds"
    assert all(0 < ours < theirs < 1 for ours, theirs in zip(claim["measured"], claim["predicted"], strict=True))


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


def test_changed_pairs_are_counted_by_a_plain_loop():
    run = _run(SMALL, 30, 6, 128, 0.05, 0)
    start, net = np.zeros((30, 128), bool), np.zeros((30, 128), bool)
    for row in range(30):
        start[row, run.start.fired(run.X)[row]] = True
        net[row, run.net.fired(run.X)[row]] = True
    assert 0 < run.changed_since_start() < 1
    assert run.changed_since_start() == pytest.approx((start ^ net).sum() / (start | net).sum())
