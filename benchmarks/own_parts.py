#!/usr/bin/env python3
"""Seconds per epoch of the examples of docs/extending.md beside this library's own, in one run.

    python benchmarks/own_parts.py --json benchmarks/results/own_parts.json

The code of the page is run as it stands there. Contestants train the same network on the same data in turn, an epoch
each; the first turn of each is not timed. Of those that find neurons: the share of the neurons that they propose, the
share of the firing ones that they find in the end, and whether training ended with the bits of "dense". Attacks, losses
and optimizers are timed one at a time, the rest being the library's own; what they end with differs, of course.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import record
from turns import rest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "extending.md"

#: Of strategies: how each is named in the table.
FINDING = {
    "margin": "margin",
    "dense": "dense",
    "weights:ball-tree": "weights, our ball tree",
    "data:ball-tree": "data, our ball tree",
    "numpy": "a strategy: NumPy product",
    "weights:numpy-scan": "weights, NumPy scan",
    "data:numpy-scan": "data, NumPy scan",
    "weights:sklearn-ball-tree": "weights, scikit-learn's ball tree",
    "data:sklearn-ball-tree": "data, scikit-learn's ball tree",
    "weights:faiss-flat": "weights, FAISS IndexFlat",
    "data:faiss-flat": "data, FAISS IndexFlat",
    "weights:faiss-ivf": "weights, FAISS IndexIVF *",
    "data:faiss-ivf": "data, FAISS IndexIVF *",
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", type=int, metavar="N", help="train on the first N digits (default: all)")
    add("--width", type=int, default=2048, metavar="M", help="neurons (default 2048)")
    add("--batch", type=int, default=128, metavar="B", help="minibatch size (default 128)")
    add("--radius", type=float, default=0.05, metavar="R", help="of the attack, in l2 (default 0.05)")
    add("--turns", type=int, default=6, metavar="N", help="of each, one more than is timed (default 6)")
    add("--threads", type=int, default=2, metavar="T", help="(default 2)")
    add("--json", metavar="FILE", help="write the figures there")
    return parser.parse_args()


def examples_of_the_page() -> dict[str, Any]:
    """What the page defines and registers."""
    names: dict[str, Any] = {"__name__": "example", "print": lambda *words: None}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def in_turn(trainings: dict[str, Callable[[], float]], turns: int) -> dict[str, dict[str, Any]]:
    """Seconds of each, over the turns but the first."""
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(turns):
        for name, train in trainings.items():
            record.show(f"turn {turn + 1} of {turns}: {name}")
            rest()
            seconds[name].append(train())
    record.show("")
    return {name: record.spread(each[1:]) for name, each in seconds.items()}


def find_neurons(options: argparse.Namespace, examples: Any) -> dict[str, dict[str, Any]]:
    import sublinear as sl
    from sublinear.identity import weights_hash

    trainers: dict[str, sl.Trainer] = {}
    for name in FINDING:
        _, _, index = name.partition(":")
        if index and index not in sl.INDEXES:
            continue  # FAISS is not there
        net = sl.TwoLayerNetwork.random(examples.inputs.shape[1], options.width, n_outputs=examples.classes, seed=0)
        trainers[name] = sl.Trainer(
            net,
            name,
            sl.PGD(options.radius),
            learning_rate=200.0,
            batch_size=options.batch,
            threads=options.threads,
        )
    proposed: dict[str, float] = {}

    def training(name: str) -> Callable[[], float]:
        def train() -> float:
            history = trainers[name].fit(examples.inputs, examples.labels)
            proposed[name] = history.candidates_share[-1]
            return history.seconds[-1]

        return train

    found = in_turn({name: training(name) for name in trainers}, options.turns)
    bits = weights_hash(trainers["dense"].net)
    for name, trainer in trainers.items():
        found[name] |= {
            "exact": trainer.strategy.exact,
            "build_seconds": trainer.build_seconds,
            "candidates_share": proposed[name],
            "recall": trainer.recall(),
            "same_bits": weights_hash(trainer.net) == bits,
        }
        assert found[name]["same_bits"] or not trainer.strategy.exact, name
    return found


def train_otherwise(options: argparse.Namespace, examples: Any, page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    import sublinear as sl

    signs = examples.labels % 2 * 2 - 1
    ours = {"attack": sl.PGD(options.radius, 5), "loss": "logistic", "optimizer": "momentum", "learning_rate": 5.0}
    choices: dict[str, dict[str, Any]] = {
        "PGD, logistic, momentum: ours": {},
        "attack MomentumAscent": {"attack": page["MomentumAscent"](options.radius, 5)},
        "loss Hinge": {"loss": page["Hinge"]()},
        "optimizer SignMomentum": {"optimizer": page["SignMomentum"](), "learning_rate": 0.002},
    }

    def training(own: dict[str, Any]) -> Callable[[], float]:
        net = sl.TwoLayerNetwork.random(examples.inputs.shape[1], options.width, seed=0)
        trainer = sl.Trainer(net, "margin", batch_size=options.batch, threads=options.threads, **{**ours, **own})
        return lambda: trainer.fit(examples.inputs, signs).seconds[-1]

    return in_turn({name: training(own) for name, own in choices.items()}, options.turns)


def finding_table(content: dict[str, Any]) -> str:
    rows = [
        [
            FINDING[name],
            f"{each['seconds']:.3f}",
            f"{each['build_seconds']:.3f}",
            f"{each['candidates_share']:.1%}",
            f"{each['recall']:.1%}",
            "yes" if each["same_bits"] else "no",
        ]
        for name, each in content["finding"].items()
    ]
    headers = ["who finds neurons", "s/epoch", "build s", "proposed", "recall", "same bits"]
    return record.table_text(headers, rows, ("who finds neurons",))


def training_table(content: dict[str, Any]) -> str:
    rows = [[name, f"{each['seconds']:.3f}"] for name, each in content["training"].items()]
    return record.table_text(["in Python", "s/epoch"], rows, ("in Python",))


TABLES = {"finding": finding_table, "training": training_table}


def main() -> None:
    options = arguments()
    record.thread_variables(options.threads)
    from examples import load

    examples = load("digits", options.rows)
    page = examples_of_the_page()
    content = {
        **record.circumstances(options.threads),
        "data": examples.about,
        "settings": {name: value for name, value in vars(options).items() if name != "json"},
        "finding": find_neurons(options, examples),
        "training": train_otherwise(options, examples, page),
    }
    record.save(options.json, json.loads(json.dumps(content)))
    for make in TABLES.values():
        print(make(content))


if __name__ == "__main__":
    main()
