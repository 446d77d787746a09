"""How many threads calls use where they are not told."""

from __future__ import annotations

from threadpoolctl import LibController, register

from sublinear import _kernels

_limit: int | None = None


def default_threads() -> int:
    """The number of threads that calls with ``threads=None`` use now.

    The processors that this thread may run on, or fewer where a control group's quota of processor time (rounded up),
    the environment variable OMP_NUM_THREADS (of a list its first number; what is no positive whole number is left
    aside) or `threadpoolctl.threadpool_limits` says so. Each is read at every call, a quota once a second. Threads
    change speed only, never a result.
    """
    allowed = int(_kernels.resolve_threads(0))
    return allowed if _limit is None else min(allowed, _limit)


class _Controller(LibController):  # type: ignore[misc]
    """Shows threadpoolctl this library, among those of OpenMP: for its own threads heed the same limits."""

    user_api = "openmp"
    internal_api = "sublinear"
    filename_prefixes = ("_kernels",)
    check_symbols = ("sublinear_threads",)

    def get_num_threads(self) -> int:
        return default_threads()

    def set_num_threads(self, num_threads: int) -> None:
        global _limit
        _limit = None  # who sets what is the default anyway puts back what was before
        _limit = num_threads if num_threads < default_threads() else None

    def get_version(self) -> str | None:
        return str(_kernels.build_info()["version"])


register(_Controller)
