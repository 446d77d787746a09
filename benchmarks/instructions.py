"""Counts the instructions of kernels on 64-bit ARM, at each instruction set: where no ARM machine is, they have to do.

    python benchmarks/instructions.py build/aarch64-qemu

builds the program `kernel_calls` there (`cmake --preset aarch64-qemu` makes the folder) and runs it by qemu, a call and
three of each kernel: half the difference is a call. 96 rows of 256 numbers of 32 bits, copies of them in 8 bits, 32
queries of the scan (8 in 8 bits), 4 sums; `select_not_above` looks at 1024 numbers. An instruction is not a time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LEVELS = {"baseline": "max", "neon, without dot products": "cortex-a53", "neon": "max"}  # and the processor


def instructions(program: Path, kernel: str, calls: int, level: str, processor: str) -> int:
    """Those of a whole run: qemu writes a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        trace = ("-singlestep", "-d", "nochain,exec", "-D", str(log))
        command = ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", "-cpu", processor, *trace)
        variables = {**os.environ, "SUBLINEAR_SIMD": level.partition(",")[0]}
        subprocess.run([*command, str(program), kernel, str(calls)], check=True, env=variables)
        with log.open("rb") as lines:
            return sum(1 for _ in lines)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1])
    subprocess.run(["cmake", "--build", str(build), "--target", "kernel_calls"], check=True, stdout=subprocess.DEVNULL)
    program = build / "cpp" / "tests" / "kernel_calls"
    listing = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", str(program)]
    kernels = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    print(f"| kernel | {' | '.join(LEVELS)} |\n|---|{'---:|' * len(LEVELS)}")
    for kernel in kernels:
        counts = [
            (instructions(program, kernel, 3, *level) - instructions(program, kernel, 1, *level)) // 2
            for level in LEVELS.items()
        ]
        print(f"| `{kernel}` | {' | '.join(f'{count:,}' for count in counts)} |", flush=True)


if __name__ == "__main__":
    main()
