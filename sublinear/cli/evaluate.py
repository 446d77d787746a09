"""`sublinear evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.attacks import attacks_of, parse_attacks
from sublinear.certification import Certification, balls_of
from sublinear.certification import certify as certify_inputs
from sublinear.cli.common import (
    Threads,
    app,
    one_sentence,
    thread_count,
)
from sublinear.evaluation import Evaluation, evaluate_each
from sublinear.files import command
from sublinear.identity import provenance, weights_hash
from sublinear.judged_data import JudgedData, find_network, judged_data
from sublinear.network import TwoLayerNetwork
from sublinear.progress import progress
from sublinear.tables import certification_table, evaluation_table
from sublinear.terminal import notice, print_json, results_console

#: The format that its JSON names.
EVALUATION_FORMAT = "sublinear-evaluation-1"


@app.command("evaluate")
def evaluate_command(
    network: Annotated[
        Path, typer.Argument(help="The folder of a run of `train`, or a file with a network or a checkpoint.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Data to judge on, as in train; default: what the network was trained on.")
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="For networks that do not bring their own with them; as in train.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of drawn data; of the split, for networks that do not say theirs.")
    ] = None,
    attacks: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated: fgsm:R, pgd:R or pgd:R:STEPS, each with :inf for the norm inf, or :slice; default: "
            "that of training, with one step and with 50 beside it."
        ),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out rows with labels that the network does not know.")
    ] = False,
    certify: Annotated[
        bool,
        typer.Option("--certify", help="Prove, in the ball of each attack, which rows no attack at all can break."),
    ] = False,
    branches: Annotated[int, typer.Option(help="With --certify: most subproblems of branch and bound for a row.")] = 50,
    threads: Threads = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Judge a network on rows it was not trained on, clean and under several attacks: each alone, and all together.

    Labels, columns and normalization are those of its training: labels and
    columns are matched by name. Of the data it was trained on, the rows held out
    then are judged; of other data all rows, or their own test rows.
    """
    with one_sentence():
        net, file = find_network(network)
        attacks = _attacks_of_training(net) if attacks is None else attacks
        settings: dict[str, Any] = {
            "dataset": dataset,
            "normalization": normalization,
            "seed": seed,
            "attacks": attacks,
            "skip_unknown": skip_unknown,
            "certify": certify,
            "branches": branches if certify else None,
            "threads": threads,
        }
        balls = balls_of(parse_attacks(attacks).values()) if certify else []
        loss = "logistic" if net.n_outputs == 1 else "cross-entropy"
        with progress("loading the data") as tell:
            data = judged_data(net, file, dataset, seed, normalization, skip_unknown)
            for text in data.notices:
                notice(text, "note:")
            judged = evaluate_each(
                net,
                data.X,
                data.y,
                loss,
                parse_attacks(attacks),
                seed or 0,
                thread_count(threads),
                classes=(0.0, 1.0),
                watch=lambda name, done, count: tell(f"{name} ({done + 1} of {count})", done, count),
            )
            certified: list[Certification] = []
            for norm, radius in balls:
                tell(f"certifying, radius {radius:g}", len(certified), len(balls))
                certified.append(_certified(net, data, norm, radius, branches, thread_count(threads)))
    if as_json:
        content = _content(network, file, net, settings, data, judged)
        if certified:
            content["certified"] = [each.as_dict() for each in certified]
        print_json(json.dumps(content, indent=2))
    else:
        console = results_console()
        other = net.record is not None and net.record.data.sha256 != data.sha256
        which = f"{data.part} of data of other content than it was trained on" if other else data.part
        console.print(f"{file} on {len(data.X)} rows of {data.name}: {which}", soft_wrap=True)
        console.print(evaluation_table(judged))
        if certified:
            console.print(certification_table(certified))


def _certified(
    net: TwoLayerNetwork, data: JudgedData, norm: float, radius: float, branches: int, threads: int | None
) -> Certification:
    return certify_inputs(net, data.X, data.y, radius, norm, branches=branches, threads=threads, classes=(0.0, 1.0))


def _attacks_of_training(net: TwoLayerNetwork) -> str:
    """Those of `attacks_of`, with a note where they are not all that the attack of training was."""
    trained = None if net.record is None else net.record.attack
    attacks = attacks_of(trained)
    if trained is not None and trained.radius > 0 and trained not in parse_attacks(attacks).values():
        notice(
            f"the network was trained against {trained}; of that, radius, steps, norm and domain are those of the "
            "attacks here",
            "note:",
        )
    return attacks


def _content(
    given: Path,
    file: Path,
    net: TwoLayerNetwork,
    settings: dict[str, Any],
    data: JudgedData,
    judged: dict[str, Evaluation],
) -> dict[str, Any]:
    options = {name.replace("_", "-"): value for name, value in settings.items()}
    trained = None if net.record is None else net.record.run
    return {
        "format": EVALUATION_FORMAT,
        **provenance(command("evaluate", options, str(given)), settings, thread_count(settings["threads"])),
        "network": {"file": str(file), "weights_sha256": weights_hash(net), "run": trained},
        "dataset": data.as_dict(),
        "attacks": {name: each.as_dict() for name, each in judged.items()},
    }
