#!/usr/bin/env python3
"""Seconds of `decision_function` beside dense prediction, of trained or fresh networks, in one run.

    python benchmarks/prediction.py --datasets digits FOLDER teacher:n=12000,d=64 teacher:n=12000,d=512

The network of problem.py with an output for each class; inputs are repeated or cut to `--rows`. The peers compute
np.maximum(X @ W.T - t, 0) @ A in blocks of 256 inputs, in NumPy and, where it is installed, in PyTorch. All take turns,
the first of which is not timed; the figure is the median. Outputs must agree up to rounding. With --epochs the networks
are trained first, without an attack, and more neurons fire.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import record
from examples import HELP, Floats, load
from problem import Problem
from turns import rest

BLOCK = 256  # inputs that the peers take together
OURS = "sublinear"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    add = parser.add_argument
    add("--datasets", nargs="+", default=["digits", "teacher:n=10000,d=256"], metavar="NAME", help=f"{HELP}; several")
    add("--widths", type=numbers, default=[2048, 16384], metavar="M,...", help="neurons (default 2048,16384)")
    add("--rows", type=int, default=10_000, metavar="N", help="inputs (default 10000)")
    add("--epochs", type=int, default=0, metavar="E", help="of training in batches of 128 before (default 0)")
    add("--rate", type=float, default=200, metavar="R", help="learning rate of it (default 200)")
    add("--turns", type=int, default=6, metavar="T", help="of each, one more than is timed (default 6)")
    add("--threads", type=int, default=2, metavar="T", help="for everybody (default 2)")
    add("--json", metavar="FILE", help="write everything there")
    options = parser.parse_args()
    if options.turns < 2 or options.rows < 1 or options.epochs < 0:
        parser.error("--turns is at least 2, --rows at least 1, --epochs at least 0")
    return options


def numpy_peer(problem: Problem, weights: Floats, x: Floats, threads: int) -> Callable[[], Floats]:
    import numpy as np

    def predict() -> Floats:
        blocks = [x[begin : begin + BLOCK] for begin in range(0, len(x), BLOCK)]
        f = [np.maximum(block @ weights.T - problem.threshold, 0) @ problem.signs for block in blocks]
        return np.asarray(np.concatenate(f) * problem.scale)

    return predict


def torch_peer(problem: Problem, weights: Floats, x: Floats, threads: int) -> Callable[[], Floats]:
    """ImportError where PyTorch is not installed."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    rows, signs = torch.from_numpy(weights), torch.from_numpy(problem.signs)

    def predict() -> Floats:
        with torch.no_grad():
            blocks = torch.from_numpy(x).split(BLOCK)
            f = [torch.relu(block @ rows.T - float(problem.threshold)) @ signs for block in blocks]
            return np.asarray(torch.cat(f).numpy() * problem.scale)

    return predict


PEERS = {"numpy": numpy_peer, "torch": torch_peer}


def trained(problem: Problem, options: argparse.Namespace) -> Any:
    import sublinear as sl

    network = problem.network()
    trainer = sl.Trainer(
        network, loss=problem.loss, learning_rate=options.rate, batch_size=128, threads=options.threads
    )
    trainer.fit(problem.inputs, problem.targets.astype(float), options.epochs)
    return network


def run_case(name: str, problem: Problem, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    record.show(f"{name}, width {problem.width}")
    network = trained(problem, options)
    x = np.ascontiguousarray(np.resize(problem.inputs, (options.rows, problem.inputs.shape[1])))
    weights = np.array(network.weights)

    def ours() -> Floats:
        return np.asarray(network.decision_function(x, threads=options.threads)).reshape(len(x), -1)

    contestants = {OURS: ours}
    for peer, make in PEERS.items():
        try:
            contestants[peer] = make(problem, weights, x, options.threads)
        except ImportError as missing:
            print(f"{peer}: left out ({missing})", file=sys.stderr)
    seconds: dict[str, list[float]] = {each: [] for each in contestants}
    reference = ours()
    for turn in range(options.turns):
        for each, predict in contestants.items():
            rest()
            start = time.perf_counter()
            f = predict()
            took = time.perf_counter() - start
            if turn > 0:
                seconds[each].append(took)
            elif not np.allclose(f, reference, rtol=1e-4, atol=1e-4 * float(np.abs(reference).max())):
                sys.exit(f"{each} predicts something else for {name} at width {problem.width}")
    record.show("")
    return {
        "data": name,
        "features": x.shape[1],
        "outputs": problem.outputs,
        "width": problem.width,
        "fired_share": network.fired(x[:1000]).work.fired / (min(1000, len(x)) * problem.width),
        "contestants": {each: record.spread(taken) for each, taken in seconds.items()},
    }


def ratios(content: dict[str, Any]) -> str:
    """Milliseconds of everybody, and the peers over ours."""
    peers = [name for name in PEERS if any(name in result["contestants"] for result in content["results"])]
    rows = []
    for result in content["results"]:
        taken = result["contestants"]
        own = taken[OURS]["seconds"]
        row = [result["data"], str(result["features"]), str(result["width"]), f"{result['fired_share']:.1%}"]
        row += [f"{1000 * own:.0f}", "-".join(f"{1000 * end:.0f}" for end in taken[OURS]["middle_half"])]
        for peer in peers:
            row.append(f"{taken[peer]['seconds'] / own:.2f}x" if peer in taken else "-")
        rows.append(row)
    headers = ["data", "d", "width", "fired", "ms", "middle half", *peers]
    trained = f"after {content['epochs']} epochs" if content["epochs"] else "fresh networks"
    return (
        f"Prediction of {content['rows']} inputs, {trained}; peers over sublinear\n"
        f"{content['machine']['cpu']}, {content['threads']} threads, {content['simd']}\n"
        + record.table_text(headers, rows, left=("data",))
    )


TABLES = {"ratios": ratios}


def main() -> None:
    options = arguments()
    record.thread_variables(options.threads)
    content: dict[str, Any] = {"rows": options.rows, "epochs": options.epochs, "rate": options.rate, "results": []}
    for name in options.datasets:
        try:
            examples = load(name)
        except (ValueError, OSError) as wrong:
            sys.exit(str(wrong))
        for width in options.widths:
            problem = Problem(examples.inputs, examples.labels, width, examples.classes, steps=0)
            content["results"].append(run_case(examples.about["name"], problem, options))
            best = content["results"][-1]["contestants"]
            told = ", ".join(f"{each} {one['seconds']:.4f} s" for each, one in best.items())
            print(f"{examples.about['name']}, width {width}: {told}", file=sys.stderr, flush=True)
            record.save(options.json, record.circumstances(options.threads) | content)
    print(ratios(record.circumstances(options.threads) | content), end="")


if __name__ == "__main__":
    main()
