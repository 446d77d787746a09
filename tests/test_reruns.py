"""A run done again replaces its results; those of another run are replaced when somebody says so, and only then."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear.cli.compare
from sublinear.cli import app
from sublinear.reruns import check_replaceable

TINY = ("compare", "--width", "32", "--epochs", "1", "--steps", "1", "--strategies", "dense,margin")


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((40, 3)), y=np.arange(40) % 2)
    return tmp_path


def compare(folder, *more, data="data.npz"):
    arguments = [*TINY, "--dataset", str(folder / data), "--out", str(folder / "out"), *more]
    return CliRunner().invoke(app, arguments)


def results(folder):
    return json.loads((folder / "out" / "results.json").read_text())


def test_the_same_run_again_replaces_its_results_and_says_so(folder):
    assert compare(folder).exit_code == 0
    first = results(folder)
    shutil.move(folder / "data.npz", folder / "moved.npz")
    again = compare(folder, data="moved.npz")
    assert again.exit_code == 0, again.stderr
    assert again.stdout.splitlines()[-1] == f"In place of the results of {first['date']}."
    second = results(folder)
    assert [run["weights_sha256"] for run in second["runs"]] == [run["weights_sha256"] for run in first["runs"]]
    assert second["command"] != first["command"]


def change_data(folder):
    rng = np.random.default_rng(1)
    np.savez(folder / "data.npz", X=rng.standard_normal((40, 3)), y=np.arange(40) % 2)


def change_results(**changes):
    def change(folder):
        content = results(folder)
        for part, values in changes.items():
            content[part] |= values
        (folder / "out" / "results.json").write_text(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ("options", "change", "words"),
    [
        (("--epochs", "2"), None, "epochs 1, now 2; give another folder with --out, or replace them with --overwrite"),
        (("--seed", "1"), None, "seed 0, now 1"),
        (("--strategies", "dense"), None, "strategies others, now others"),
        ((), change_data, "content of the data sha256 "),
        ((), change_results(versions={"numpy": "1.0"}), "numpy 1.0, now "),
        ((), change_results(build={"compiler": "GCC 1.0"}), "compiler GCC 1.0, now "),
        ((), change_results(machine={"cpu": "abacus"}), "cpu abacus, now "),
        ((), lambda folder: (folder / "out" / "results.json").write_text("my notes"), "holds no results"),
        ((), lambda folder: (folder / "out" / "results.json").write_text("{}"), "holds no results"),
    ],
)
def test_the_results_of_another_run_are_refused_before_training(folder, monkeypatch, options, change, words):
    assert compare(folder).exit_code == 0
    if change is not None:
        change(folder)
    before = (folder / "out" / "results.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sublinear.cli.compare, "compare", None)  # nothing is trained
        refused = compare(folder, *options)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert (folder / "out" / "results.json").read_bytes() == before
    told = compare(folder, *options, "--overwrite")
    assert told.exit_code == 0
    assert "In place of the results of" in told.stdout
    assert (folder / "out" / "results.json").read_bytes() != before


def test_free_memory_may_differ(folder):
    assert compare(folder).exit_code == 0
    change_results(machine={"memory_available": 1})(folder)
    assert compare(folder).exit_code == 0


def test_results_of_an_earlier_version_are_another_run(tmp_path):
    path = tmp_path / "results.json"
    assert check_replaceable(path, {}, False) is None
    path.write_text('{"seed": 0, "runs": []}')
    now = {"settings": {}, "versions": {}, "build": {}, "machine": {}}
    with pytest.raises(ValueError, match="of an unknown date: an earlier version wrote them, they have no settings"):
        check_replaceable(path, now, False)
    assert check_replaceable(path, now, True) == "an unknown date"


def test_theory_is_kept_as_well(tmp_path):
    arguments = ["theory", "--widths", "32", "--inputs", "12", "--features", "4", "--iterations", "2", "--steps", "1"]
    arguments += ["--strategies", "dense", "--seeds", "1", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0
    assert "In place of the results of" in again.stdout
    refused = CliRunner().invoke(app, [*arguments, "--seeds", "2"])
    assert refused.exit_code == 2
    assert "holds the results of another run" in refused.stderr
    assert "seeds 1, now 2" in refused.stderr
