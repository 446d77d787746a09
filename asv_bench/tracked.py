#!/usr/bin/env python3
"""Counted work and bytes of every `track_*` benchmark, beside the values committed in tracked.json.

    python asv_bench/tracked.py             # exit status 1 if one has risen by more than 1 %
    python asv_bench/tracked.py --update    # writes the values of this revision; say why in the commit

Counts do not depend on the machine, its load, threads or instruction set, so a rise is a change of the code.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import pathlib
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

FOLDER = pathlib.Path(__file__).parent
VALUES = FOLDER / "tracked.json"
TOLERANCE = 0.01


def benchmarks() -> Iterator[tuple[str, type]]:
    """Name and class of every benchmark that tracks something."""
    sys.path.insert(0, str(FOLDER))
    package = importlib.import_module("benchmarks")
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
        for name, value in vars(importlib.import_module(f"benchmarks.{module}")).items():
            if isinstance(value, type) and any(each.startswith("track_") for each in vars(value)):
                yield f"{module}.{name}", value


def measure(only: str = "") -> dict[str, float]:
    """The tracked values by name; those whose name has `only` in it."""
    values: dict[str, float] = {}
    for name, benchmark in benchmarks():
        parameters = getattr(benchmark, "params", [])
        axes = parameters if parameters and isinstance(parameters[0], (list, tuple)) else [parameters]
        tracks = [each for each in vars(benchmark) if each.startswith("track_")]
        for chosen in itertools.product(*axes):
            for track in tracks:
                key = f"{name}.{track}({', '.join(map(str, chosen))})"
                if only not in key:
                    continue
                instance: Any = benchmark()
                try:
                    if hasattr(instance, "setup"):
                        instance.setup(*chosen)
                except NotImplementedError:  # asv's way to say that a combination is not served
                    continue
                values[key] = float(f"{getattr(instance, track)(*chosen):.10g}")
    return values


def compare(committed: dict[str, float], measured: dict[str, float]) -> tuple[list[str], list[str]]:
    """What is worse than committed, or not committed at all, and what is better: a line each."""
    worse, better = [], []
    for key, value in measured.items():
        before = committed.get(key)
        if before is None:
            worse.append(f"{key}: {value:g}, and no value is committed")
        elif value > before * (1 + TOLERANCE):
            worse.append(f"{key}: {before:g} -> {value:g}" + (f" (+{value / before - 1:.1%})" if before else ""))
        elif value < before * (1 - TOLERANCE):
            better.append(f"{key}: {before:g} -> {value:g} ({value / before - 1:.1%})")
    worse += [f"{key}: committed, and no longer tracked" for key in committed.keys() - measured.keys()]
    return worse, better


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the values of this revision")
    options = parser.parse_args()
    measured = measure()
    if options.update:
        VALUES.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
        print(f"{len(measured)} values written to {VALUES}")
        return 0
    worse, better = compare(json.loads(VALUES.read_text()), measured)
    for line in better:
        print("less:", line)
    for line in worse:
        print("MORE:", line)
    print(f"{len(measured)} tracked values, {len(worse)} more and {len(better)} less than committed")
    if worse:
        print("Find out why; or run asv_bench/tracked.py --update and say why in the commit.")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
