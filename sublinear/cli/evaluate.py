"""`sublinear evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sublinear.attacks import parse_attacks
from sublinear.cli.common import (
    Dataset,
    Normalization,
    Threads,
    app,
    one_sentence,
    thread_count,
)
from sublinear.datasets import load_dataset
from sublinear.evaluation import evaluate_each
from sublinear.network import TwoLayerNetwork
from sublinear.progress import progress
from sublinear.tables import evaluation_table
from sublinear.terminal import print_json, results_console


@app.command("evaluate")
def evaluate_command(
    network: Annotated[Path, typer.Argument(help="A network that `train` or TwoLayerNetwork.save wrote.")],
    dataset: Dataset = "digits",
    normalization: Normalization = None,
    seed: Annotated[int, typer.Option(help="Of the split that was trained on, and of random starts.")] = 0,
    attacks: Annotated[
        str, typer.Option(help="Comma-separated: fgsm:R, pgd:R or pgd:R:STEPS, each with :inf for the norm inf.")
    ] = "fgsm:0.05,pgd:0.05,pgd:0.05:50,pgd:0.01:10:inf",
    threads: Threads = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Judge a saved network on test inputs, clean and under several attacks: each alone, and all of them together."""
    with one_sentence():
        net = TwoLayerNetwork.load(network)
        data = load_dataset(dataset, seed, normalization=normalization)
        if (net.n_features, net.n_outputs) != (data.n_features, data.classes):
            raise ValueError(
                f"{network} takes {net.n_features} features and has {net.n_outputs} outputs; {dataset} has "
                f"{data.n_features} features and {data.classes} classes"
            )
        with progress("starting") as tell:
            judged = evaluate_each(
                net,
                data.X_test,
                data.y_test,
                "cross-entropy",
                parse_attacks(attacks),
                seed,
                thread_count(threads),
                watch=lambda name, done, count: tell(f"{name} ({done + 1} of {count})", done, count),
            )
    if as_json:
        print_json(json.dumps({name: each.as_dict() for name, each in judged.items()}, indent=2))
    else:
        results_console().print(evaluation_table(judged))
