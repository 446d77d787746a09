"""The benchmark programs run and print what docs/benchmarks.md says, in miniature."""

import importlib
import json
import pathlib
import subprocess
import sys

import pytest

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
    training = ("--widths", "64", "--steps", "2", "--peers", "c,numpy-tiled", "--threads", "2")
    for options in ((), ("--task", "digits", "--batch", "600")):
        _, content = run("adversarial_training.py", *training, *options, folder=tmp_path)
        assert set(content["results"][0]["contestants"]) == {"c", "numpy-tiled", "margin", "dense"}
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


@pytest.mark.parametrize("options", [(), ("--batch", "600"), ("--task", "digits", "--batch", "600")])
def test_training_benchmark(tmp_path, options):
    printed, content = run(
        "adversarial_training.py",
        *("--widths", "64,128", "--steps", "2", "--peers", "numpy-tiled", "--threads", "1", *options),
        folder=tmp_path,
    )
    assert "numpy-tiled" in printed
    assert "margin: seconds grow like m^" in printed
    for result in content["results"]:
        assert set(result["contestants"]) == {"numpy-tiled", "margin", "dense"}
        assert result["ratios"]["numpy+torch"] > 0
        assert result["peak_bytes"] > 1e7
        margin, dense = (result["contestants"][name]["work"] for name in ("margin", "dense"))
        assert margin["fired"] == dense["fired"] > 0


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
