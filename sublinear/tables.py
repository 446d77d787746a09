"""How results look in a terminal of 80 columns."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from sublinear.compare import Comparison, Run
from sublinear.evaluation import Evaluation


def quantity(value: float, unit: str = "") -> str:
    """A number with at most three digits and a decimal prefix, such as "1.23M"."""
    for prefix in ("", "k", "M", "G"):
        if abs(value) < 999.5:
            return f"{value:.3g}{prefix}{unit}"
        value /= 1000
    return f"{value:.4g}T{unit}"


def seconds_text(seconds: float) -> str:
    """Seconds in at most five characters up to 99999."""
    return f"{seconds:.3f}" if seconds < 9.9995 else f"{seconds:.1f}" if seconds < 999.95 else f"{seconds:.0f}"


def comparison_table(comparison: Comparison) -> Table:
    """One row a strategy. Candidates and fired neurons are shown for the first and the last epoch."""
    table = Table(box=_BOX, padding=0, pad_edge=False)
    for header in _COLUMNS:
        table.add_column(header, justify="left" if header == "strategy" else "right", overflow="fold")
    for run in comparison.runs:
        if run.error is None:
            table.add_row(*_row(comparison, run))
        else:
            table.add_row(run.strategy.replace(":", ":\n "), *["-"] * (len(_COLUMNS) - 1))
    return table


_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n")
_COLUMNS = (
    "strategy",
    "build\ns",
    "epoch\ns",
    "of\ndense",
    "inner\nprod.",
    "candid.\n/input",
    "fired\n/input",
    "memory\n",
    "clean\n%",
    "robust\n%",
    "same\nbits",
)


def _row(comparison: Comparison, run: Run) -> list[str]:
    width = comparison.network.width
    reference = comparison.reference
    dense = reference if reference is not None and reference.strategy == "dense" else None

    def change(shares: list[float]) -> str:
        first, last = f"{shares[0] * width:.0f}", f"{shares[-1] * width:.0f}"
        return first if first == last else f"{first}-{last}"

    return [
        run.strategy.replace(":", ":\n "),
        seconds_text(run.build_seconds),
        seconds_text(run.seconds_per_epoch),
        f"{run.seconds_per_epoch / dense.seconds_per_epoch:.2f}" if dense else "-",
        quantity(run.work["inner_products"]),
        change(run.candidates_share),
        change(run.fired_share),
        quantity(run.bytes, "B"),
        f"{100 * run.clean_accuracy:.1f}",
        f"{100 * run.robust_accuracy:.1f}",
        "yes" if comparison.identical(run) else "NO",
    ]


def comparison_caption(comparison: Comparison) -> list[str]:
    """What the table is of, in lines of at most 80 characters."""
    content = comparison.as_dict()
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    return [
        f"{data['name']}: {data['n_train']} training and {data['n_test']} test inputs, {data['n_features']} features, "
        f"{data['classes']} classes",
        f"{network['width']} neurons, {training['epochs']} epochs, batches of {training['batch_size']}, rate "
        f"{training['learning_rate']['first']:g} falling to 0, seed {content['seed']}",
        f"PGD, radius {attack['radius']:g} in l{attack['norm']}, {attack['steps']} steps; {network['dtype']}, "
        f"{content['machine']['simd_level']}, {content['machine']['threads']} threads",
    ]


def info_table(content: dict[str, Any]) -> Table:
    """Names and values, one a line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in content.items():
        table.add_row(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return table


def evaluation_table(judged: dict[str, Evaluation]) -> Table:
    """One row an attack; the first row is the clean inputs."""
    table = Table(box=_BOX, padding=0, pad_edge=False)
    for header in ("attack", "accuracy %", "loss"):
        table.add_column(header, justify="left" if header == "attack" else "right")
    first = next(iter(judged.values()))
    rows = [("none", first.clean_accuracy, first.clean_loss)]
    rows += [(name, each.robust_accuracy, each.robust_loss) for name, each in judged.items() if name != "none"]
    for name, accuracy, loss in rows:
        table.add_row(name, "-" if accuracy is None else f"{100 * accuracy:.1f}", f"{loss:.4f}")
    return table
