#!/usr/bin/env python3
"""The pictures of README and docs/benchmarks.md, from benchmarks/results/*.json.

python benchmarks/picture.py        # writes docs/pictures/*.svg; needs pip install '.[report]'

Seconds per training step over the width, and robust accuracy over the seconds of training, each of dense peers and of
this library.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recipes import OURS, RIVAL, Recipe
from robust_tables import runs, sides
from sublinear.growth import fit_growth
from sublinear.report.figures import COLOURS, Series, lines

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PICTURES = ROOT / "docs" / "pictures"

#: What the picture calls the contestants, and their styles.
NAMES = {
    "eager": ("PyTorch, as most would write it", 2),
    "numpy-tiled": ("NumPy, in tiles", 5),
    "tiled": ("PyTorch, in tiles", 4),
    "c": ("C, OpenBLAS and vectors by hand", 7),
    "margin": ("sublinear, margin", 1),
}


def series(results: list[dict[str, object]]) -> list[Series]:
    """One line for each contestant, fitted where the exponent is printed."""
    found = []
    for name, (label, style) in NAMES.items():
        points = [
            (float(result["width"]), result["contestants"][name]["seconds"])
            for result in results
            if name in result["contestants"]
        ]
        x, y = [width for width, _ in points], [seconds for _, seconds in points]
        growth = fit_growth(x, y)
        found.append(Series(f"{label}: m^{growth.exponent:.2f}", x, y, style))
    return found


def alone(svg: str) -> str:
    """The drawing as a file of its own, light or dark as its reader is."""
    names = [f"--series-{number}" for number in range(len(COLOURS))]
    light = ["--ink: #1b1f24", "--faint: #d8dee4", *(f"{n}: {c}" for n, (c, _) in zip(names, COLOURS, strict=True))]
    dark = ["--ink: #e6edf3", "--faint: #2f3742", *(f"{n}: {c}" for n, (_, c) in zip(names, COLOURS, strict=True))]
    rules = f":root {{ {'; '.join(light)} }} @media (prefers-color-scheme: dark) {{ :root {{ {'; '.join(dark)} }} }}"
    head, rest = svg.split(">", 1)
    return f"{head}><style>{rules}</style>{rest}"


def curves(content: dict[str, Any], threat: str) -> list[Series]:
    """Robust accuracy on test rows over seconds: the middle seed's curve of each side."""
    styles = {OURS: 1, RIVAL: 2}
    found = []
    for side in sides(runs(content, "final", threat)):
        own = [each for each in runs(content, "final", threat) if each["recipe"]["side"] == side]
        middle = sorted(own, key=lambda each: each["curve"][-1]["seconds"])[len(own) // 2]
        x = [0.0, *(each["seconds"] for each in middle["curve"])]
        y = [0.0, *(each["robust"] for each in middle["curve"])]
        found.append(Series(f"{side}: {Recipe(**middle['recipe']).text()}", x, y, styles[side]))
    return found


def main() -> None:
    content = json.loads((RESULTS / "training_over_width.json").read_text())
    title = "Seconds per step of adversarial training (digits, two cores)"
    drawn = {"training_over_width": lines(title, "neurons m", "seconds", series(content["results"]), log=True)}
    timed = RESULTS / "time_to_robust_accuracy.json"
    if timed.exists():
        content = json.loads(timed.read_text())
        for threat in content["settings"]["targets"]:
            title = f"Robust accuracy of {content['data']['name']} over training ({threat})"
            axes = ("seconds of training", "robust test accuracy, %")
            drawn[f"robust_accuracy_{threat}"] = lines(title, *axes, curves(content, threat), percent=True)
    for name, svg in drawn.items():
        (PICTURES / f"{name}.svg").write_text(alone(svg))
        print(PICTURES / f"{name}.svg")


if __name__ == "__main__":
    main()
