"""The program as a user meets it."""

from __future__ import annotations

import inspect
import json
import math
import os
import shlex
import subprocess
import sysconfig
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import sublinear as sl
from sublinear.cli import app
from sublinear.compare import Settings

PROGRAM = Path(sysconfig.get_path("scripts")) / "sublinear"
TINY = ("--width", "256", "--epochs", "2", "--batch-size", "128", "--steps", "2", "--dataset", "wine")


@pytest.fixture
def run(tmp_path):
    def call(*arguments, **environment):
        variables = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **environment}
        return subprocess.run(
            [PROGRAM, *map(str, arguments)], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120
        )

    return call


def test_compare_prints_a_table_and_writes_the_results(run, tmp_path):
    done = run("compare", *TINY)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    results = json.loads((tmp_path / "sublinear-report" / "results.json").read_text())
    parts = {"dataset", "network", "attack", "training", "seed", "runs", "peers", "certified"}
    assert set(results) == parts | {"date", "command", "settings", "versions", "build", "machine"}
    sizes = {"n_train": 133, "n_test": 45, "n_features": 13, "classes": 3}
    sizes |= {"labels": [0, 1, 2], "split_seed": 0, "test_share": 0.25, "description": ""}
    content = sl.load_dataset("wine").record.sha256
    assert results["dataset"] == {"name": "wine", "sha256": content, **sizes, "normalization": "standard+unit"}
    assert results["settings"]["learning_rate"] == 200.0
    assert results["settings"]["strategies"][0]["name"] == "dense"
    assert set(results["settings"]) == {each.name for each in fields(Settings)}
    assert results["build"] == sl.build_info()
    assert datetime.fromisoformat(results["date"]).utcoffset() == timedelta(0)
    assert results["network"]["width"] == 256
    assert results["attack"] == {"name": "PGD", "radius": 0.05, "steps": 2, "norm": 2}
    assert {"sublinear", "numpy", "python", "git"} <= set(results["versions"])
    assert {"cpu", "simd_level", "threads"} <= set(results["machine"])
    strategies = [each["strategy"] for each in results["runs"]]
    assert strategies == ["dense", "weights", "data", "dtree", "wtree", "margin"]
    for each in results["runs"]:
        assert each["exact"] is True
        assert each["weights_sha256"] == results["runs"][0]["weights_sha256"]
        assert set(each["work"]) == {
            "inner_products",
            "quantized",
            "bounds",
            "candidates",
            "added",
            "fired",
            "rows_moved",
            "rows_reasked",
        }
        figures = [each[name] for name in ("build_seconds", "seconds_per_epoch", "clean_accuracy", "robust_accuracy")]
        assert all(isinstance(figure, float) and math.isfinite(figure) for figure in figures)
        assert isinstance(each["bytes"], int)
        assert len(each["fired_share"]) == len(each["candidates_share"]) == 2
        assert each["grover_calls"] == pytest.approx([math.sqrt(256 * (256 * share)) for share in each["fired_share"]])
        assert each["history"]["validation_robust_accuracy"][-1] == each["robust_accuracy"]
        assert {len(column) for column in each["history"].values()} == {2}
        row = next(line for line in done.stdout.splitlines() if line.strip().startswith(each["strategy"]))
        assert row.split()[-1] == ("ref." if each["strategy"] == "dense" else "yes")
    assert results["runs"][0]["work"] != results["runs"][1]["work"]
    assert "numpy" in [each["strategy"] for each in results["peers"]]
    for each in results["peers"]:
        assert each["exact"] is False
        assert each["robust_accuracy"] > 0.7
        assert len(each["history"]["seconds"]) == 2
    certified = results["certified"]
    assert certified["inputs"] == 45
    assert certified["certified"] <= results["runs"][0]["robust_accuracy"]
    assert certified["certified"] + certified["broken"] + certified["open"] == pytest.approx(1)
    said = " ".join(done.stdout.split())
    assert "The fastest exact strategy is" in said
    assert "dense training in NumPy" in said
    assert f"Of 45 test inputs {100 * results['runs'][0]['robust_accuracy']:.1f} % withstand the attack" in said
    assert "proved to withstand every attack" in said


def test_json_goes_to_standard_output_alone(run, tmp_path):
    done = run("compare", *TINY, "--json", "--strategies", "margin,weights:kd-tree", "--out", "there", "--norm", "inf")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "there" / "results.json").read_text())
    assert printed["attack"]["norm"] == "inf"
    assert [each["strategy"] for each in printed["runs"]] == ["margin", "weights:kd-tree"]
    assert all("epoch" in line for line in done.stderr.splitlines())


def test_the_same_bits_at_one_and_two_threads_and_every_simd_level(run):
    level_list = json.loads(run("info", "--json").stdout)["simd_levels"]
    hashes = set()
    for level in level_list:
        for threads in (1, 2):
            done = run("compare", *TINY, "--json", "--threads", threads, "--overwrite", SUBLINEAR_SIMD=level)
            printed = json.loads(done.stdout)
            assert printed["machine"]["simd_level"] == level
            assert printed["machine"]["threads"] == threads
            hashes |= {each["weights_sha256"] for each in printed["runs"]}
    assert len(hashes) == 1


def test_the_defaults_learn(run):
    done = run("compare", "--strategies", "dense,margin", "--peers", "none", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    for each in json.loads(done.stdout)["runs"]:
        assert each["clean_accuracy"] >= 0.95
        assert each["robust_accuracy"] >= 0.85
        assert each["fired_share"][-1] > 1.5 * each["fired_share"][0]


def test_the_command_in_the_results_repeats_them(run):
    first = json.loads(run("compare", *TINY, "--json", "--strategies", "margin,simhash:5x4", "--norm", "inf").stdout)
    program, *again = shlex.split(first["command"])
    assert program == "sublinear"
    second = json.loads(run(*again, "--json").stdout)
    for name in ("dataset", "network", "attack", "training", "seed", "command"):
        assert first[name] == second[name]
    assert [each["weights_sha256"] for each in first["runs"]] == [each["weights_sha256"] for each in second["runs"]]


def test_a_refused_strategy_leaves_the_others(run):
    done = run("compare", *TINY, "--strategies", "dense,dtree", "--max-bytes", "1000")
    assert done.returncode == 1
    assert "dtree was refused" in done.stderr
    assert "1000 bytes" in done.stderr
    assert any(line.split()[:1] == ["dense"] and line.split()[-1] == "-" for line in done.stdout.splitlines())
    assert "compared with nothing" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategies", "magic"), "'magic'"),
        (("--strategies", "dense,dense"), "each once"),
        (("--strategies", ","), "at least one"),
        (("--norm", "3"), "2 or inf"),
        (("--radius", "-1"), "radius is -1"),
        (("--steps", "-1"), "steps is -1"),
        (("--dataset", "mnist"), "'mnist'"),
        (("--width", "0"), "width is 0"),
        (("--epochs", "0"), "epochs is 0"),
        (("--threads", "-1"), "threads is -1"),
        (("--dtype", "float16"), "float16"),
        (("--out", "file/below"), "file"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(run, tmp_path, arguments, words):
    (tmp_path / "file").write_text("a file, not a folder")
    done = run("compare", *TINY, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("results.json"))


COMMANDS = ("compare", "train", "evaluate", "sweep", "scaling", "theory", "report", "info")


@pytest.mark.parametrize("arguments", [("--help",), *((name, "--help") for name in COMMANDS)])
def test_help_fits_80_columns(run, arguments):
    done = run(*arguments)
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_help_breaks_no_line_twice(command):
    """What is longer is broken once more at 80 columns, and the rest of it stands alone on a line."""
    paragraphs = inspect.cleandoc(command.callback.__doc__).split("\n\n")
    assert all(len(line) <= 78 for each in paragraphs if "\n" in each for line in each.splitlines())


def test_info_and_version(run):
    assert run("--version").stdout.startswith("sublinear 0.")
    done = run("info", SUBLINEAR_SIMD="")
    assert "simd_level" in done.stdout
    content = json.loads(run("info", "--json").stdout)
    assert content["simd_level"] in content["simd_levels"]
    assert (Path(content["include"]) / "sublinear" / "sublinear.hpp").is_file()
    narrow = run("info", COLUMNS="30").stdout.splitlines()
    assert len(narrow) == len(content)
    assert [line.split()[1] for line in narrow[-2:]] == [content["include"], content["cmake"]]
    for command in (("info",), ("compare", *TINY)):
        refused = run(*command, SUBLINEAR_SIMD="mmx")
        assert refused.returncode == 2
        assert "SUBLINEAR_SIMD=mmx" in refused.stderr
        assert "Traceback" not in refused.stderr
