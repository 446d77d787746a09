#!/usr/bin/env python3
"""Seconds of training until a network is robust: this library beside its honest rival, a narrow dense network.

    python benchmarks/time_to_robust_accuracy.py FOLDER --json benchmarks/results/time_to_robust_accuracy.json

On MNIST (FOLDER holds its four files) until 86 % of the test inputs withstand PGD-20 of l2 radius 0.1, and 80 % of linf
radius 0.011. Both sides choose among the recipes of recipes.py. First every recipe is trained once and judged after
each epoch on validation rows, the last of the training rows; the fastest to the target and --margin beyond, or else the
most robust, is chosen. Then the chosen ones are trained on all training rows, in turn, once for each seed, and judged
after each epoch on the test rows. The clock runs while networks train, not while they are judged; one judge, PGD of
this library, judges all. A recipe that takes three times as long as its side's fastest so far is cut off.

A call that has used up its --budget ends after the run in progress, and does at least one; the same call again goes on
with what --json holds.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import record
from examples import HELP, Examples, load
from recipes import OURS, RECIPES, RIVAL, THREATS, Recipe, Threat
from robust_tables import TABLES, reached
from turns import rest

SEARCH, FINAL = "search", "final"
TOO_LONG = 3  # times as long as the fastest of the same side
SIDES = (OURS, RIVAL)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: [part for part in text.split(",") if part]  # noqa: E731
    integers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    add = parser.add_argument
    add("dataset", metavar="FOLDER", help=f"with test rows of its own, or the last fifth are; {HELP}")
    add("--rows", type=int, metavar="N", help="train on the first N rows, judge on N / 5 test rows (default: all)")
    add("--validation", type=float, default=1 / 12, metavar="SHARE", help="of the training rows (default 1/12)")
    add("--threats", type=names, default=list(THREATS), metavar="T,...", help="default l2,linf")
    add("--sides", type=names, default=list(SIDES), metavar="S,...", help=f"default {','.join(SIDES)}")
    add("--recipes", type=int, metavar="K", help="only the first K of each side (default: all)")
    add("--epochs", type=int, metavar="E", help="of every recipe, instead of its own")
    add("--target", type=float, metavar="SHARE", help="robust accuracy, instead of the threat's own")
    add("--margin", type=float, default=0.03, metavar="SHARE", help="beyond the target in validation (default 0.03)")
    add("--judge-steps", type=int, default=20, metavar="K", help="of the judge's PGD (default 20)")
    add("--seeds", type=integers, default=[0, 1, 2], metavar="S,...", help="of the last runs (default 0,1,2)")
    add("--budget", type=float, default=600, metavar="S", help="seconds of this call (default 600)")
    add("--threads", type=int, default=2, metavar="T", help="for everybody (default 2)")
    add("--json", metavar="FILE", help="write everything there, and go on with what is there")
    options = parser.parse_args()
    for given, known in ((options.threats, THREATS), (options.sides, SIDES)):
        if not given or not set(given) <= set(known):
            parser.error(f"{','.join(given) or 'nothing'} is given; known are {', '.join(known)}")
    if not 0 < options.validation < 1:
        parser.error(f"--validation is {options.validation:g}; give a share between 0 and 1")
    return options


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of one recipe."""

    phase: str
    threat: str
    recipe: Recipe
    seed: int

    def key(self) -> dict[str, Any]:
        return {"phase": self.phase, "threat": self.threat, "recipe": self.recipe.as_dict(), "seed": self.seed}


class Benchmark:
    """What has been run, and what is to be run next."""

    def __init__(self, options: argparse.Namespace, examples: Examples) -> None:
        self.options, self.started = options, time.monotonic()
        self.threats = {name: self._threat(name) for name in options.threats}
        self._split(examples)
        settings = {"validation_rows": len(self.validation[1]), "test_rows": len(self.test[1])}
        settings |= {name: getattr(options, name) for name in ("margin", "judge_steps")}
        settings["targets"] = {name: threat.target for name, threat in self.threats.items()}
        self.content = record.circumstances(options.threads) | {
            "data": examples.about,
            "settings": settings,
            "runs": [],
        }
        self._go_on()

    def _threat(self, name: str) -> Threat:
        target = self.options.target
        return THREATS[name] if target is None else dataclasses.replace(THREATS[name], target=target)

    def _split(self, examples: Examples) -> None:
        x, y = examples.inputs, examples.labels
        if examples.test is None:
            kept = len(y) - len(y) // 5
            self.training, self.test = (x[:kept], y[:kept]), (x[kept:], y[kept:])
        else:
            judged = max(1, len(y) // 5) if self.options.rows else None
            self.training, self.test = (x, y), tuple(each[:judged] for each in examples.test)
        held_out = max(1, round(self.options.validation * len(self.training[1])))
        self.fitted = tuple(each[:-held_out] for each in self.training)
        self.validation = tuple(each[-held_out:] for each in self.training)

    def _go_on(self) -> None:
        self.before = 0
        path = Path(self.options.json or "")
        if not self.options.json or not path.exists():
            return
        before = json.loads(path.read_text())
        for key in ("data", "settings", "threads", "simd"):
            if before[key] != json.loads(json.dumps(self.content[key])):
                sys.exit(
                    f"{path} holds runs with {key} {before[key]}, now it is {self.content[key]}; give another file"
                )
        self.content["runs"] = before["runs"]
        self.before = len(before["runs"])

    def found(self, run: Run) -> dict[str, Any] | None:
        key = json.loads(json.dumps(run.key()))
        return next((each for each in self.content["runs"] if key.items() <= each.items()), None)

    def recipes(self, threat: str, side: str) -> list[Recipe]:
        chosen = [each for each in RECIPES[threat] if each.side == side][: self.options.recipes]
        epochs = self.options.epochs
        return chosen if epochs is None else [dataclasses.replace(each, epochs=epochs) for each in chosen]

    def searches(self, threat: str, side: str) -> list[Run]:
        return [Run(SEARCH, threat, recipe, 0) for recipe in self.recipes(threat, side)]

    def to_validate(self, threat: str) -> float:
        return self.threats[threat].target + float(self.options.margin)

    def chosen(self, threat: str, side: str) -> Recipe:
        """The fastest to the target on validation rows, or else the most robust there."""

        def rank(run: Run) -> tuple[float, float]:
            curve = (self.found(run) or {"curve": []})["curve"]
            seconds = reached(curve, self.to_validate(threat))
            return (float("inf") if seconds is None else seconds, -max((each["robust"] for each in curve), default=0))

        return min(self.searches(threat, side), key=rank).recipe

    def plan(self) -> list[Run] | None:
        """What is left of the first part that is not complete; None at the end. Sides take turns."""
        sides = self.options.sides
        for threat in self.threats:
            rounds = itertools.zip_longest(*(self.searches(threat, side) for side in sides))
            left = [run for run in itertools.chain(*rounds) if run is not None and self.found(run) is None]
            if left:
                return left
        finals = [
            Run(FINAL, threat, self.chosen(threat, side), seed)
            for threat in self.threats
            for seed in self.options.seeds
            for side in sides
        ]
        return [run for run in finals if self.found(run) is None] or None

    def go(self) -> None:
        """Runs what is left, or until the budget is used up."""
        while (left := self.plan()) is not None:
            if self.content["runs"][self.before :] and time.monotonic() - self.started > self.options.budget:
                print(f"the budget is used up; {len(left)} runs are left of this part", file=sys.stderr)
                return
            self.run(left[0])
            record.save(self.options.json, self.content)

    def limit(self, run: Run) -> float:
        """Seconds after which a run of the search is cut off."""
        if run.phase == FINAL:
            return float("inf")
        times = [
            reached(found["curve"], self.to_validate(run.threat))
            for found in map(self.found, self.searches(run.threat, run.recipe.side))
            if found is not None
        ]
        return min((TOO_LONG * seconds for seconds in times if seconds is not None), default=float("inf"))

    def run(self, run: Run) -> None:
        import sublinear as sl
        from robust_trainers import make_trainer

        threat, limit = self.threats[run.threat], self.limit(run)
        attack = sl.PGD(threat.radius, self.options.judge_steps, norm=threat.norm)
        x, y = self.fitted if run.phase == SEARCH else self.training
        judged = self.validation if run.phase == SEARCH else self.test
        trainer = make_trainer(run.recipe, threat, x, y, self.options.threads, run.seed)
        curve: list[dict[str, float]] = []
        seconds, note = 0.0, ""
        for epoch in range(run.recipe.epochs):
            record.show(f"{run.phase}, {run.threat}, {run.recipe.side}, {run.recipe.text()}: epoch {epoch + 1}")
            rest()
            try:
                seconds += trainer.epoch()
                found = sl.evaluate(trainer.network(), *judged, "cross-entropy", attack, threads=self.options.threads)
            except (ValueError, ArithmeticError):
                note = "diverged"
                break
            curve.append({"seconds": seconds, "clean": found.clean_accuracy, "robust": found.robust_accuracy})
            if seconds > limit and epoch + 1 < run.recipe.epochs:
                note = "cut off"
                break
        record.show("")
        self.content["runs"].append(run.key() | {"curve": curve, "note": note})
        last = f"{curve[-1]['clean']:.2%} / {curve[-1]['robust']:.2%}" if curve else "-"
        told = f"{run.phase}, {run.threat}, {run.recipe.side}, {run.recipe.text()}, seed {run.seed}"
        print(f"{told}: {seconds:.1f} s, {last} {note}".rstrip(), file=sys.stderr, flush=True)


def main() -> None:
    options = arguments()
    record.thread_variables(options.threads)
    try:
        examples = load(options.dataset, options.rows)
    except (ValueError, OSError) as wrong:
        sys.exit(str(wrong))
    if RIVAL in options.sides:
        try:
            import torch  # noqa: F401
        except ImportError:
            options.sides.remove(RIVAL)
            print("pytorch: left out (it is not installed)", file=sys.stderr)
    benchmark = Benchmark(options, examples)
    benchmark.go()
    record.save(options.json, benchmark.content)
    tables: dict[str, Callable[[dict[str, Any]], str]] = TABLES
    print("\n".join(table(benchmark.content) for table in tables.values()), end="")


if __name__ == "__main__":
    main()
