"""A comparison of all strategies ends with one set of weights at every instruction set of this machine."""

import json
import math
import os
import subprocess
import sys

import sublinear as sl

STRATEGIES = ["dense", "weights", "data", "dtree", "wtree", "margin"]


def compared(folder, level):
    command = [sys.executable, "-m", "sublinear", "compare", "--width", "256", "--epochs", "2", "--out", level]
    environment = {**os.environ, "SUBLINEAR_SIMD": level}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / level / "results.json").read_text())


def test_a_comparison_has_one_set_of_weights_at_every_level(tmp_path):
    hashes = {}
    for level in sl.build_info()["simd_levels"]:
        results = compared(tmp_path, level)
        assert results["machine"]["simd_level"] == level
        assert [run["strategy"] for run in results["runs"]] == STRATEGIES
        for run in results["runs"]:
            assert run["exact"] is True
            assert run["seconds_per_epoch"] > 0
            assert math.isfinite(run["seconds_per_epoch"])
            assert 0 < run["clean_accuracy"] <= 1
            assert 0 < run["robust_accuracy"] <= 1
            hashes.setdefault(run["weights_sha256"], []).append((level, run["strategy"]))
    assert len(hashes) == 1, hashes
