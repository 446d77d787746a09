"""The benchmark programs run and print what docs/benchmarks.md says, in miniature."""

import importlib
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import sublinear as sl

FOLDER = pathlib.Path(__file__).parent.parent / "benchmarks"


def run(script, *options, folder):
    target = folder / "results.json"
    command = [sys.executable, str(FOLDER / script), *options, "--json", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    return done.stdout, json.loads(target.read_text())


@pytest.fixture
def c_peers(monkeypatch):
    """What compiles the peers in C; skips where they cannot run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    compiled_c = importlib.import_module("compiled_c")
    try:
        compiled_c.openblas()
        compiled_c.compiled("read_bandwidth.c")
    except compiled_c.UnavailableError as missing:
        pytest.skip(str(missing))
    return compiled_c


def test_c_peers_agree_with_the_others(tmp_path, c_peers):
    """The program itself refuses a peer whose first steps differ from ours; 13 features fill no vector."""
    digits, wine = ("--widths", "256", "--batch", "600"), ("--dataset", "wine", "--widths", "48", "--outputs", "1")
    for options in ((*digits, "--norm", "inf", "--radius", "0.01"), (*wine, "--batch", "64", "--radius", "0.1")):
        training = ("--peers", "c", "--threads", "2", "--turns", "2", "--strategies", "margin")
        _, content = run("adversarial_training.py", *training, *options, folder=tmp_path)
        (result,) = content["results"]
        assert set(result["contestants"]) == {"c", "margin"}
        assert result["weights_differ"].keys() == {"c"}
        assert result["loss_after"]["c"] == pytest.approx(result["loss_after"]["margin"], rel=0.02)
    assert all(rate > 1e6 for rate in content["bandwidth"].values())
    # 2053 points leave a tile of five, which no vector has lanes for.
    sizes = ("--sizes", "2053x5,700x64", "--queries", "260", "--repeats", "1", "--threads", "2")
    _, content = run("half_space_reporting.py", *sizes, folder=tmp_path)
    for result in content["results"]:
        assert abs(result["reported"]["c"] - result["reported"]["brute-force"]) <= 1
    points = ("--points", "4096", "--dimensions", "2,5", "--queries", "10", "--repeats", "1", "--crossings", "0")
    _, content = run("low_dimensions.py", *points, folder=tmp_path)
    for d in (2, 5):
        counted = {row["contestant"]: row["reported"] for row in content["counting"] if row["dimension"] == d}
        assert abs(counted["scan"] - counted["kd-tree"]) <= 0.1


def test_c_peers_tell_what_the_processor_lacks(monkeypatch, c_peers):
    monkeypatch.setattr(pathlib.Path, "read_text", lambda _: "flags : sse2 avx2")
    with pytest.raises(c_peers.UnavailableError, match="neither AVX-512 nor AVX2 with FMA"):
        c_peers.compiled("count_c.c")


@pytest.mark.parametrize(
    "options",
    [
        ("--widths", "256,512", "--outputs", "1"),
        ("--widths", "256", "--outputs", "1,3", "--batch", "600", "--rate", "20"),
    ],
)
def test_training_benchmark(tmp_path, options):
    printed, content = run(
        "adversarial_training.py",
        *("--turns", "2", "--peers", "numpy-tiled", "--threads", "1", *options),
        folder=tmp_path,
    )
    assert "numpy-tiled" in printed
    assert ("margin: seconds grow like m^" in printed) == ("1,3" not in options)
    assert len(content["results"]) == 2
    for result in content["results"]:
        assert set(result["contestants"]) == {"numpy-tiled", "margin", "dense"}
        assert result["ratios"]["numpy+torch"] > 0
        assert result["peak_bytes"] > 1e7
        assert result["loss_after"]["margin"] < result["loss_before"]
        margin, dense = (result["contestants"][name] for name in ("margin", "dense"))
        assert margin["work"]["fired"] == dense["work"]["fired"] > 0
        low, high = margin["middle_half"]
        assert low <= margin["seconds"] <= high


def test_training_benchmark_records_where_it_ran_without_paths(tmp_path):
    path = tmp_path / "data.npz"
    rng = np.random.default_rng(0)
    np.savez(path, X=rng.standard_normal((60, 5)), y=np.arange(60) % 3)
    options = (
        "--dataset",
        str(path),
        "--widths",
        "32",
        "--turns",
        "2",
        "--peers",
        "",
        "--threads",
        "1",
        "--attack-steps",
        "0",
    )
    _, content = run("adversarial_training.py", *options, "--threads", "1", folder=tmp_path)
    assert str(tmp_path) not in json.dumps(content)
    assert content["command"][:3] == ["benchmarks/adversarial_training.py", "--dataset", "data.npz"]
    assert content["data"]["features"] == 5
    assert content["threads"] == 1
    assert content["simd"] == content["machine"]["simd_level"] == sl.simd_level()
    assert content["versions"]["numpy"] == np.__version__


def test_a_peer_that_trains_something_else_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    program, contestants = map(importlib.import_module, ("adversarial_training", "contestants"))
    make_peer = contestants.make_peer
    monkeypatch.setattr(
        program, "make_peer", lambda name, problem, rate, *rest: make_peer(name, problem, 2 * rate, *rest)
    )
    options = ["--widths", "32", "--turns", "2", "--peers", "numpy", "--outputs", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["adversarial_training.py", *options])
    with pytest.raises(SystemExit, match="numpy does not do the same training at width 32"):
        program.main()


def test_patches_are_natural_and_the_same_each_time(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    examples = importlib.import_module("examples")
    inputs, labels = examples.patches(count=50)
    assert inputs.shape == (50, 3072)
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 1, rtol=1e-5)
    assert 10 < labels.sum() < 40
    np.testing.assert_array_equal(inputs, examples.patches(count=50)[0])


def test_prediction_benchmark(tmp_path):
    options = ("--datasets", "digits", "teacher:n=300,d=5", "--widths", "64", "--rows", "300", "--turns", "3")
    printed, content = run("prediction.py", *options, "--epochs", "1", "--threads", "1", folder=tmp_path)
    assert "teacher:n=300,d=5" in printed
    assert [result["features"] for result in content["results"]] == [64, 5]
    for result in content["results"]:
        assert {"sublinear", "numpy"} <= result["contestants"].keys()
        assert all(one["timed"] == 2 and one["seconds"] > 0 for one in result["contestants"].values())
        assert 0 < result["fired_share"] < 1


def test_time_to_robust_accuracy_goes_on_where_its_budget_ended(tmp_path):
    options = ("digits", "--rows", "400", "--sides", "sublinear", "--recipes", "2", "--epochs", "2", "--seeds", "0")
    options += ("--target", "0.3", "--judge-steps", "3", "--threads", "1", "--threats", "l2")
    _, before = run("time_to_robust_accuracy.py", *options, "--budget", "0", folder=tmp_path)
    begun = len(before["runs"])
    assert begun < 3
    printed, content = run("time_to_robust_accuracy.py", *options, folder=tmp_path)
    phases = [(each["phase"], each["threat"]) for each in content["runs"]]
    assert phases == [("search", "l2")] * 2 + [("final", "l2")]
    assert "l2: seconds until 30 % robust" in printed
    assert content["runs"][:begun] == before["runs"]
    for each in content["runs"]:
        seconds = [one["seconds"] for one in each["curve"]]
        assert seconds == sorted(seconds)
        assert all(0 < one["robust"] <= one["clean"] <= 1 for one in each["curve"])
    command = [sys.executable, str(FOLDER / "time_to_robust_accuracy.py"), *options, "--margin", "0.1"]
    command += ["--json", str(tmp_path / "results.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "holds runs with settings" in done.stderr


def test_the_fastest_recipe_that_reaches_the_target_is_chosen(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    tables = importlib.import_module("robust_tables")
    curve = [{"seconds": 1.0, "robust": 0.5}, {"seconds": 2.0, "robust": 0.8}, {"seconds": 3.0, "robust": 0.7}]
    assert tables.reached(curve, 0.75) == 2
    assert tables.reached(curve, 0.5) == 1
    assert tables.reached(curve, 0.9) is None


def test_pages_show_what_the_committed_json_holds(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    tables = importlib.import_module("tables")
    assert tables.shown() == {path.name for path in tables.RESULTS.glob("*.json")}
    for page in tables.pages():
        text = page.read_text()
        assert tables.rewritten(text) == text, f"run python benchmarks/tables.py: {page}"
        assert all(len(line) <= 80 for match in tables.BLOCK.finditer(text) for line in match[4].splitlines())
        assert len(re.findall("^<!-- benchmark: ", text, re.MULTILINE)) == 2 * len(tables.BLOCK.findall(text))
    block = "<!-- benchmark: training_over_width.json ratios -->\nstale\n<!-- benchmark: end -->"
    assert "Dense peer over our best" in tables.rewritten(block)


def test_training_benchmark_refuses_unknown_strategy(tmp_path):
    command = [sys.executable, str(FOLDER / "adversarial_training.py"), "--strategies", "margin,best"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("best is no contestant; strategies are dense, ")


def test_reporting_benchmark(tmp_path):
    printed, content = run(
        "half_space_reporting.py",
        *(
            "--sizes",
            "500x3,300x20",
            "--queries",
            "20",
            "--repeats",
            "2",
            "--indexes",
            "brute-force,quantized-scan,kd-tree",
        ),
        folder=tmp_path,
    )
    assert "quantized-scan" in printed
    for result in content["results"]:
        assert result["reported"]["brute-force"] == result["reported"]["kd-tree"] > 0


def test_low_dimensions_benchmark(tmp_path):
    printed, content = run(
        "low_dimensions.py",
        *("--points", "4096", "--dimensions", "2,3", "--queries", "10", "--repeats", "2", "--crossings", "2"),
        folder=tmp_path,
    )
    assert "crossed grow like leaves^" in printed
    names = [row["contestant"] for row in content["counting"] if row["dimension"] == 2]
    assert names[-4:] == ["kd-tree", "ball-tree", "partition-tree", "convex-layers"]
    for row in content["counting"]:
        assert 0 < row["share"] <= 1
        assert row["seconds"] > 0
    assert content["crossings"][0]["points"] == [1024, 4096]


def test_multi_layer_benchmark(tmp_path):
    printed, content = run(
        "multi_layer.py",
        *("--widths", "64,128,256", "--inputs", "16", "--steps", "4", "--threads", "1"),
        folder=tmp_path,
    )
    assert "multiply-adds grow like m^" in printed
    assert content["growth"]["multiply_adds"] < content["growth"]["dense_multiply_adds"]
    for row in content["rows"]:
        assert row["multiply_adds"] < row["dense_multiply_adds"]
        assert row["last_loss"] < row["first_loss"]
        assert row["steps"] >= 4
        assert row["flushes"] >= 1
        assert row["seconds"] > 0


def test_examples_of_own_parts_are_timed_beside_ours(tmp_path):
    options = ("--rows", "200", "--width", "64", "--turns", "2", "--threads", "1")
    printed, content = run("own_parts.py", *options, folder=tmp_path)
    assert {"dense", "margin", "numpy", "weights:numpy-scan", "weights:sklearn-ball-tree"} <= content["finding"].keys()
    for name, each in content["finding"].items():
        assert each["exact"] != name.endswith("faiss-ivf")
        assert not each["exact"] or (each["same_bits"] and each["recall"] == 1)
        assert each["seconds"] > 0
    assert len(content["training"]) == 4
    assert "a strategy: NumPy product" in printed
    assert "attack MomentumAscent" in printed
