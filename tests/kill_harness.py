"""Kills training runs at random moments and holds every resume to the bits of a run that was never stopped.

    python tests/kill_harness.py --kills 200

runs ``sublinear train`` in processes of their own (forked off one that has imported it, which saves the time of
imports), with a checkpoint after every step, so that many kills meet one
that is being written, and sends each SIGKILL after a random time. After each kill

* the checkpoint, if there is one, is whole, and its weights are those of the uninterrupted run after as many steps;
* a copy of the folder is resumed to its end: network and history are those of the uninterrupted run, to the last bit,
  whatever strategy and number of threads it goes on with;
* the folder itself is resumed in a new process, which is killed again, until one ends by itself.

Prints what was met; the exit status is 1 if anything differed. The short version is in tests/test_crash_safety.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

import sublinear as sl
from sublinear.training_run import CHECKPOINT, HISTORY, NETWORK, TrainSettings, train

#: Learns long after the schedule's end is far away, so that a step too many or too few is another network.
SETTINGS = {"width": 192, "batch_size": 128, "epochs": 6, "schedule_epochs": 40, "steps": 3, "radius": 0.03}
VARIANTS = ({}, {"patience": 2, "learning_rate": 2000.0})
FREE = [(strategy, threads) for strategy in ("margin", "dense", "weights") for threads in (1, 2)]
EVERY_STEP = 1e-9  # minutes between checkpoints

#: Columns of the history that are functions of the weights; times and what strategies count are not.
COMPARED = (
    "loss",
    "robust_loss",
    "fired_share",
    *(f"validation_{a}_{b}" for a in ("clean", "robust") for b in ("loss", "accuracy")),
)


@cache
def server() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["sublinear.cli", "sublinear.training_run", "sklearn.datasets", "sklearn.model_selection"]
    )
    return context


def sublinear_train(words: list[str], errors: str) -> None:
    """The command line in this process, its output in a file."""
    from sublinear.cli import main

    handle = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.argv = ["sublinear", "train", *words]
    main()


def digest(network: sl.TwoLayerNetwork) -> str:
    return hashlib.sha256(np.ascontiguousarray(network.weights).tobytes()).hexdigest()


@dataclass
class Whole:
    """An uninterrupted run: the weights after each step, and how it ends."""

    settings: dict
    after: dict[int, str] = field(default_factory=dict)
    end: tuple[str, dict] | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, settings: dict, folder: Path) -> Whole:
        whole = cls(settings)

        def watch(progress, before):  # what was saved after the step before this one
            saved = sl.Checkpoint.load(folder / CHECKPOINT)
            whole.after[saved.steps_done] = digest(saved.network)

        outcome = train(TrainSettings(**settings, checkpoint_minutes=EVERY_STEP), folder, watch=watch)
        last = sl.Checkpoint.load(folder / CHECKPOINT)
        whole.after[last.steps_done] = digest(last.network)
        assert len(whole.after) == last.steps_done + 1, "not every step was seen"
        whole.end = ending(folder)
        assert outcome.ending == ("stopped early" if "patience" in settings else "finished"), outcome.ending
        return whole


def ending(folder: Path) -> tuple[str, dict]:
    """What a finished run left: its network's bits and its figures."""
    history = json.loads((folder / HISTORY).read_text())["history"]
    return digest(sl.TwoLayerNetwork.load(folder / NETWORK)), {name: history[name] for name in COMPARED}


@dataclass
class Tally:
    kills: int = 0
    before_the_first_checkpoint: int = 0
    while_writing: int = 0
    within_epochs: int = 0
    ended_by_themselves: int = 0
    resumes: int = 0
    problems: list[str] = field(default_factory=list)
    steps: set[int] = field(default_factory=set)


class Harness:
    def __init__(self, seed: int, settings: dict, work: Path, tally: Tally) -> None:
        self.random = random.Random(seed)
        self.work, self.tally = work, tally
        (work / "whole").mkdir()
        self.whole = Whole.of(settings, work / "whole")
        self.chains = 0
        # How long a process imports and trains is learnt from one that is not killed.
        began = time.perf_counter()
        self.new_folder()
        child = self.start(resume=False)
        self.wait_for_checkpoint(child, 0)
        self.starts = time.perf_counter() - began
        child.join()
        assert child.exitcode == 0, (self.work / "errors.txt").read_text()
        self.trains = time.perf_counter() - began - self.starts
        self.check_end(self.folder, "the uninterrupted process")
        self.new_folder()

    def new_folder(self) -> None:
        self.chains += 1
        self.folder = self.work / f"run{self.chains}"
        self.folder.mkdir()

    def start(self, resume: bool) -> BaseProcess:
        strategy, threads = self.random.choice(FREE)
        options = self.whole.settings | {"strategy": strategy, "threads": threads, "checkpoint_minutes": EVERY_STEP}
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        child = server().Process(
            target=sublinear_train,
            args=([*words, "--out", str(self.folder), *["--resume"] * resume], str(self.work / "errors.txt")),
        )
        child.start()
        return child

    def saved_at(self) -> int:
        checkpoint = self.folder / CHECKPOINT
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0

    def wait_for_checkpoint(self, child: BaseProcess, before: int) -> None:
        while child.is_alive() and self.saved_at() == before:
            time.sleep(0.001)

    def kill(self) -> None:
        """One process, killed after a random time; or it ends first, and the next run begins anew."""
        before = self.saved_at()
        child = self.start(resume=before > 0)
        kind = self.random.random()
        if kind < 0.1:  # anywhere, also before it has begun to train
            wait = self.random.random() * (self.starts + self.trains)
        else:
            self.wait_for_checkpoint(child, before)
            done = sl.Checkpoint.load(self.folder / CHECKPOINT).steps_done if self.saved_at() else 0
            wait = self.random.random() * self.trains * (1 - done / max(self.whole.after))
        end = time.perf_counter() + wait
        while child.is_alive() and time.perf_counter() < end:
            time.sleep(0.0005)
        if kind > 0.6:  # then, as soon as a checkpoint is being written
            while child.is_alive() and not any(each.suffix == ".part" for each in self.folder.iterdir()):
                pass
        child.kill()
        child.join()
        if child.exitcode == 0:
            self.tally.ended_by_themselves += 1
            self.trains *= 0.8  # it was faster than thought
            self.check_end(self.folder, "a process that was resumed")
            shutil.rmtree(self.folder)
            self.new_folder()
            return
        if child.exitcode != -signal.SIGKILL:
            errors = (self.work / "errors.txt").read_text()
            self.tally.problems.append(f"{self.folder}: status {child.exitcode}: {errors}")
            self.new_folder()
            return
        self.tally.kills += 1
        self.check_killed()

    def check_killed(self) -> None:
        self.tally.while_writing += any(each.suffix == ".part" for each in self.folder.iterdir())
        checkpoint = self.folder / CHECKPOINT
        if not checkpoint.exists():
            self.tally.before_the_first_checkpoint += 1
            return
        saved = sl.Checkpoint.load(checkpoint)
        self.tally.steps.add(saved.steps_done)
        self.tally.within_epochs += saved.steps_done != len(saved.history["loss"]) * self.per_epoch
        if digest(saved.network) != self.whole.after.get(saved.steps_done):
            self.tally.problems.append(f"{self.folder}: other weights after {saved.steps_done} steps")
        copy = self.work / "copy"
        shutil.copytree(self.folder, copy)
        strategy, threads = self.random.choice(FREE)
        train(TrainSettings(**self.whole.settings, strategy=strategy, threads=threads), copy, resume=True)
        self.tally.resumes += 1
        self.check_end(copy, f"resumed after {saved.steps_done} steps with {strategy} and {threads} threads")
        left = sorted(each.name for each in copy.iterdir())
        if left != sorted((CHECKPOINT, NETWORK, HISTORY)):
            self.tally.problems.append(f"{copy}: left {left}")
        shutil.rmtree(copy)

    @property
    def per_epoch(self) -> int:
        steps = len(self.whole.after) - 1
        return steps // len(self.whole.end[1]["loss"])

    def check_end(self, folder: Path, what: str) -> None:
        found = ending(folder)
        if found != self.whole.end:
            differs = "weights" if found[0] != self.whole.end[0] else "history"
            self.tally.problems.append(f"{what}: another {differs}")


def run(kills: int, seed: int = 0, settings: dict | None = None, variants=VARIANTS, tell=lambda tally: None) -> Tally:
    """That many kills, divided among the variants."""
    tally = Tally()
    for number, variant in enumerate(variants):
        with tempfile.TemporaryDirectory() as work:
            harness = Harness(seed + number, (settings or SETTINGS) | variant, Path(work), tally)
            enough = kills * (number + 1) // len(variants)
            while tally.kills < enough and len(tally.problems) < 20:
                harness.kill()
                tell(tally)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.perf_counter()

    def tell(tally: Tally) -> None:
        if tally.kills % 20 == 0 and sys.stderr.isatty():
            print(f"{tally.kills} kills", file=sys.stderr)

    tally = run(arguments.kills, arguments.seed, tell=tell)
    print(f"{tally.kills} kills in {time.perf_counter() - began:.0f} s, seed {arguments.seed}")
    print(f"{tally.while_writing} while a checkpoint was being written, {tally.within_epochs} with one within an epoch")
    print(f"{tally.before_the_first_checkpoint} before the first checkpoint; at {len(tally.steps)} different steps")
    print(f"{tally.resumes} resumed to the end, {tally.ended_by_themselves} more processes ended by themselves")
    for problem in tally.problems:
        print(f"PROBLEM: {problem}")
    print("every end has the bits of the uninterrupted run" if not tally.problems else "FAILED")
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
