"""What was built, and what it runs on."""

from __future__ import annotations

import platform
import sys
from contextlib import suppress
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from sublinear import _kernels


def simd_level() -> str:
    """The instruction set in force: "baseline", "avx2", "avx512" or "neon".

    The best the processor offers, or the one that the environment variable SUBLINEAR_SIMD forces; read once. Raises
    ValueError if that names one this machine lacks. All levels give the same bits.
    """
    return str(_kernels.simd_level())


def build_info() -> dict[str, Any]:
    """What was built, and what it can use here.

    "version"; of the compiled library: "compiler", C++ "standard" (201703), "revision" (of the sources in git, such as
    "a1b2c3d4e5f6", with "-dirty" after it where they had changes; "unknown" for sources without one), "eigen" (the
    version found when it was built, against which the Eigen interface was checked; "" if none; nothing compiled
    contains Eigen); "simd_levels", the instruction sets that this build and processor offer, slowest first;
    "simd_level", the one in force. The same as `sublinear::build_info` in C++.
    """
    return {**_kernels.build_info(), "version": metadata.version("sublinear"), "simd_level": simd_level()}


def get_include() -> str:
    """The directory with the C++ headers, for ``#include "sublinear/sublinear.hpp"``."""
    return str(files("sublinear") / "include")


def get_cmake_dir() -> str:
    """The directory to give CMake as ``-Dsublinear_DIR=...`` for ``find_package(sublinear CONFIG)``."""
    return str(files("sublinear") / "lib" / "cmake" / "sublinear")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """The machine as results record it."""
    return {
        "cpu": _processor(),
        "processors": _kernels.resolve_threads(0),
        "simd_level": simd_level(),
        "memory_available": _kernels.available_memory(),
        "system": platform.platform(),
    }


def reset_peak_memory() -> None:
    """Lets the peak start again from what this process holds now; only Linux can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Most bytes of memory this process held since it began, or since `reset_peak_memory`; None where not known."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def versions() -> dict[str, str]:
    """Versions as results record them; "git" is the revision that the library was built from, or "unknown"."""
    found = {name: metadata.version(name) for name in ("sublinear", "numpy", "scikit-learn")}
    found["python"] = sys.version.split()[0]
    found["git"] = _kernels.build_info()["revision"]
    return found
