"""Compiles the C sources beside this file, and finds the sgemm of the OpenBLAS that NumPy's wheels bring."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray


class UnavailableError(ImportError):
    """Something a C peer needs is not on this machine."""


@functools.cache
def openblas() -> Any:
    folder = pathlib.Path(np.__file__).parent.parent / "numpy.libs"
    found = sorted(folder.glob("libscipy_openblas64_*"))
    if not found:
        raise UnavailableError(f"no OpenBLAS in {folder}: NumPy is not from a wheel")
    return ctypes.CDLL(str(found[0]))


@functools.cache
def compiled(name: str, **macros: int) -> Any:
    source = pathlib.Path(__file__).parent / name
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise UnavailableError("no C compiler")
    flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    flags += [f"-D{macro}={value}" for macro, value in macros.items()]
    features = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    if "avx512f" not in features and not {"avx2", "fma"} <= features:
        raise UnavailableError("the processor has neither AVX-512 nor AVX2 with FMA")
    target = pathlib.Path(tempfile.mkdtemp()) / (source.stem + ".so")
    subprocess.run([compiler, *flags, str(source), "-o", str(target), "-lm"], check=True)
    return ctypes.CDLL(str(target))


def sgemm() -> ctypes.c_void_p:
    """The address of cblas_sgemm with 64-bit sizes, set to one thread: the C code makes its own."""
    openblas().scipy_openblas_set_num_threads64_(1)
    return ctypes.cast(openblas().scipy_cblas_sgemm64_, ctypes.c_void_p)


def use_openblas_threads(threads: int) -> None:
    """Gives NumPy its threads back after `sgemm`; nothing to do where its OpenBLAS is another."""
    with contextlib.suppress(UnavailableError):
        openblas().scipy_openblas_set_num_threads64_(threads)


def address(array: NDArray[Any]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)
