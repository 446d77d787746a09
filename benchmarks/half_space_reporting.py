#!/usr/bin/env python3
"""Seconds for half-space queries: this library's indexes beside NumPy and a BLAS with a compress scan, in one run.

    python benchmarks/half_space_reporting.py --sizes 16384x8,65536x64 --threads 1

Gaussian points in float32, unit queries, threshold sqrt(0.4 log points); every contestant reports all ids of all
queries. Interleaved, medians. All must report as many ids as the others but for products that round to either side.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from turns import rest

SIZES = "16384x8,16384x64,65536x16,65536x64,65536x784,262144x64"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--sizes", default=SIZES, metavar="NxD,...", help=f"points x dimensions (default {SIZES})")
    add("--queries", type=int, default=1000, metavar="Q")
    add("--threads", type=int, default=1, metavar="T", help="for everybody (default 1)")
    add("--repeats", type=int, default=7, metavar="R", help="timed calls of each (default 7)")
    add("--indexes", default="brute-force,quantized-scan", metavar="I,...")
    add("--one-by-one", action="store_true", help="a call for each query; without the C peer")
    add("--json", metavar="FILE", help="write everything there")
    return parser.parse_args()


def make_contestants(points: Any, queries: Any, threshold: float, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    import sublinear as sl
    from compiled_c import UnavailableError, address, compiled, sgemm, use_openblas_threads

    contestants: dict[str, Callable[[], int]] = {}

    def by_numpy() -> int:
        use_openblas_threads(options.threads)
        tiles = range(0, len(queries), 64)
        return sum(np.flatnonzero(queries[q : q + 64] @ points.T >= threshold).size for q in tiles)

    def one_by_one_by_numpy() -> int:
        use_openblas_threads(options.threads)
        return sum(np.flatnonzero(points @ query >= threshold).size for query in queries)

    contestants["numpy"] = one_by_one_by_numpy if options.one_by_one else by_numpy
    try:
        if options.one_by_one:
            raise UnavailableError("queries come one by one")
        code, product = compiled("report_c.c"), sgemm()
        room = max(4096, len(points) // 8) + 2064
        ids, counts = np.empty(len(queries) * room, np.int32), np.empty(len(queries), np.int64)

        def by_blas() -> int:
            use_openblas_threads(1)
            size = ctypes.c_int64
            fits = code.report(
                product, address(points), size(len(points)), size(points.shape[1]), address(queries),
                size(len(queries)), ctypes.c_float(threshold), ctypes.c_int32(options.threads), size(room),
                address(ids), address(counts),
            )  # fmt: skip
            if not fits:
                raise RuntimeError("more ids than the C peer has room for")
            return int(counts.sum())

        contestants["c"] = by_blas
    except UnavailableError as missing:
        print(f"c: left out ({missing})", file=sys.stderr)
    for name in options.indexes.split(","):
        if not sl.index_serves(name, points.shape[1]):
            continue
        index = sl.INDEXES[name](points)
        if options.one_by_one:
            contestants[name] = lambda index=index: sum(len(index.report(query, threshold)) for query in queries)
            continue
        contestants[name] = lambda index=index: len(index.report_batch(queries, threshold, threads=options.threads).ids)
    return contestants


def run_size(count: int, dimension: int, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    random = np.random.default_rng(0)
    points = random.standard_normal((count, dimension), dtype=np.float32)
    queries = random.standard_normal((options.queries, dimension), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    contestants = make_contestants(points, queries, float(np.float32(np.sqrt(0.4 * np.log(count)))), options)
    reported = {name: report() for name, report in contestants.items()}
    if max(reported.values()) - min(reported.values()) > 1e-4 * max(reported.values()) + 1:
        sys.exit(f"{count}x{dimension}: contestants report different numbers of ids: {reported}")
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.repeats):
        for name, report in contestants.items():
            rest()
            start = time.perf_counter()
            report()
            seconds[name].append(time.perf_counter() - start)
    return {
        "points": count,
        "dimension": dimension,
        "reported": reported,
        "seconds": {name: statistics.median(times) for name, times in seconds.items()},
    }


def main() -> None:
    options = arguments()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(options.threads)  # before NumPy is loaded
    sizes = [tuple(int(part) for part in size.split("x")) for size in options.sizes.split(",")]
    results = [run_size(count, dimension, options) for count, dimension in sizes]
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 80)
    names = list(results[0]["seconds"])
    base = "c" if "c" in names else "numpy"
    how = " one by one" if options.one_by_one else ""
    console.print(f"Seconds for {options.queries} queries{how}, {options.threads} threads", style="bold")
    table = Table(box=None, pad_edge=False)
    for header in ("points", "d", "contestant", "seconds", f"times faster than {base}"):
        table.add_column(header, justify="left" if header == "contestant" else "right")
    for result in results:
        for name, seconds in result["seconds"].items():
            faster = result["seconds"][base] / seconds
            size = str(result["points"]), str(result["dimension"])
            table.add_row(*size, name, f"{seconds:.4f}", f"{faster:.2f}")
    console.print(table)
    if options.json:
        from sublinear.info import machine

        with open(options.json, "w") as file:
            json.dump({"command": sys.argv, "machine": machine(), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
