"""What every JSON file of a benchmark holds beside its figures, and how it is written: whole or not at all."""

from __future__ import annotations

import json
import os
import statistics
import sys
from importlib import metadata
from pathlib import Path
from typing import Any


def thread_variables(threads: int) -> None:
    """Gives OpenBLAS, MKL and OpenMP their threads; to be called before NumPy is loaded."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)


def command() -> list[str]:
    """The command line without what is one machine's own: of paths the last name, and no --json."""
    words = ["benchmarks/" + os.path.basename(sys.argv[0])]
    rest = iter(sys.argv[1:])
    for word in rest:
        if word == "--json":
            next(rest, None)
        elif not word.startswith("--json="):
            words.append(os.path.basename(word.rstrip("/")) if os.path.isabs(word) else word)
    return words


def circumstances(threads: int) -> dict[str, Any]:
    """Command, machine, versions, threads, and the instruction sets in force: this library's and the peers'."""
    import sublinear as sl
    from sublinear.info import machine, versions

    found = versions()
    for name in ("torch", "scipy", "faiss-cpu"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "command": command(),
        "machine": machine(),
        "versions": found,
        "threads": threads,
        "simd": sl.simd_level(),
        "peers_simd": peers_simd(),
    }


def peers_simd() -> dict[str, str]:
    """What the peers that are loaded use: they are as installed, whatever SUBLINEAR_SIMD says."""
    import contextlib
    import ctypes

    found = {}
    with contextlib.suppress(ImportError, OSError, AttributeError):
        from compiled_c import openblas

        name = openblas().scipy_openblas_get_corename64_
        name.restype = ctypes.c_char_p
        found["openblas"] = name().decode()
    if "torch" in sys.modules:
        found["torch"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    return found


def save(path: str | None, content: dict[str, Any]) -> None:
    if not path:
        return
    target = Path(path)
    partial = target.with_suffix(target.suffix + ".part")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(target)


def spread(values: list[float]) -> dict[str, Any]:
    """Median, the middle half, and of how many."""
    quarters = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"seconds": statistics.median(values), "middle_half": [quarters[0], quarters[2]], "timed": len(values)}


def show(line: str) -> None:
    """One line of progress over the one before, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def plain(value: float) -> str:
    """A setting as it is written: no trailing zeros, no exponent."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def table_text(headers: list[str], rows: list[list[str]], left: tuple[str, ...] = ()) -> str:
    """Columns two spaces apart, to the right but for those in `left`; no trailing spaces."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = []
    for row in [headers, *rows]:
        cells = [
            cell.ljust(width) if header in left else cell.rjust(width)
            for header, cell, width in zip(headers, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
