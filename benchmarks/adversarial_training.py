#!/usr/bin/env python3
"""Seconds per training step of this library's strategies and of dense peers, over widths, in one run.

    python benchmarks/adversarial_training.py --widths 4096,16384,65536 --outputs 1 --threads 2
    python benchmarks/adversarial_training.py --dataset FOLDER --rows 1024 --batch 128 --radius 0.1

The work is described in problem.py. All contestants train the same network on the same data in the same order, in turn
(interleaved), by default an epoch each; the first turn of each is not timed, because structures and compiled code are
made in it. The figure is the median over the steps. At the default rates the network learns and rows really move; a
frozen network would flatter whoever stores answers. After the first steps the peers must have our weights up to
rounding, and in the end all strategies the same bits; losses at the end are printed. Widths, outputs, radii and attack
steps may be lists: every combination is run.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import subprocess
import sys
from typing import Any

import record
from contestants import PEERS, Contestant, make_peer, make_strategy
from examples import HELP, Examples, load
from problem import Problem
from training_tables import COLUMNS, TABLES, growth
from turns import rest

JUDGED = 512  # inputs that the contestants' losses are compared on
CHECKED = 2  # steps after which weights are compared; later, roundings that decide who fires have grown
MOST_DIFFERENT = 0.1  # of what is learnt by then; 1e-6 at most widths, but few neurons fire in a narrow network


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    floats = lambda text: [float(part) for part in text.split(",") if part]  # noqa: E731
    names = lambda text: [part for part in text.split(",") if part]  # noqa: E731
    add = parser.add_argument
    add("--dataset", default="digits", metavar="NAME", help=f"{HELP} (default digits)")
    add("--rows", type=int, metavar="N", help="train on the first N inputs (default: all)")
    add("--widths", type=numbers, default=[4096, 16384], metavar="M,...", help="neurons (default 4096,16384)")
    add(
        "--outputs",
        type=numbers,
        default=None,
        metavar="C,...",
        help="1: logistic loss on even classes; more: cross-entropy (default: a class each)",
    )
    add("--norm", type=float, choices=(2, math.inf), default=2, help="of the attack: 2 or inf (default 2)")
    add("--radius", type=floats, default=[0.05], metavar="R,...", help="of the attack (default 0.05)")
    add("--attack-steps", type=numbers, default=[10], metavar="K,...", help="of PGD; 0: no attack (default 10)")
    add("--batch", type=int, default=None, metavar="B", help="minibatch size (default: all inputs at once)")
    add("--rate", type=float, default=None, metavar="R", help="learning rate (default 50 with one output, else 200)")
    add("--turns", type=int, default=11, metavar="N", help="of each contestant, one more than is timed (default 11)")
    add("--turn-steps", type=int, default=None, metavar="K", help="steps in a turn (default: an epoch)")
    add("--threads", type=int, default=2, metavar="T", help="for everybody (default 2)")
    add("--peers", type=names, default=["eager", "tiled", "numpy-tiled", "c"], metavar="P,...", help=", ".join(PEERS))
    add("--strategies", type=names, default=["margin", "dense"], metavar="S,...", help="this library's")
    add("--peer-budget", type=float, default=60, metavar="S", help="a peer whose turn takes longer takes no more")
    add("--scaling", action="store_true", help="the first strategy with 1 thread too")
    add("--json", metavar="FILE", help="write everything there")
    add("--only-memory", metavar="S", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turns < 2 or min([*options.widths, *(options.outputs or [])]) < 1:
        parser.error("--turns is at least 2, of which one is timed; --widths and --outputs are at least 1")
    return options


def cases(options: argparse.Namespace, examples: Examples) -> list[Problem]:
    outputs = options.outputs or [examples.classes]
    return [
        Problem(examples.inputs, examples.labels, width, c, options.norm, radius, steps)
        for width, c, radius, steps in itertools.product(options.widths, outputs, options.radius, options.attack_steps)
    ]


def rate_of(problem: Problem, options: argparse.Namespace) -> float:
    return float(options.rate if options.rate is not None else 50 if problem.outputs == 1 else 200)


def turn_length(problem: Problem, options: argparse.Namespace) -> int:
    inputs = len(problem.inputs)
    return int(options.turn_steps or -(-inputs // (options.batch or inputs)))


def gather(problem: Problem, options: argparse.Namespace) -> tuple[list[Contestant], list[Contestant]]:
    """The peers that can run here, and this library's contestants."""
    rate, batch = rate_of(problem, options), options.batch
    peers = []
    for name in options.peers:
        try:
            peers.append(make_peer(name, problem, rate, batch, options.threads))
        except ImportError as missing:
            print(f"{name}: left out ({missing})", file=sys.stderr)
    ours = [make_strategy(name, problem, rate, batch, options.threads) for name in options.strategies]
    if options.scaling:
        ours.append(make_strategy(options.strategies[0], problem, rate, batch, 1))
        ours[-1].name += ", 1 thread"
    return peers, ours


def run_case(problem: Problem, options: argparse.Namespace) -> dict[str, Any]:
    peers, ours = gather(problem, options)
    steps = turn_length(problem, options)
    first = min(CHECKED, steps)
    differ = check_weights(problem, peers, ours, first)
    for turn in range(options.turns):
        for contestant in peers + ours:
            if contestant.stopped:
                continue
            record.show(f"width {problem.width}: turn {turn + 1} of {options.turns}, {contestant.name}")
            rest()
            contestant.seconds += contestant.advance(steps - first if turn == 0 else steps)
            if turn == 0 and contestant in peers and statistics.mean(contestant.seconds) * steps > options.peer_budget:
                contestant.stopped = "1 turn"
            elif turn == 0:
                contestant.seconds.clear()
    record.show("")
    setting = {"width": problem.width, "outputs": problem.outputs, "radius": problem.radius}
    setting |= {"attack_steps": problem.steps, "rate": rate_of(problem, options)}
    return setting | figures(problem, peers, ours, options) | losses(problem, peers, ours) | {"weights_differ": differ}


def figures(
    problem: Problem, peers: list[Contestant], ours: list[Contestant], options: argparse.Namespace
) -> dict[str, Any]:
    median = {each.name: statistics.median(each.seconds) for each in peers + ours}
    best = min((each for each in ours if each.name in options.strategies), key=lambda each: median[each.name])
    times = {each.name: record.spread(each.seconds) | {"note": each.stopped} for each in peers + ours}
    for name, each in times.items():
        each["ratio"] = median[name] / median[best.name]
    for each in ours:
        timed = each.work[-len(each.seconds) :]
        times[each.name] |= {
            "work": {key: statistics.mean(step[key] for step in timed) for key in timed[0]},
            "fired_share": [each.fired_share[0], each.fired_share[-1]],
        }
    work, d = times[best.name]["work"], problem.inputs.shape[1]
    read = d * (4 * (work["inner_products"] - work["quantized"] + 2 * work["fired"]) + work["quantized"])
    result = {
        "best": best.name,
        "contestants": times,
        "ratios": {
            column: min(median[name] for name in members if name in median) / median[best.name]
            for column, members in COLUMNS
            if any(name in median for name in members)
        },
        "peak_bytes": peak_memory(problem, options),
        "bytes_per_step": read,
        "bytes_per_second": read / median[best.name],
    }
    if options.scaling:
        result["thread_scaling"] = median[ours[-1].name] / median[ours[0].name]
    return result


def check_weights(problem: Problem, peers: list[Contestant], ours: list[Contestant], steps: int) -> dict[str, float]:
    """Takes the first steps of everybody; exits where a peer's weights then differ from ours by more than rounding.

    Returns by how much they do, over the length of what was learnt.
    """
    import numpy as np

    for contestant in peers + ours:
        record.show(f"width {problem.width}: first steps, {contestant.name}")
        contestant.seconds += contestant.advance(steps)
    reference, differ = ours[0].weights(), {}
    for contestant in peers:
        error = np.linalg.norm(contestant.weights() - reference) / np.linalg.norm(reference - problem.weights)
        differ[contestant.name] = float(error)
        if not error < MOST_DIFFERENT:
            where = f"at width {problem.width}"
            sys.exit(f"{contestant.name} does not do the same training {where}: weights differ by {error:.1%}")
    return differ


def losses(problem: Problem, peers: list[Contestant], ours: list[Contestant]) -> dict[str, Any]:
    """The loss of everybody's network at attacked inputs. Exits where strategies have not the same weights."""
    import numpy as np

    import sublinear as sl

    def loss(weights: Any) -> float:
        network, x, y = problem.network(weights), problem.inputs[:JUDGED], problem.targets[:JUDGED]
        return float(sl.evaluate(network, x, y.astype(float), problem.loss, problem.attack()).robust_loss)

    reference = ours[0].weights()
    for contestant in ours:
        if not np.array_equal(contestant.weights(), reference):
            where = f"at width {problem.width}"
            sys.exit(f"{contestant.name} and {ours[0].name} trained different weights {where}")
    after = {each.name: loss(each.weights()) for each in [*peers, ours[0]] if not each.stopped}
    return {"loss_before": loss(problem.weights), "loss_after": after}


def peak_memory(problem: Problem, options: argparse.Namespace) -> int:
    """Of a process of its own that trains with the first strategy: Python and data included."""
    record.show(f"width {problem.width}: memory")
    command = [sys.executable, *sys.argv, "--only-memory", options.strategies[0], "--widths", str(problem.width)]
    command += ["--outputs", str(problem.outputs), "--radius", str(problem.radius)]
    command += ["--attack-steps", str(problem.steps), "--turns", str(min(3, options.turns))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record.show("")
    return int(done.stdout)


def only_memory(problem: Problem, options: argparse.Namespace) -> None:
    from sublinear.info import peak_memory as peak
    from sublinear.info import reset_peak_memory

    reset_peak_memory()  # what reading the data took for a while is not training's
    strategy = make_strategy(options.only_memory, problem, rate_of(problem, options), options.batch, options.threads)
    strategy.advance(options.turns * turn_length(problem, options))
    print(peak() or 0)


def bandwidths(threads: int) -> dict[str, float]:
    """Bytes per second read from each level, all threads together."""
    from compiled_c import UnavailableError, compiled

    try:
        code = compiled("read_bandwidth.c")
    except UnavailableError as missing:
        print(f"bandwidth: left out ({missing})", file=sys.stderr)
        return {}
    import ctypes

    code.read_bandwidth.restype = ctypes.c_double
    sizes = {"L2, 512 KiB a thread": 1 << 19, "L3, 8 MiB a thread": 1 << 23, "memory, 256 MiB a thread": 1 << 28}
    measured = {}
    for name, size in sizes.items():
        repeats = ctypes.c_int64(max(2, (1 << 30) // size))
        runs = [code.read_bandwidth(ctypes.c_int64(size), repeats, ctypes.c_int32(threads)) for _ in range(5)]
        measured[name] = statistics.median(runs)
    return measured


def main() -> None:
    options = arguments()
    record.thread_variables(options.threads)
    import sublinear as sl

    unknown = [name for name in options.strategies if name.partition(":")[0] not in sl.STRATEGIES]
    unknown += [name for name in options.peers if name not in PEERS]
    if unknown:
        sys.exit(f"{unknown[0]} is no contestant; strategies are {', '.join(sl.STRATEGIES)}, peers {', '.join(PEERS)}")
    try:
        examples = load(options.dataset, options.rows)
    except (ValueError, OSError) as wrong:
        sys.exit(str(wrong))
    problems = cases(options, examples)
    if options.only_memory:
        only_memory(problems[0], options)
        return
    content: dict[str, Any] = {"data": examples.about, "norm": str(options.norm), "batch": options.batch}
    content["results"] = results = []
    for problem in problems:
        results.append(run_case(problem, options))
        print(summary(results[-1]), file=sys.stderr, flush=True)
        # A sweep that is cut off keeps the cases that it has finished.
        record.save(options.json, record.circumstances(options.threads) | content)
    content["bandwidth"] = bandwidths(options.threads)
    content["exponents"] = {name: growth(results, name) for name in options.strategies}
    content = record.circumstances(options.threads) | content
    record.save(options.json, content)
    print("\n".join(table(content) for table in TABLES.values()))


def summary(result: dict[str, Any]) -> str:
    best = result["best"]
    ratios = ", ".join(f"{name} {ratio:.1f}x" for name, ratio in result["ratios"].items())
    return f"width {result['width']}: {best} {result['contestants'][best]['seconds']:.4f} s; {ratios or 'no peers'}"


if __name__ == "__main__":
    main()
