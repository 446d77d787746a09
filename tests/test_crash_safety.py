"""Runs that are killed, and disks that are full: nothing is lost. tests/kill_harness.py kills many more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

import kill_harness
import sublinear as sl
from sublinear.training_run import CHECKPOINT, NETWORK, TrainSettings, train

SMALL = {"dataset": "iris", "width": 64, "batch_size": 16, "epochs": 4, "learning_rate": 20.0, "schedule_epochs": 40}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(TrainSettings(**SMALL), tmp_path_factory.mktemp("whole"))


@pytest.mark.posix
def test_killed_runs_go_on_with_the_same_bits():
    settings = {"dataset": "iris", "width": 256, "batch_size": 16, "epochs": 6, "schedule_epochs": 40, "steps": 3}
    tally = kill_harness.run(3, settings=settings, variants=({},))
    assert tally.problems == []
    assert tally.kills == 3
    assert tally.resumes + tally.before_the_first_checkpoint == 3


@pytest.mark.parametrize("at", [7, 14, 16])
def test_an_epoch_that_ended_unjudged_is_judged_and_not_trained_again(whole, tmp_path, at):
    seen = []

    def stop(progress, before):
        seen.append(progress)
        if len(seen) == at:
            raise KeyboardInterrupt

    train(TrainSettings(**SMALL), tmp_path, watch=stop)
    resumed = train(TrainSettings(**SMALL, strategy="dense"), tmp_path, resume=True)
    assert np.array_equal(resumed.network.weights, whole.network.weights)
    for name in kill_harness.COMPARED:
        assert resumed.history[name] == whole.history[name], name
    assert sl.Checkpoint.load(tmp_path / CHECKPOINT).steps_done == 4 * 7


def command(folder, *more):
    words = [word for name, value in SMALL.items() for word in ("--" + name.replace("_", "-"), str(value))]
    return [sys.executable, "-m", "sublinear", "train", *words, "--out", str(folder), *more]


def test_a_disk_too_full_for_what_the_run_writes_is_found_out_before_training(tmp_path, monkeypatch):
    usage, steps = namedtuple("usage", "total used free"), []

    def train_with(free):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        (tmp_path / "run").mkdir()
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 0, free))
        return train(TrainSettings(**SMALL | {"epochs": 1}), tmp_path / "run", watch=lambda *_: steps.append(1))

    words = r"No space left on device: the run writes up to (\d+) bytes more and \d+ are free"
    with pytest.raises(OSError, match=words) as refused:
        train_with(6_000)
    needed = int(re.search(words, str(refused.value))[1])
    assert steps == []
    with pytest.raises(OSError, match=words):
        train_with(needed - 1)
    train_with(needed)
    assert len(steps) == 7
    # What it said it needs is what it took, up to a few kilobytes; checkpoints are written beside the one there.
    written = sum(path.stat().st_size for path in (tmp_path / "run").iterdir())
    assert (tmp_path / "run" / CHECKPOINT).stat().st_size > 2_000
    assert needed - 6_000 < written <= needed


@pytest.mark.posix
@pytest.mark.parametrize("room", [1_000, 12_000])
def test_a_full_disk_ends_in_one_sentence_before_training(tmp_path, room):
    """A disk of its own where the system lends one, else a limit on the size of files, which fails alike."""
    folder, limit = tmp_path / "disk", None
    folder.mkdir()
    mount = shutil.which("mount") if os.geteuid() == 0 else None
    mounted = mount is not None and not subprocess.call(
        [mount, "-t", "tmpfs", "-o", f"size={max(room, 4096)}", "none", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        if not mounted:
            import resource

            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))  # noqa: E731
        done = subprocess.run(command(folder), capture_output=True, text=True, preexec_fn=limit, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "error:" in done.stderr
        assert "No space left on device" in done.stderr or (limit and "File too large" in done.stderr)
        assert "Traceback" not in done.stderr
        assert not (folder / NETWORK).exists()
        assert not [each for each in folder.iterdir() if each.name.startswith(".")]
    finally:
        if mounted:
            subprocess.check_call(["umount", str(folder)])


def test_a_folder_that_cannot_be_written_is_one_sentence_before_training(tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = subprocess.run(command(tmp_path / "file" / "run"), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
