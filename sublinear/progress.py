"""How far a long run is: a bar in a terminal; lines in a log, of a batch job, say, or where output goes to a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console

from sublinear.terminal import can_redraw, holding_bar, notice_console
from sublinear.text import one_line

#: Seconds after which a log is told something, whatever happens.
_INTERVAL = 30.0


class Tell(Protocol):
    """Says where a run is: `text` names what is being done, `done` and `total` are in any unit.

    `ended` is a line of its own for logs, of an epoch that ended, say.
    """

    def __call__(self, text: str, done: float = 0, total: float | None = None, ended: str | None = None) -> None: ...


@contextmanager
def progress(text: str, interval: float = _INTERVAL) -> Iterator[Tell]:
    """On standard error. Where lines can be redrawn, a bar; else each line that has `ended`, and after `interval`
    seconds without one a line that says what is being done. `text` is what is done at first."""
    console = notice_console()
    if can_redraw(console):
        with _bar(console, text) as tell:
            yield tell
        return
    lines = _Lines(console, text, interval)
    try:
        yield lines.tell
    finally:
        lines.end()


@contextmanager
def _bar(console: Console, text: str) -> Iterator[Tell]:
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with holding_bar(console), Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(one_line(text), total=None)

        def tell(text: str, done: float = 0, total: float | None = None, ended: str | None = None) -> None:
            bar.update(task, description=one_line(text), completed=done, total=total)

        yield tell


class _Lines:
    """Lines for a log. A thread of its own sees to those that are due: a step may take minutes."""

    def __init__(self, console: Console, text: str, interval: float) -> None:
        self._console, self._interval = console, interval
        self._text, self._done, self._total = text, 0.0, 0.0
        self._before: float | None = None  # what was done when this run began
        self._began = self._last = time.monotonic()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, daemon=True)
        self._thread.start()

    def tell(self, text: str, done: float = 0, total: float | None = None, ended: str | None = None) -> None:
        with self._lock:
            self._text, self._done, self._total = text, done, total or 0.0
            self._before = done if self._before is None else self._before
            if ended is not None:
                self._print(ended)

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _keep_telling(self) -> None:
        while not self._over.wait(max(0.0, self._last + self._interval - time.monotonic())):
            with self._lock:
                if time.monotonic() - self._last >= self._interval:
                    self._print(self._text)

    def _print(self, text: str) -> None:
        self._last = time.monotonic()
        elapsed = self._last - self._began
        after = f"; after {_clock(elapsed)}"
        if 0 < self._done < self._total:
            after += f", {self._done / self._total:.0%}"
            gained = self._done - (self._before or 0.0)
            if gained > 0:
                after += f", about {_clock(elapsed * (self._total - self._done) / gained)} left"
        self._console.print(one_line(text) + after, soft_wrap=True)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
