"""The tables of `adversarial_training.py`: text of at most 80 columns, made from its JSON alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from record import plain, table_text

#: What the dense peers are compared in: the fastest of each group.
COLUMNS = (
    ("eager", ("eager",)),
    ("numpy+torch", ("eager", "tiled", "compiled", "numpy", "numpy-tiled")),
    ("c", ("c",)),
)

#: Settings that a run may have several of, and their headers.
VARIED = {"width": "width", "outputs": "outputs", "radius": "radius", "attack_steps": "steps"}


def setting(content: dict[str, Any]) -> str:
    """What was trained, on what, in lines of at most 80 columns; settings that differ are in the table."""
    data, results = content["data"], content["results"]

    def values(key: str) -> str:
        return "/".join(dict.fromkeys(plain(result[key]) for result in results))

    outputs, steps = values("outputs"), values("attack_steps")
    attack = f"PGD, l{plain(float(content['norm']))} {values('radius')}, {steps} step{'s' * (steps != '1')}"
    words = [
        f"{data['name']}: {data['rows']} inputs of {data['features']} features,",
        "full batch," if content["batch"] is None else f"batches of {content['batch']},",
        f"{outputs} output{'s' * (outputs != '1')},",
        f"rate {values('rate')},",
        "no attack;" if steps == "0" else f"{attack};",
        f"{content['machine']['cpu']}, {content['threads']} threads, {content['simd']}",
    ]
    return textwrap.fill(" ".join(words), 80)


def varied(content: dict[str, Any]) -> list[str]:
    """The settings that differ between results; the width always."""
    return [key for key in VARIED if key == "width" or len({each[key] for each in content["results"]}) > 1]


def seconds(content: dict[str, Any]) -> str:
    """Seconds of each contestant, with their middle halves."""
    keys = varied(content)
    rows = []
    for result in content["results"]:
        for name, one in result["contestants"].items():
            shares = one.get("fired_share")
            low, high = one["middle_half"]
            rows.append(
                [
                    *(plain(result[key]) for key in keys),
                    name + (f" ({one['note']})" if one["note"] else ""),
                    f"{one['seconds']:.4f}",
                    f"{low:.4f}-{high:.4f}",
                    f"{one['ratio']:.2f}",
                    f"{shares[0]:.1%}-{shares[1]:.1%}" if shares else "",
                ]
            )
    headers = [*(VARIED[key] for key in keys), "contestant", "seconds", "middle half", "x best", "fired"]
    return f"Seconds per step\n{setting(content)}\n" + table_text(headers, rows, left=("contestant",))


def ratios(content: dict[str, Any]) -> str:
    """The dense peers over the best of ours, and how seconds and counts grow."""
    keys = varied(content)
    columns = [name for name, _ in COLUMNS if any(name in result["ratios"] for result in content["results"])]
    scaling = any("thread_scaling" in result for result in content["results"])
    rows = []
    for result in content["results"]:
        best = result["contestants"][result["best"]]
        rows.append(
            [
                *(plain(result[key]) for key in keys),
                result["best"],
                f"{1000 * best['seconds']:.1f}",
                *(f"{result['ratios'][name]:.1f}x" if name in result["ratios"] else "-" for name in columns),
                *([f"{result['thread_scaling']:.2f}x"] if scaling else []),
                f"{result['peak_bytes'] / 1e6:.0f}",
            ]
        )
    headers = [*(VARIED[key] for key in keys), "best", "ms", *columns]
    headers += ["1 thread"] * scaling + ["peak MB"]
    lines = [
        "Dense peer over our best",
        setting(content),
        table_text(headers, rows, left=("best",)).rstrip("\n"),
    ]
    for name, exponents in content["exponents"].items():
        if exponents is not None:
            lines.append(
                f"{name}: seconds grow like m^{exponents['seconds']:.2f}, "
                f"inner products like m^{exponents['inner_products']:.2f}"
            )
    return "\n".join(lines) + "\n"


def reading(content: dict[str, Any]) -> str:
    """Bytes read beside what the machine's caches give."""
    lines = ["Rows or their 8-bit copies, read for products, sums over fired ones and updates"]
    for result in content["results"]:
        where = ", ".join(f"{VARIED[key]} {plain(result[key])}" for key in varied(content))
        rate = f"{result['bytes_per_second'] / 1e9:.1f} GB/s"
        lines.append(f"  {where}: {result['bytes_per_step'] / 1e6:.0f} MB a step, {rate}")
    lines += [f"  {name} reads {rate / 1e9:.0f} GB/s on this machine" for name, rate in content["bandwidth"].items()]
    return "\n".join(lines) + "\n"


def losses(content: dict[str, Any]) -> str:
    """That all solved the same problem."""
    keys = varied(content)
    rows = [
        [*(plain(result[key]) for key in keys), name, f"{result['loss_before']:.4f}", f"{after:.4f}", differ]
        for result in content["results"]
        for name, after in result["loss_after"].items()
        for differ in [f"{result['weights_differ'][name]:.1e}" if name in result["weights_differ"] else "-"]
    ]
    headers = [*(VARIED[key] for key in keys), "contestant", "loss before", "after", "weights differ by"]
    return "Loss at attacked inputs\n" + table_text(headers, rows, left=("contestant",))


def growth(results: list[dict[str, Any]], name: str) -> dict[str, float] | None:
    """Exponents of power laws in the width, where nothing else differs."""
    import numpy as np

    widths = [result["width"] for result in results]
    settings = {tuple(result[key] for key in VARIED if key != "width") for result in results}
    if len(set(widths)) < 2 or len(settings) > 1:
        return None
    runs = [result["contestants"][name] for result in results]
    columns = {
        "seconds": [run["seconds"] for run in runs],
        "inner_products": [run["work"]["inner_products"] for run in runs],
    }
    return {key: float(np.polyfit(np.log(widths), np.log(values), 1)[0]) for key, values in columns.items()}


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "seconds": seconds,
    "ratios": ratios,
    "reading": reading,
    "losses": losses,
}
