#!/usr/bin/env python3
"""The picture of README: seconds per training step over the width, of dense peers and of this library.

python benchmarks/adversarial_training.py ... --json benchmarks/results/training_over_width.json
python benchmarks/picture.py        # docs/pictures/training_over_width.svg, needs pip install '.[report]'
"""

from __future__ import annotations

import json
from pathlib import Path

from sublinear.growth import fit_growth
from sublinear.report.figures import COLOURS, Series, lines

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "training_over_width.json"
PICTURE = ROOT / "docs" / "pictures" / "training_over_width.svg"

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


def main() -> None:
    content = json.loads(RESULTS.read_text())
    title = "Seconds per step of adversarial training (digits, two cores)"
    PICTURE.write_text(alone(lines(title, "neurons m", "seconds", series(content["results"]), log=True)))
    print(PICTURE)


if __name__ == "__main__":
    main()
