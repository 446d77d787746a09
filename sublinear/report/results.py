"""Results of any command, read back from their files, and as one flat table."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sublinear.compare import Comparison
from sublinear.experiments.sweep import PACKED_FORMAT, parsed_record, read_record
from sublinear.files import reading
from sublinear.intervals import middle_half
from sublinear.theory import THEORY_FORMAT
from sublinear.training_run import HISTORY

#: What messages say that a damaged file is not.
RESULT = "result that this version reads"


_IN_MEMORY = Path()


@dataclass
class Results:
    """What was found: comparisons, cells of sweeps, training runs and theory, each with the file it came from."""

    comparisons: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    cells: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    trainings: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    theories: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.comparisons or self.cells or self.trainings or self.theories)


def find_results(folders: Iterable[str | os.PathLike[str]]) -> Results:
    """Everything that `compare`, `scaling`, `train` and `theory` wrote in these folders and below.

    Files that are something else are passed over. Raises FileNotFoundError for a folder that is not there, and
    ValueError for folders without any results.
    """
    results, searched = Results(), []
    for folder in map(Path, folders):
        searched.append(str(folder))
        if not folder.exists():
            raise FileNotFoundError(f"{folder} does not exist; give a folder that compare, scaling or train wrote")
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*.json")):
            _read(path, results)
    if not results:
        raise ValueError(
            f"there are no results in {', '.join(searched)}; run sublinear compare, scaling or train first"
        )
    return results


def _read(path: Path, results: Results) -> None:
    record = read_record(path)
    if record is not None:
        results.cells.append((path, record))
        return
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    if not isinstance(content, dict):
        return
    if content.get("format") == PACKED_FORMAT and isinstance(content.get("records"), list):
        found = (parsed_record(json.dumps(each).encode()) for each in content["records"])
        results.cells += [(path, each) for each in found if each is not None]
    elif isinstance(content.get("runs"), list) and {"dataset", "network", "attack", "training"} <= content.keys():
        results.comparisons.append((path, content))
    elif content.get("format") == THEORY_FORMAT:
        results.theories.append((path, content))
    elif path.name == HISTORY and {"settings", "history"} <= content.keys():
        results.trainings.append((path, content))


def load_results(*sources: str | os.PathLike[str] | Comparison | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One flat dictionary for each run and cell in these folders, all with the same keys: ready for a data frame.

    A `Comparison` and the records of `sweep_cells` are taken as they are. ``pandas.DataFrame(load_results("study"))``.
    What a kind of result does not have is None. Shares of candidates and fired neurons are those of the first and the
    last epoch, or step. Raises as `find_results`, and ValueError for a result that is damaged.
    """
    folders = [each for each in sources if isinstance(each, (str, os.PathLike))]
    results = find_results(folders) if folders else Results()
    for source in sources:
        if isinstance(source, Comparison):
            results.comparisons.append((_IN_MEMORY, json.loads(json.dumps(source.as_dict()))))
        elif isinstance(source, list):
            results.cells += [(_IN_MEMORY, record) for record in source]
    if not results:
        raise ValueError("there are no results; give folders, comparisons or records of cells")
    rows: list[dict[str, Any]] = []
    for path, content in results.comparisons:
        with reading(path, RESULT):
            rows += [_of_run(path, content, run) for run in [*content["runs"], *content.get("peers", [])]]
    for path, record in results.cells:
        with reading(path, RESULT):
            rows.append(_of_cell(path, record))
    for path, content in results.trainings:
        with reading(path, RESULT):
            rows.append(_of_training(path, content))
    for path, content in results.theories:
        with reading(path, RESULT):
            rows += [_of_claim(path, content, claim) for claim in content["claims"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The rows with a header line; None is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _ends(shares: list[float] | None, name: str) -> dict[str, Any]:
    return {f"{name}_first": shares[0], f"{name}_last": shares[-1]} if shares else {}


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    """What runs of comparisons and cells have alike."""
    names = ("exact", "build_seconds", "bytes", "peak_bytes", "recall", "weights_sha256", "error")
    row = {name: run.get(name) for name in names}
    row |= _ends(run.get("fired_share"), "fired_share") | _ends(run.get("candidates_share"), "candidates_share")
    row |= run.get("work", {})
    return row


def _of_run(path: Path, content: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    data, network, attack, training = (content[name] for name in ("dataset", "network", "attack", "training"))
    return {
        "kind": "compare",
        "file": str(path),
        "strategy": run["strategy"],
        "status": "done" if run.get("error") is None else "refused",
        "dataset": data["name"],
        "width": network["width"],
        "inputs": data["n_train"],
        "features": data["n_features"],
        "outputs": network["n_outputs"],
        "radius": attack["radius"],
        "norm": str(attack["norm"]),
        "steps": attack["steps"],
        "batch_size": training["batch_size"],
        "learning_rate": training["learning_rate"]["first"],
        "epochs": training["epochs"],
        "seed": content["seed"],
        "dtype": network["dtype"],
        **_where(content),
        "seconds_per_epoch": run.get("seconds_per_epoch"),
        **_quartiles(run),
        "interleaved": run.get("interleaved"),
        "seconds_per_iteration": seconds_per_iteration(content, run),
        "clean_accuracy": run.get("clean_accuracy"),
        "robust_accuracy": run.get("robust_accuracy"),
        **_figures(run),
    }


def _quartiles(run: dict[str, Any]) -> dict[str, Any]:
    """Between what the middle half of a run's epochs lies."""
    seconds = run.get("history", {}).get("seconds")
    half = middle_half(seconds) if seconds else None
    return {f"seconds_per_epoch_{end}": None if half is None else getattr(half, end) for end in ("low", "high")}


def steps_per_epoch(content: dict[str, Any]) -> int:
    """Training steps of an epoch of a comparison."""
    return int(-(-content["dataset"]["n_train"] // content["training"]["batch_size"]))


def seconds_per_iteration(content: dict[str, Any], run: dict[str, Any]) -> float | None:
    """Median seconds of an epoch of a comparison's run, over its steps."""
    seconds = run.get("seconds_per_epoch")
    return None if seconds is None else float(seconds) / steps_per_epoch(content)


def _where(content: dict[str, Any]) -> dict[str, Any]:
    found, versions, data = content["machine"], content["versions"], content.get("dataset", {})
    return {
        "date": content.get("date"),
        "data_sha256": data.get("sha256"),
        "threads": found.get("threads"),
        "simd_level": found["simd_level"],
        "cpu": found["cpu"],
        "sublinear": versions["sublinear"],
        "git": versions["git"],
    }


def _of_cell(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    cell, sizes = record["cell"], record.get("sizes", {})
    judged = ("clean_accuracy", "robust_accuracy", "test_loss", "robust_test_loss")
    row = {
        "kind": "cell",
        "file": str(path),
        "strategy": cell["strategy"],
        "status": record["status"],
        **{name: value for name, value in cell.items() if name != "strategy"},
        "norm": str(cell["norm"]),
        "inputs": sizes.get("inputs") or cell["inputs"] or None,
        "features": sizes.get("features") or cell["features"] or None,
        "outputs": sizes.get("outputs"),
        **_where(record),
        "seconds_per_iteration": record.get("seconds_per_iteration"),
        "timed": len(record.get("rounds", [0])) if record["status"] == "done" else None,
        **{name: record.get(name) for name in judged},
        **_figures(record),
    }
    row["threads"] = cell["threads"] or record["machine"]["processors"]
    return row


def _of_training(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    settings, history = content["settings"], content["history"]
    names = (
        "strategy",
        "dataset",
        "width",
        "radius",
        "steps",
        "batch_size",
        "learning_rate",
        "seed",
        "dtype",
        "threads",
    )
    seconds = history["seconds"]
    return {
        "kind": "train",
        "file": str(path),
        "status": content["ending"],
        **{name: settings[name] for name in (*names, "dtype", "threads")},
        "norm": str(settings["norm"]),
        "epochs": len(seconds),
        "seconds_per_epoch": sorted(seconds)[len(seconds) // 2] if seconds else None,
        "clean_accuracy": (history["validation_clean_accuracy"] or [None])[-1],
        "robust_accuracy": (history["validation_robust_accuracy"] or [None])[-1],
        **_ends(history["fired_share"], "fired_share"),
        **_ends(history["candidates_share"], "candidates_share"),
        "weights_sha256": content.get("weights_sha256"),
        **(_where(content) if "machine" in content else {}),  # earlier versions did not say
    }


def _of_claim(path: Path, content: dict[str, Any], claim: dict[str, Any]) -> dict[str, Any]:
    settings, at = content["settings"], claim["at"]
    return {
        "kind": "theory",
        "file": str(path),
        "status": "done",
        "dataset": settings["dataset"],
        "width": at.get("m"),
        "inputs": at["n"],
        "features": at["d"],
        "radius": at["radius"],
        "steps": settings["steps"],
        **_where(content),
        "claim": claim["name"],
        "source": claim["source"],
        "relation": claim["relation"],
        "kind_of_claim": claim["kind"],
        "predicted": claim["predicted_mean"],
        "measured": claim["mean"],
        "measured_low": claim["low"],
        "measured_high": claim["high"],
        **{name: claim[name] for name in ("ratio", "ratio_low", "ratio_high", "verdict")},
    }
