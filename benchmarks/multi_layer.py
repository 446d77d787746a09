#!/usr/bin/env python3
"""A trained hidden layer of m x m weights: low rank and sparse columns beside the dense matrix, in one run.

    python benchmarks/multi_layer.py --widths 256,512,1024,2048,4096 --threads 2

A three-layer network on unit inputs with labels +-1, full batch, `ThreeLayerNetwork.random` with its default threshold.
The dense peer trains the same network in NumPy, with whole matrices: W h for all inputs, then W -= U V^T. Its
multiply-adds are 2 n m^2 a step. Both are measured from the first flush of the lazy layer to a later one, so that a
step's share of the flushes is in its figures; at least --steps steps. The first layer is not trained: its activations
are computed once, before. Afterwards the weights of both must have changed alike, up to rounding.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np

from turns import rest


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--widths", default="256,512,1024,2048,4096", metavar="M,...")
    add("--inputs", type=int, default=32, metavar="N", help="(default 32)")
    add("--features", type=int, default=16, metavar="D", help="(default 16)")
    add("--steps", type=int, default=30, metavar="S", help="measured steps, at least (default 30)")
    add("--rate", type=float, default=1.0, help="learning rate (default 1)")
    add("--threads", type=int, default=2, metavar="T", help="for both (default 2)")
    add(
        "--processor-time", action="store_true", help="time of the processor, not of the wall, on a machine with guests"
    )
    add("--kappa", type=float, help="thresholds in standard deviations (default sqrt(0.4 log m))")
    add("--rank-limit", type=int, metavar="R", help="flush at this rank (default: by counts)")
    add("--seed", type=int, default=0)
    add("--json", metavar="FILE", help="write everything there")
    options = parser.parse_args()
    if options.inputs < 2 or options.steps < 1:
        parser.error("--inputs is at least 2 and --steps at least 1")
    return options


class DensePeer:
    """The same training with whole matrices, in the network's precision."""

    def __init__(self, net: Any, X: Any, y: Any, rate: float) -> None:
        self.hidden = net.hidden.to_dense()
        products = X @ net.first_weights.T
        first = np.float32(net.first_threshold)
        self.below = np.where(products >= first, products - first, np.float32(0))
        self.outputs, self.threshold = net.output_weights, np.float32(net.hidden_threshold)
        self.labels, self.factor = y.astype(np.float32), np.float32(rate * net.scale / len(X))
        self.scale = np.float32(net.scale)

    def step(self) -> None:
        products = self.below @ self.hidden.T
        products -= self.threshold
        fired = products >= 0
        f = self.scale * (np.maximum(products, 0, out=products) @ self.outputs)
        u = fired * ((f - self.labels) * self.factor)[:, None]
        u *= self.outputs
        self.hidden -= u.T @ self.below


def run_width(width: int, options: argparse.Namespace) -> dict[str, Any]:
    import sublinear as sl
    from sublinear import _training

    random = np.random.default_rng(options.seed)
    X = random.standard_normal((options.inputs, options.features), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = np.sign(random.standard_normal(options.inputs))
    net = sl.ThreeLayerNetwork.random(
        options.features, width, seed=options.seed, kappa=options.kappa, rank_limit=options.rank_limit
    )
    start = net.hidden.to_dense()
    peer = DensePeer(net, X, y, options.rate)
    trainer = _training.make_three_layer_trainer(net._core, X, y, 0, 0, options.threads)
    clock = time.process_time if options.processor_time else time.perf_counter
    steps: list[dict[str, Any]] = []
    flushed: list[int] = []  # steps after which the layer was folded
    enough = False
    while not enough:
        began = clock()
        loss, _, _, first, hidden, rank, work = trainer.step(options.rate)
        seconds = clock() - began
        steps.append(
            {
                "loss": loss,
                "seconds": seconds,
                "first_share": first / (options.inputs * width),
                "hidden_share": hidden / (options.inputs * width),
                "rank": rank,
                **sl.LowRankWork(*work).as_dict(),
            }
        )
        if net.hidden.flushes > len(flushed):
            flushed.append(len(steps))
            enough = flushed[-1] - flushed[0] >= options.steps
        if len(steps) >= 100 * options.steps:
            sys.exit(f"width {width}: {len(flushed)} flushes in {len(steps)} steps; take more inputs")
    rest()
    for step in steps:
        began = clock()
        peer.step()
        step["dense_seconds"] = clock() - began
    rest()
    # Both have gone through the same steps. They differ by rounding, which also lets a neuron close to its threshold
    # fire in one of the two only; so it is the change as a whole that is compared.
    trained = net.hidden.to_dense()
    difference = float(np.linalg.norm(trained - peer.hidden) / np.linalg.norm(trained - start))
    if difference > 0.01:
        sys.exit(f"width {width}: the weights of the two differ by {difference:.2%} of what they changed by")
    window = steps[flushed[0] : flushed[-1]]
    result = {
        name: float(np.mean([step[name] for step in window])) for name in window[0] if name not in ("loss", "rank")
    }
    result.update(
        width=width,
        multiply_adds=sum(result[name] for name in ("base", "low_rank", "folded", "other")),
        dense_multiply_adds=2.0 * options.inputs * width**2,
        steps=len(window),
        flushes=len(flushed) - 1,
        largest_rank=max(step["rank"] for step in steps),
        first_loss=steps[0]["loss"],
        last_loss=steps[-1]["loss"],
        difference=difference,
    )
    return result


def main() -> None:
    options = arguments()
    from rich.console import Console
    from rich.table import Table

    from compiled_c import use_openblas_threads
    from sublinear.growth import fit_growth

    use_openblas_threads(options.threads)
    rows = [run_width(int(width), options) for width in options.widths.split(",")]
    console = Console(width=None if sys.stdout.isatty() else 80)
    console.print(
        f"Hidden layers of m x m weights, {options.inputs} inputs a step, threads: {options.threads}",
        style="bold",
    )
    table = Table(box=None, pad_edge=False)
    for header in ("m", "fired", "W0", "U V", "folded", "all", "dense", "ms", "dense", "x"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        counts = (row[name] / 1e6 for name in ("base", "low_rank", "folded", "multiply_adds", "dense_multiply_adds"))
        table.add_row(
            str(row["width"]),
            f"{100 * row['first_share']:.1f}/{100 * row['hidden_share']:.1f}",
            *(f"{count:.3g}" for count in counts),
            f"{1e3 * row['seconds']:.2f}",
            f"{1e3 * row['dense_seconds']:.2f}",
            f"{row['dense_seconds'] / row['seconds']:.1f}",
        )
    console.print(table)
    what = "of processor time " if options.processor_time else ""
    console.print("Fired: per cent, first and hidden layer. W0 ... dense: millions of")
    console.print(f"multiply-adds a step. ms, dense, x: milliseconds {what}a step.")
    growth = {}
    for name, text in (
        ("multiply_adds", "multiply-adds"),
        ("streamed", "entries moved by flushes"),
        ("dense_multiply_adds", "multiply-adds of the dense peer"),
        ("seconds", "seconds"),
        ("dense_seconds", "seconds of the dense peer"),
    ):
        fitted = fit_growth([row["width"] for row in rows], [row[name] for row in rows])
        if fitted is not None:
            growth[name] = fitted.exponent
            console.print(f"{text} grow like m^{fitted.text()}", markup=False)
    if options.json:
        from sublinear.info import machine

        with open(options.json, "w") as file:
            json.dump({"command": sys.argv, "machine": machine(), "rows": rows, "growth": growth}, file, indent=1)


if __name__ == "__main__":
    main()
