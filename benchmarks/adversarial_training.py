#!/usr/bin/env python3
"""Seconds per training step of this library's strategies and of dense peers, over widths, in one run.

    python benchmarks/adversarial_training.py --widths 4096,16384,65536 --threads 2

The work is described in problem.py. All contestants train the same network on the same data, in turn, step by step
(interleaved); the first step of each is not counted, because structures and compiled code are made in it. The figure is
the median. At the default rate of 50 the network learns and rows really move; a frozen network would flatter whoever
stores answers.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from turns import rest

PEERS = ("eager", "tiled", "compiled", "numpy", "numpy-tiled", "c")
COLUMNS = (
    ("eager", ("eager",)),
    ("numpy+torch", ("eager", "tiled", "compiled", "numpy", "numpy-tiled")),
    ("c", ("c",)),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    names = lambda text: [part for part in text.split(",") if part]  # noqa: E731
    add = parser.add_argument
    add("--widths", type=numbers, default=[4096, 16384], metavar="M,...", help="neurons (default 4096,16384)")
    add("--threads", type=int, default=2, metavar="T", help="for everybody (default 2)")
    add("--steps", type=int, default=11, metavar="N", help="steps, or epochs with --batch; one more than is timed")
    add("--batch", type=int, default=None, metavar="B", help="minibatch size (default: all inputs at once)")
    add("--rate", type=float, default=None, metavar="R", help="learning rate (default 50; 200 falling for digits)")
    add(
        "--task",
        choices=("parity", "digits"),
        default="parity",
        help="1 output and logistic loss, or 10 and cross-entropy",
    )
    add("--peers", type=names, default=["eager", "tiled", "numpy-tiled", "c"], metavar="P,...", help=", ".join(PEERS))
    add("--strategies", type=names, default=["margin", "dense"], metavar="S,...", help="this library's")
    add(
        "--peer-budget", type=float, default=60, metavar="S", help="a peer whose step takes longer runs no more of them"
    )
    add("--scaling", action="store_true", help="the first strategy with 1 thread too")
    add("--json", metavar="FILE", help="write everything there")
    add("--only-memory", metavar="S", help=argparse.SUPPRESS)
    return parser.parse_args()


@dataclass
class Contestant:
    """`advance(epoch)` does one epoch and returns its seconds per step; `weights()` are what it has trained."""

    name: str
    advance: Callable[[int], list[float]]
    weights: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    work: list[dict[str, int]] = field(default_factory=list)
    fired_share: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def make_peer(name: str, problem: Any, options: argparse.Namespace) -> Contestant:
    import numpy as np

    if name in ("eager", "tiled", "compiled"):
        from dense_torch import TorchPeer

        peer: Any = TorchPeer(problem, name, options.threads)
    elif name == "c":
        from dense_c import CPeer

        peer = CPeer(problem, options.threads)
    else:
        from dense_numpy import NumpyPeer

        peer = NumpyPeer(problem, problem.width if name == "numpy" else min(problem.width, 1024))

    rate = schedule(options)

    def advance(epoch: int) -> list[float]:
        if name.startswith("numpy"):  # the C peer leaves OpenBLAS with one thread
            from compiled_c import use_openblas_threads

            use_openblas_threads(options.threads)
        seconds = []
        batches = problem.batches(options.batch, epoch)
        for number, batch in enumerate(batches):
            x, targets = problem.inputs[batch], problem.targets[batch]
            start = time.perf_counter()
            peer.step(x, np.ascontiguousarray(targets), rate(epoch * len(batches) + number, len(batches)))
            seconds.append(time.perf_counter() - start)
        return seconds

    return Contestant(name, advance, lambda: peer.weights)


def make_strategy(name: str, problem: Any, options: argparse.Namespace, threads: int) -> Contestant:
    import sublinear as sl

    network = sl.TwoLayerNetwork(
        problem.weights.copy(), problem.signs, threshold=float(problem.threshold), scale=float(problem.scale)
    )
    trainer = sl.Trainer(
        network,
        strategy=name,
        attack=sl.PGD(radius=problem.radius, steps=problem.steps),
        loss="logistic" if problem.outputs == 1 else "cross-entropy",
        learning_rate=schedule(options),
        batch_size=options.batch,
        threads=threads,
        seed=0,
    )
    steps = len(problem.batches(options.batch, 0))

    def advance(epoch: int) -> list[float]:
        history = trainer.fit(problem.inputs, problem.targets.astype(float), epochs=1)
        contestant.work.append(history.work[0].as_dict())
        contestant.fired_share.append(history.fired_share[0])
        return [history.seconds[0] / steps]

    contestant = Contestant(name, advance, lambda: network.weights)
    return contestant


def schedule(options: argparse.Namespace) -> Callable[[int, int], float]:
    """(step, steps per epoch) -> rate: constant for "parity"; for "digits" falling to 0, as in `sublinear compare`."""
    import sublinear as sl

    if options.task == "parity":
        return sl.ConstantRate(first_rate(options))
    return sl.LinearRate(first_rate(options), 0, options.steps)


def first_rate(options: argparse.Namespace) -> float:
    return options.rate if options.rate is not None else 50.0 if options.task == "parity" else 200.0


def run_width(width: int, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from problem import Problem

    problem = Problem(width, outputs=1 if options.task == "parity" else 10)
    contestants = []
    for name in options.peers:
        try:
            contestants.append(make_peer(name, problem, options))
        except ImportError as missing:
            print(f"{name}: left out ({missing})", file=sys.stderr)
    ours = [make_strategy(name, problem, options, options.threads) for name in options.strategies]
    alone = make_strategy(options.strategies[0], problem, options, 1) if options.scaling else None
    if alone is not None:
        alone.name += ", 1 thread"
        ours.append(alone)
    contestants += ours
    for epoch in range(options.steps):
        for contestant in contestants:
            if contestant.note:
                continue
            show(f"width {width}: epoch {epoch + 1} of {options.steps}, {contestant.name}")
            rest()
            seconds = contestant.advance(epoch)
            if epoch > 0 or options.steps == 1:
                contestant.seconds += seconds
            elif contestant not in ours and sum(seconds) > options.peer_budget:
                contestant.seconds, contestant.note = seconds, "1 run"
    show("")
    reference = ours[0].weights()
    for contestant in contestants:
        if contestant in ours and not np.array_equal(contestant.weights(), reference):
            sys.exit(f"{contestant.name} and {ours[0].name} trained different weights at width {width}")
        if contestant in ours or options.batch is not None or contestant.note:
            continue  # peers draw their own minibatches
        change, expected = contestant.weights() - problem.weights, reference - problem.weights
        error = float(np.linalg.norm(change - expected) / np.linalg.norm(expected))
        if not error < 0.02:  # neurons whose pre-activation rounds to either side of the threshold
            sys.exit(f"{contestant.name} did not do the same training at width {width}: weights differ by {error:.1%}")
    best = min((each for each in ours if each is not alone), key=lambda each: each.median)
    result: dict[str, Any] = {"width": width, "best": best.name, "contestants": {}}
    for contestant in contestants:
        result["contestants"][contestant.name] = {
            "seconds": contestant.median,
            "timed": len(contestant.seconds),
            "ratio": contestant.median / best.median,
            "note": contestant.note,
        }
    for strategy in ours:
        work = {
            key: statistics.median(each[key] for each in strategy.work[1:] or strategy.work) for key in strategy.work[0]
        }
        result["contestants"][strategy.name] |= {"work": work, "fired_share": strategy.fired_share}
    times = {each.name: each.median for each in contestants}
    result["ratios"] = {
        column: min(times[name] for name in members if name in times) / best.median
        for column, members in COLUMNS
        if any(name in times for name in members)
    }
    if alone is not None:
        result["thread_scaling"] = alone.median / ours[0].median
    result["peak_bytes"] = peak_memory(width, options)
    d = problem.inputs.shape[1]
    work = result["contestants"][best.name]["work"]
    steps = len(problem.batches(options.batch, 0))
    whole_rows = work["inner_products"] - work["quantized"] + 2 * work["fired"]
    read = (4 * whole_rows + work["quantized"]) / steps * d
    result["bytes_per_step"], result["bytes_per_second"] = read, read / best.median
    return result


def peak_memory(width: int, options: argparse.Namespace) -> int:
    """Of a process of its own that trains with the first strategy: Python and data included."""
    show(f"width {width}: memory")
    command = [
        sys.executable,
        __file__,
        "--widths",
        str(width),
        "--threads",
        str(options.threads),
        "--task",
        options.task,
    ]
    command += ["--steps", "3", "--only-memory", options.strategies[0]]
    command += ["--batch", str(options.batch)] if options.batch else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    show("")
    return int(done.stdout)


def only_memory(options: argparse.Namespace) -> None:
    from problem import Problem

    problem = Problem(options.widths[0], outputs=1 if options.task == "parity" else 10)
    strategy = make_strategy(options.only_memory, problem, options, options.threads)
    for epoch in range(options.steps):
        strategy.advance(epoch)
    try:  # ru_maxrss would count what the parent held when it made this process
        status = pathlib.Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
    except (OSError, IndexError):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def growth(widths: list[int], values: list[float]) -> float | None:
    """The exponent of a power law fitted by least squares in logarithms."""
    import numpy as np

    if len(widths) < 2 or min(values) <= 0:
        return None
    return float(np.polyfit(np.log(widths), np.log(values), 1)[0])


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
        runs = [
            code.read_bandwidth(
                ctypes.c_int64(size), ctypes.c_int64(max(2, (1 << 30) // size)), ctypes.c_int32(threads)
            )
            for _ in range(5)
        ]
        measured[name] = statistics.median(runs)
    return measured


def show(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def report(results: list[dict[str, Any]], options: argparse.Namespace, machine: dict[str, float]) -> dict[str, Any]:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 80)
    work = f"{options.task}, {'full batch' if options.batch is None else f'batches of {options.batch}'}"
    console.print(f"Seconds per step ({work}, rate {first_rate(options):g}, {options.threads} threads)", style="bold")
    table = Table(box=None, pad_edge=False)
    for header in ("width", "contestant", "seconds", "x best", "inner products", "fired, first to last"):
        table.add_column(header, justify="left" if header == "contestant" else "right")
    for result in results:
        for name, one in result["contestants"].items():
            shares = one.get("fired_share")
            table.add_row(
                str(result["width"]),
                name + (f" ({one['note']})" if one["note"] else ""),
                f"{one['seconds']:.4f}",
                f"{one['ratio']:.2f}",
                f"{one['work']['inner_products']:.3g}" if "work" in one else "",
                f"{shares[0]:.1%} {shares[-1]:.1%}" if shares else "",
            )
    console.print(table)
    table = Table(box=None, pad_edge=False, title="Dense peer over our best", title_justify="left", title_style="bold")
    for header in ("width", *(name for name, _ in COLUMNS), "1 over all threads", "peak MB", "GB/s"):
        table.add_column(header, justify="right")
    for result in results:
        ratios = [f"{result['ratios'][name]:.1f}x" if name in result["ratios"] else "-" for name, _ in COLUMNS]
        scaling = f"{result['thread_scaling']:.2f}x" if "thread_scaling" in result else "-"
        peak, rate = f"{result['peak_bytes'] / 1e6:.0f}", f"{result['bytes_per_second'] / 1e9:.1f}"
        table.add_row(str(result["width"]), *ratios, scaling, peak, rate)
    console.print(table)
    console.print(
        "GB/s: rows, or their 8-bit copies, read for inner products, for the sum of those that fire and for their "
        "update, over the whole step."
    )
    for name, rate in machine.items():
        console.print(f"  {name} reads {rate / 1e9:.0f} GB/s on this machine")
    widths = [result["width"] for result in results]
    exponents = {}
    for name in options.strategies:
        runs = [result["contestants"][name] for result in results]
        exponents[name] = {
            "seconds": growth(widths, [run["seconds"] for run in runs]),
            "inner_products": growth(widths, [run["work"]["inner_products"] for run in runs]),
        }
        if exponents[name]["seconds"] is not None:
            console.print(
                f"{name}: seconds grow like m^{exponents[name]['seconds']:.2f}, "
                f"inner products like m^{exponents[name]['inner_products']:.2f}"
            )
    return exponents


def main() -> None:
    options = arguments()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(options.threads)  # before NumPy is loaded
    import sublinear as sl

    unknown = [name for name in options.strategies if name.partition(":")[0] not in sl.STRATEGIES]
    unknown += [name for name in options.peers if name not in PEERS]
    if unknown:
        sys.exit(f"{unknown[0]} is no contestant; strategies are {', '.join(sl.STRATEGIES)}, peers {', '.join(PEERS)}")
    if options.only_memory:
        only_memory(options)
        return
    results: list[dict[str, Any]] = []
    for width in options.widths:
        results.append(run_width(width, options))
        print(summary(results[-1]), file=sys.stderr, flush=True)
        save(options, {"results": results})  # a sweep that is cut off keeps the widths it has finished
    machine = bandwidths(options.threads)
    exponents = report(results, options, machine)
    save(options, {"results": results, "bandwidth": machine, "exponents": exponents})


def summary(result: dict[str, Any]) -> str:
    best = result["best"]
    ratios = ", ".join(f"{name} {ratio:.1f}x" for name, ratio in result["ratios"].items())
    return f"width {result['width']}: {best} {result['contestants'][best]['seconds']:.4f} s; {ratios or 'no peers'}"


def save(options: argparse.Namespace, content: dict[str, Any]) -> None:
    if not options.json:
        return
    import sublinear as sl
    from sublinear.info import machine

    whole = {"command": sys.argv, "machine": machine(), "simd": sl.simd_level()} | content
    path = pathlib.Path(options.json)
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_text(json.dumps(whole, indent=1))
    partial.replace(path)


if __name__ == "__main__":
    main()
