"""The benchmark programs run and print what docs/benchmarks.md says, in miniature."""

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
