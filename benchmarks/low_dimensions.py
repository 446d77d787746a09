#!/usr/bin/env python3
"""Counting in few dimensions: the indexes beside a straight scan in C, in one run; and crossing numbers.

    python benchmarks/low_dimensions.py --points 1048576 --dimensions 2,3,4,6

Gaussian points in float32, unit queries, threshold sqrt(0.4 log points), one thread. Interleaved, medians. Then how
many leaves of a simplicial partition tree random hyperplanes cross, over the number of points, beside the theory's
exponent 1 - 1/d: hyperplanes through the middle of the cloud, which are the hard ones.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

INDEXES = "kd-tree,ball-tree,partition-tree,convex-layers"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--points", type=int, default=1 << 20, metavar="N", help="a multiple of 64 (default 1048576)")
    add("--dimensions", default="2,3,4,6", metavar="D,...")
    add("--queries", type=int, default=100, metavar="Q")
    add("--repeats", type=int, default=7, metavar="R", help="timed calls of each (default 7)")
    add("--indexes", default=INDEXES, metavar="I,...", help=f"(default {INDEXES})")
    add("--crossings", type=int, default=6, metavar="K", help="sizes N, N/4, ... of partition trees (0 for none)")
    add("--json", metavar="FILE", help="write everything there")
    options = parser.parse_args()
    if options.points < 64 or options.points % 64:
        parser.error("--points is a multiple of 64, at least 64")
    return options


def scan(points: Any, queries: Any, threshold: float) -> Callable[[], Any] | None:
    from compiled_c import UnavailableError, address, compiled

    try:
        code = compiled("count_c.c")
    except UnavailableError as missing:
        print(f"scan: left out ({missing})", file=sys.stderr)
        return None
    columns, counts = np.ascontiguousarray(points.T), np.empty(len(queries), np.int64)
    size = ctypes.c_int64

    def by_scan() -> Any:
        code.count_each(
            address(columns), size(len(points)), size(points.shape[1]), address(queries), size(len(queries)),
            ctypes.c_float(threshold), address(counts),
        )  # fmt: skip
        return counts

    return by_scan


def run_dimension(d: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    import sublinear as sl

    random = np.random.default_rng(d)
    points = random.standard_normal((options.points, d), dtype=np.float32)
    queries = random.standard_normal((options.queries, d), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    threshold = float(np.float32(np.sqrt(0.4 * np.log(options.points))))
    contestants: dict[str, Callable[[], Any]] = {}
    rows: list[dict[str, Any]] = []
    by_scan = scan(points, queries, threshold)
    if by_scan is not None:
        contestants["scan"] = by_scan
        rows.append({"dimension": d, "contestant": "scan", "build": None, "share": 1.0, "bounds": 0.0})
    for name in options.indexes.split(","):
        if not sl.index_serves(name, d):
            continue
        start = time.perf_counter()
        index = sl.INDEXES[name](points)
        build = time.perf_counter() - start
        contestants[name] = lambda index=index: index.count_batch(queries, threshold, threads=1)
        _, work = index.count_batch(queries, threshold, threads=1, return_work=True)
        every = options.queries * options.points
        rows.append(
            {
                "dimension": d,
                "contestant": name,
                "build": build,
                "share": work.inner_products / every,
                "bounds": work.bounds / every,
            }
        )
    found = {name: int(np.sum(count())) for name, count in contestants.items()}
    if max(found.values()) - min(found.values()) > 1e-5 * max(found.values()) + options.queries:
        sys.exit(f"contestants count differently in {d} dimensions: {found}")
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.repeats):
        for name, count in contestants.items():
            count()  # so that each finds in the caches what a run of its own would have left there
            start = time.perf_counter()
            count()
            seconds[name].append((time.perf_counter() - start) / options.queries)
    for row in rows:
        row["seconds"] = statistics.median(seconds[row["contestant"]])
        row["reported"] = found[row["contestant"]] / options.queries
    return rows


def crossings(d: int, options: argparse.Namespace) -> dict[str, Any]:
    import sublinear as sl

    random = np.random.default_rng(d)
    points = random.standard_normal((options.points, d), dtype=np.float32)
    normals = random.standard_normal((options.queries, d), dtype=np.float32)
    sizes, crossed, leaves = [], [], []
    for k in reversed(range(options.crossings)):
        count = options.points >> 2 * k
        if count < 1024:
            continue
        numbers, all_leaves = sl.PartitionTree.crossing_numbers(points[:count], normals, 0.0)
        sizes.append(count)
        crossed.append(float(numbers.mean()))
        leaves.append(all_leaves)
    exponent = float(np.polyfit(np.log(leaves), np.log(crossed), 1)[0]) if len(sizes) > 1 else None
    return {"dimension": d, "points": sizes, "leaves": leaves, "crossed": crossed, "exponent": exponent}


def main() -> None:
    options = arguments()
    from rich.console import Console
    from rich.table import Table

    dimensions = [int(part) for part in options.dimensions.split(",")]
    rows = [row for d in dimensions for row in run_dimension(d, options)]
    console = Console(width=None if sys.stdout.isatty() else 80)
    console.print(f"Counting among {options.points} Gaussian points, 1 thread", style="bold")
    table = Table(box=None, pad_edge=False)
    for header in ("d", "contestant", "build s", "inner products", "bounds", "microseconds", "x scan"):
        table.add_column(header, justify="left" if header == "contestant" else "right")
    scans = {row["dimension"]: row["seconds"] for row in rows if row["contestant"] == "scan"}
    for row in rows:
        d = row["dimension"]
        table.add_row(
            str(d),
            row["contestant"],
            "" if row["build"] is None else f"{row['build']:.2f}",
            f"{row['share']:.3%}",
            f"{row['bounds']:.3%}",
            f"{1e6 * row['seconds']:.1f}",
            f"{scans[d] / row['seconds']:.1f}" if d in scans else "-",
        )
    console.print(table)
    console.print("Inner products and bounds are shares of points x queries.")
    results = [crossings(d, options) for d in dimensions if d > 1] if options.crossings else []
    if results:
        table = Table(box=None, pad_edge=False, title="Leaves of a partition tree that a hyperplane crosses")
        table.title_justify, table.title_style = "left", "bold"
        for header in ("d", "points", "leaves", "crossed", "crossed / leaves^(1 - 1/d)"):
            table.add_column(header, justify="right")
        for result in results:
            d = result["dimension"]
            for count, leaves, crossed in zip(result["points"], result["leaves"], result["crossed"], strict=True):
                table.add_row(
                    str(d), str(count), str(leaves), f"{crossed:.1f}", f"{crossed / leaves ** (1 - 1 / d):.2f}"
                )
        console.print(table)
        for result in results:
            if result["exponent"] is not None:
                d = result["dimension"]
                console.print(f"d = {d}: crossed grow like leaves^{result['exponent']:.3f}, theory {1 - 1 / d:.3f}")
    if options.json:
        from sublinear.info import machine

        content = {"command": sys.argv, "machine": machine(), "counting": rows, "crossings": results}
        with open(options.json, "w") as file:
            json.dump(content, file, indent=1)


if __name__ == "__main__":
    main()
