"""Where the cells of a sweep run beside this process: in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from sublinear.arrays import as_integer
from sublinear.experiments.cell import Cell, blank_record, run_cell


def _failure(cell: Cell, status: str, error: str) -> dict[str, Any]:
    """The record of a cell that could not write its own."""
    return {**blank_record(cell), "status": status, "error": error}


def _work(cell: Cell, timeout: float | None, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    logging.getLogger("sublinear").setLevel(logging.ERROR)  # and has told what there is to say of the data
    pipe.send(run_cell(cell, timeout))


class LocalProcesses:
    """Several processes of this machine, spawned, one for each cell: what a cell does to its process ends with it.

    A process that runs out of time, even while it builds a structure, is ended; one that dies (killed for memory, say)
    is recorded as failed. Cells that run side by side share caches and cores: compare their times with care.
    """

    def __init__(self, workers: int) -> None:
        self.workers = as_integer(workers, "workers", 1)

    def run(
        self, cells: list[Cell], timeout: float | None, go_on: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in the order in which they end."""
        context = multiprocessing.get_context("spawn")
        waiting = list(reversed(cells))
        running: dict[Connection, tuple[Cell, BaseProcess, float]] = {}
        try:
            while waiting or running:
                if not go_on():
                    waiting.clear()
                while waiting and len(running) < self.workers:
                    cell = waiting.pop()
                    ours, theirs = context.Pipe(duplex=False)
                    process: BaseProcess = context.Process(target=_work, args=(cell, timeout, theirs), daemon=True)
                    process.start()
                    theirs.close()
                    running[ours] = cell, process, time.monotonic()
                ready = wait(list(running), timeout=0.2)
                for pipe, (cell, of_cell, began) in list(running.items()):
                    late = timeout is not None and time.monotonic() - began > timeout + _GRACE
                    if pipe not in ready and not late:
                        continue
                    del running[pipe]
                    yield cell, _collect(cell, pipe if pipe in ready else None, of_cell, timeout)
        finally:
            for _, unfinished, _ in running.values():
                unfinished.kill()
                unfinished.join()


#: Seconds beyond the timeout: the start of a process, and what a cell needs to notice by itself.
_GRACE = 5.0


def _collect(cell: Cell, pipe: Connection | None, process: BaseProcess, timeout: float | None) -> dict[str, Any]:
    if pipe is None:
        process.kill()
        process.join()
        return _failure(cell, "timeout", f"took more than {timeout:g} seconds and was ended")
    try:
        record: dict[str, Any] = pipe.recv()
    except EOFError:
        process.join()
        return _failure(cell, "failed", f"its process ended with exit status {process.exitcode}")
    process.join()
    return record


_SECONDS_TO_CONNECT = 10.0


class OnDask:
    """An existing Dask cluster; each worker needs this version of the library. Records are written here, not there.

    A cell whose worker dies is given to another one, up to three times.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise ImportError("a sweep on Dask needs distributed; pip install 'sublinear[dask]'") from error
        self._distributed: Any = distributed
        try:
            self._client = self._distributed.Client(address, timeout=_SECONDS_TO_CONNECT)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(f"no Dask scheduler answers at {address}: {error}") from error

    def run(
        self, cells: list[Cell], timeout: float | None, go_on: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The record of each cell, in the order in which they end."""
        futures = {
            self._client.submit(run_cell, cell, timeout, pure=False, key=f"sublinear-{number}-{cell.file}"): cell
            for number, cell in enumerate(cells)
        }
        try:
            for future in self._distributed.as_completed(futures):
                cell = futures[future]
                try:
                    record = future.result()
                except Exception as error:  # whatever a worker or its death raised
                    record = _failure(cell, "failed", f"{type(error).__name__}: {error}")
                yield cell, record
                if not go_on():
                    break
        finally:
            self._client.cancel(list(futures))
            self._client.close()
