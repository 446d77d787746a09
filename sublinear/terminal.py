"""The one way to a terminal: what is printed is text, never markup, and every stream can take it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from sublinear.text import one_line, visible


class _TextConsole(Console):
    """Every string it is given, in tables too, is shown as it is; styles come as rich.text.Text."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False, "highlight": False})


_COLUMNS = 80  # where there is no terminal to ask


def _console(stream: Any, stderr: bool, width: int | None = None) -> Console:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")  # \xfc where a console knows no such letter
    return _TextConsole(stderr=stderr, highlight=False, width=width)


def results_console() -> Console:
    """On standard output; of 80 columns where that is no terminal."""
    console = _console(sys.stdout, stderr=False)
    return console if console.is_terminal else _console(sys.stdout, stderr=False, width=_COLUMNS)


#: Consoles with a bar, the last one in use: what else is printed has to go above it.
_with_bar: list[Console] = []


def notice_console() -> Console:
    """On standard error."""
    return _with_bar[-1] if _with_bar else _console(sys.stderr, stderr=True)


@contextmanager
def holding_bar(console: Console) -> Iterator[None]:
    """While it lasts, notices are printed by the console that redraws a bar."""
    _with_bar.append(console)
    try:
        yield
    finally:
        _with_bar.remove(console)


def notice(text: object, mark: str = "") -> None:
    """One line on standard error, however long; `mark` goes before it in red."""
    marked = [(f"{one_line(mark)} ", "bold red")] if mark else []
    notice_console().print(Text.assemble(*marked, one_line(text)), soft_wrap=True)


def written(path: object) -> None:
    """Says on standard output where results are."""
    results_console().print(f"Written: {one_line(path)}", soft_wrap=True)


def print_json(content: str) -> None:
    """JSON, which is ASCII as `json.dumps` gives it, on standard output as it is."""
    file = results_console().file
    file.write(content + "\n")
    file.flush()


def forget_output() -> None:
    """Standard output that cannot be written is not tried again when the program ends."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until then)


def can_redraw(console: Console) -> bool:
    """Whether lines that were printed can be replaced: in a terminal, whatever is said of colours, or a notebook."""
    return console.is_jupyter or (console.file.isatty() and not console.is_dumb_terminal)
