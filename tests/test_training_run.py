"""`sublinear train` and `evaluate`: runs that are stopped anywhere go on with the same bits."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
from sublinear.cli import app
from sublinear.interrupts import deferred_interrupt
from sublinear.training_run import CHECKPOINT, HISTORY, NETWORK, TrainSettings, train

SMALL = {"dataset": "iris", "width": 64, "batch_size": 16, "epochs": 4, "learning_rate": 20.0}
OPTIONS = ["--dataset", "iris", "--width", "64", "--batch-size", "16", "--learning-rate", "20"]


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return train(TrainSettings(**SMALL), folder), folder


def test_a_run_writes_its_network_and_history(whole):
    outcome, folder = whole
    assert outcome.ending == "finished"
    assert outcome.epochs_done == 4
    assert {each.name for each in folder.iterdir()} == {CHECKPOINT, NETWORK, HISTORY}
    network = sl.TwoLayerNetwork.load(folder / NETWORK)
    assert np.array_equal(network.weights, outcome.network.weights)
    history = json.loads((folder / HISTORY).read_text())
    assert len(history["history"]["loss"]) == len(history["history"]["validation_robust_accuracy"]) == 4
    assert history["settings"]["width"] == 64
    checkpoint = sl.Checkpoint.load(folder / CHECKPOINT)
    assert checkpoint.steps_done == 4 * 7
    assert np.array_equal(checkpoint.network.weights, network.weights)


class Stop(Exception):
    pass


@pytest.mark.parametrize("at", [1, 6, 7, 8, 20])
@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop])
def test_stopped_at_any_step_and_resumed_with_the_same_bits(whole, tmp_path, at, error):
    seen = []

    def stop(progress, before):
        seen.append(progress)
        if len(seen) == at:
            raise error

    settings = TrainSettings(**SMALL)
    if error is KeyboardInterrupt:  # saves where it stands
        outcome = train(settings, tmp_path, watch=stop)
        assert outcome.ending == "interrupted"
        assert not (tmp_path / NETWORK).exists()
        assert sl.Checkpoint.load(tmp_path / CHECKPOINT).steps_done == at
    else:  # as if killed: only what was saved before is there
        with pytest.raises(Stop):
            train(settings, tmp_path, watch=stop)
        assert sl.Checkpoint.load(tmp_path / CHECKPOINT).steps_done == (at - 1) // 7 * 7
    resumed = train(settings, tmp_path, resume=True)
    assert resumed.ending == "finished"
    assert np.array_equal(resumed.network.weights, whole[0].network.weights)
    assert len(resumed.history["loss"]) == 4


def test_minutes_make_checkpoints_within_epochs(tmp_path, monkeypatch):
    clock = iter(range(0, 100_000, 31))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    steps = []

    def watch(progress, before):
        steps.append(sl.Checkpoint.load(tmp_path / CHECKPOINT).steps_done)

    train(TrainSettings(**SMALL | {"epochs": 1, "checkpoint_minutes": 1.0}), tmp_path, watch=watch)
    assert len(set(steps)) > 2


def test_other_settings_are_refused_and_free_ones_are_not(whole, tmp_path):
    settings = TrainSettings(**SMALL)

    def stop(progress, before):
        raise KeyboardInterrupt

    train(settings, tmp_path, watch=stop)
    with pytest.raises(ValueError, match=r"started with --radius 0\.05, not 0\.1; resume it with that"):
        train(TrainSettings(**SMALL | {"radius": 0.1}), tmp_path, resume=True)
    with pytest.raises(ValueError, match="holds a training run; go on with --resume"):
        train(settings, tmp_path)
    other = TrainSettings(**SMALL | {"strategy": "dense", "threads": 1, "checkpoint_epochs": 3})
    assert np.array_equal(train(other, tmp_path, resume=True).network.weights, whole[0].network.weights)


def test_a_setting_that_is_a_long_text_is_told_of_in_one_short_line(whole, tmp_path):
    state = sl.Checkpoint.load(whole[1] / CHECKPOINT)
    state.settings["dtype"] = "x\n" * 100_000
    state.save(tmp_path / CHECKPOINT)
    with pytest.raises(ValueError, match="was started with --dtype x") as refused:
        train(TrainSettings(**SMALL), tmp_path, resume=True)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


def test_patience_keeps_the_best_epoch(tmp_path):
    settings = TrainSettings(**SMALL | {"epochs": 60, "learning_rate": 400.0, "patience": 2})
    outcome = train(settings, tmp_path)
    losses = outcome.history["validation_robust_loss"]
    assert outcome.ending == "stopped early"
    assert outcome.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 2
    assert len(losses) < 60
    best = sl.Checkpoint.load(tmp_path / CHECKPOINT).best
    assert np.array_equal(best.weights, sl.TwoLayerNetwork.load(tmp_path / NETWORK).weights)
    assert np.array_equal(best.weights, outcome.network.weights)


def test_a_folder_that_cannot_be_written_is_found_out_before_training(tmp_path):
    steps = []
    with pytest.raises(OSError, match="none"):
        train(TrainSettings(**SMALL), tmp_path / "none", watch=lambda *_: steps.append(1))
    assert steps == []


def test_a_disk_that_fills_up_later_loses_nothing(whole, tmp_path, monkeypatch):
    save, calls = sl.Checkpoint.save, []

    def full(self, path):
        calls.append(1)
        if 2 <= len(calls) <= 3:
            raise OSError(28, "No space left on device")
        save(self, path)

    monkeypatch.setattr(sl.Checkpoint, "save", full)
    with pytest.warns(
        RuntimeWarning, match="checkpoint could not be written, training goes on: .*No space left"
    ) as told:
        outcome = train(TrainSettings(**SMALL), tmp_path)
    assert len(told) == 2
    assert np.array_equal(outcome.network.weights, whole[0].network.weights)


@pytest.mark.parametrize("cut", [0, 10, 100, -1])
def test_damaged_checkpoints_are_refused(whole, tmp_path, cut):
    content = (whole[1] / CHECKPOINT).read_bytes()
    path = tmp_path / CHECKPOINT
    path.write_bytes(content[:cut])
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        sl.Checkpoint.load(path)
    with pytest.raises(ValueError, match="no checkpoint"):
        sl.Checkpoint.load(whole[1] / NETWORK)
    with pytest.raises(FileNotFoundError):
        sl.Checkpoint.load(tmp_path / "none")


def test_the_command_trains_resumes_and_says_so(tmp_path, whole):
    out = str(tmp_path / "run")
    done = run("train", *OPTIONS, "--epochs", "2", "--schedule-epochs", "4", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "finished after 2 epochs"
    assert "test accuracy: " in done.stdout
    refused = run("train", *OPTIONS, "--epochs", "2", "--out", out)
    assert refused.exit_code == 2
    assert "go on with --resume" in refused.stderr
    more = run("train", *OPTIONS, "--epochs", "4", "--schedule-epochs", "4", "--out", out, "--resume", "--json")
    content = json.loads(more.stdout)
    assert content["epochs"] == 4
    assert content["test"]["robust_accuracy"] > 0.3
    network = sl.TwoLayerNetwork.load(content["network"])
    assert np.array_equal(network.weights, whole[0].network.weights)


@pytest.mark.posix
def test_killed_and_interrupted_processes_go_on(tmp_path, whole):
    command = [sys.executable, "-m", "sublinear", "train", *OPTIONS, "--epochs", "400", "--schedule-epochs", "400"]
    for kind, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        folder = tmp_path / str(int(kind))
        child = subprocess.Popen([*command, "--out", str(folder)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not (folder / CHECKPOINT).exists() and child.poll() is None:
            os.sched_yield()
        child.send_signal(kind)
        _, errors = child.communicate()
        assert child.returncode == status, errors
        if kind == signal.SIGINT:
            assert "saved in" in errors
        assert sl.Checkpoint.load(folder / CHECKPOINT).steps_done < 400 * 7
        assert [each.name for each in folder.iterdir() if not each.name.startswith(".")] == [CHECKPOINT]


def test_every_setting_is_an_option_and_is_resumed(tmp_path):
    options = [*OPTIONS, "--normalization", "unit+slice", "--domain", "slice", "--init", "zhang", "--coupled"]
    options += ["--bias", "constant", "--bias-value", "0.01", "--kappa", "0.5", "--activation", "jump"]
    options += ["--train-biases", "--patience", "9", "--learning-rate", "0.5", "--schedule-epochs", "4"]
    ends = []
    for name, epochs in (("whole", (4,)), ("halves", (2, 4))):
        out = str(tmp_path / name)
        for number in epochs:
            resume = ["--resume"] if number != epochs[0] else []
            done = run("train", *options, "--epochs", str(number), "--out", out, *resume)
            assert done.exit_code == 0, done.stderr
        ends.append(sl.Checkpoint.load(tmp_path / name / CHECKPOINT))
        saved = sl.TwoLayerNetwork.load(tmp_path / name / NETWORK)
        assert np.array_equal(saved.biases, ends[-1].best.biases)
    history = json.loads((tmp_path / "halves" / HISTORY).read_text())
    again = run(*shlex.split(history["command"])[1:], "--out", str(tmp_path / "again"))
    assert again.exit_code == 0, again.stderr
    assert json.loads((tmp_path / "again" / HISTORY).read_text())["weights_sha256"] == history["weights_sha256"]
    whole, halves = ends
    for one, other in ((whole.network, halves.network), (whole.best, halves.best)):
        assert np.array_equal(one.weights, other.weights)
        assert np.array_equal(one.biases, other.biases)
    assert len(np.unique(whole.network.biases)) > 1
    assert whole.network.activation == "jump"
    for missing in ("--train-biases", "--coupled"):
        fewer = [each for each in options if each != missing]
        refused = run("train", *fewer, "--epochs", "4", "--out", str(tmp_path / "whole"), "--resume")
        assert refused.exit_code == 2
        assert f"started with {missing} True, not False; resume it with that" in " ".join(refused.stderr.split())
    judged = run(
        "evaluate",
        str(tmp_path / "whole" / NETWORK),
        *("--dataset", "iris", "--normalization", "unit+slice", "--attacks", "pgd:0.05:5:slice,fgsm:0.05:slice"),
    )
    assert judged.exit_code == 0, judged.stderr


def test_evaluate_judges_under_several_attacks(whole):
    network = str(whole[1] / NETWORK)
    done = run("evaluate", network, "--dataset", "iris", "--attacks", "pgd:0.05,pgd:0.5:20,fgsm:0.1:inf")
    assert done.exit_code == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:] if "." in line] == [
        "none",
        "pgd:0.05",
        "pgd:0.5:20",
        "fgsm:0.1:inf",
        "worst",
    ]
    assert done.stdout.startswith(f"{network} on 38 rows of iris: rows held out by the split of seed 0\n")
    told = json.loads(run("evaluate", network, "--json").stdout)
    assert told["dataset"]["name"] == "iris"
    content = told["attacks"]
    again = json.loads(run(*shlex.split(told["command"])[1:], "--json").stdout)
    assert {name: again[name] for name in ("attacks", "dataset", "network", "settings")} == {
        name: told[name] for name in ("attacks", "dataset", "network", "settings")
    }
    worst = content.pop("worst of all")
    assert worst["robust_accuracy"] <= min(each["robust_accuracy"] for each in content.values())
    assert worst["robust_loss"] >= max(each["robust_loss"] for each in content.values())
    assert content["pgd:0.05"]["robust_accuracy"] <= content["pgd:0.05"]["clean_accuracy"]
    for arguments, words in (
        ((network, "--dataset", "digits"), "the labels '3', '4', '5', '6', '7', '8', '9', which the network does not"),
        ((network, "--dataset", "iris", "--attacks", "pgd"), "attack 'pgd': give none, fgsm:RADIUS"),
        ((network, "--dataset", "iris", "--attacks", "pgd:x"), "attack 'pgd:x'"),
        ((network, "--dataset", "iris", "--attacks", ""), "there are no attacks"),
        ((network + ".none", "--dataset", "iris"), "No such file"),
    ):
        refused = run("evaluate", *arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr


@pytest.mark.posix
def test_the_first_interrupt_is_noted_and_the_second_raised():
    usual = signal.getsignal(signal.SIGINT)
    with deferred_interrupt() as interrupt:
        assert not interrupt.asked
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(deferred_interrupt().__enter__().asked))
    thread.start()
    thread.join()
    assert elsewhere == [False]
    assert signal.getsignal(signal.SIGINT) is usual
